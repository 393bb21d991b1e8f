#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/limits/settings.h"

namespace kr::limits {

// The last remediation of a target ended before it wrote anything: the API server said that the
// symptom, or the target, was gone, while the caches showed both. Everything here can be told from
// the Remediations that exist, so it outlives the process.
struct SecondLook {
  std::string remediation;
  bool target_gone = false;  // otherwise: the symptom
  absl::Time at = absl::InfinitePast();
  int64_t in_a_row = 1;  // so many of the target's last remediations ended like that
  // The sickness began anew after it: it is not the one that was gone.
  bool new_episode = false;
  // The caches show everything that had happened by then.
  bool caught_up = false;
};

// StaleView while the target is to be left alone:
// - for a pause that doubles each time in a row, from settings.second_look to second_look_max: what
//   flaps faster than it is treated must not become a flood of Remediations;
// - while what the caches show is what the API server has contradicted. At most for
//   settings.second_look_max, as versions of some kinds cannot be compared: looking live once more
//   does no harm.
std::optional<Refusal> CheckSecondLook(const std::optional<SecondLook>& look,
                                       const Settings& settings, absl::Time now);

}  // namespace kr::limits
