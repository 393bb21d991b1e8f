#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/settings.h"

namespace kr::limits {

// What is remembered of (policy, lineage) between two episodes: the newest Remediation's ledger and
// how it ended, plus what this process has seen since. A value.
struct LineageMemory {
  crds::Ledger ledger;
  std::optional<crds::Phase> outcome;  // final phase; nullopt: still open
  absl::Time finished_at = absl::InfinitePast();
  int64_t policy_generation = 0;  // under which it ran
  std::optional<crds::Contended> contended;

  // The end of the last sickness that this process has seen after finished_at.
  absl::Time last_sick = absl::InfinitePast();
  // The new episode is one of a schedule: that there was one before is no relapse.
  bool planned = false;
  // Since when this process watches the target; nothing is known of its health before.
  absl::Time observed_since = absl::InfiniteFuture();
};

// From the newest Remediation of the lineage (the highest ledger.n, then the youngest). A
// Remediation whose status was never written counts with n from its name. With spec.retry nothing
// but n and disputes is remembered.
LineageMemory Remember(const crds::Remediation& newest, absl::Time observed_since);

// What the next Remediation starts with; goes into its status as it is.
struct Beginning {
  crds::Ledger ledger;
  std::optional<crds::Contended> contended;
};

// The ledger of a new episode that began at `sick_since`:
// - n is the predecessor's + 1;
// - another generation of the policy forgets failures, the exhausted mark and disputes, and with
//   them the cooldown: whoever repaired the policy is waiting for it to act. Only the rest after a
//   success stays, which was no verdict on the policy;
// - so does having been healthy for settings.relapse (disputes stay);
// - a success that did not last settings.relapse counts as one failure more, unless the episode is
//   planned;
// - three failures in a row are Exhausted.
// Otherwise cooldown_until is the predecessor's: whether it still holds is CheckCooldown's
// question.
Beginning Begin(const std::optional<LineageMemory>& memory, int64_t policy_generation,
                absl::Time sick_since, const Settings& settings);
inline constexpr int64_t kFailuresUntilExhausted = 3;

}  // namespace kr::limits
