#include "reconcilers/limits/second_look.h"

#include <algorithm>

#include "crds/meta/time.h"

namespace kr::limits {
namespace {

absl::Duration Pause(int64_t in_a_row, const Settings& settings) {
  absl::Duration pause = settings.second_look;
  for (int64_t i = 1; i < in_a_row && pause < settings.second_look_max; ++i) pause *= 2;
  return std::min(pause, settings.second_look_max);
}

}  // namespace

std::optional<Refusal> CheckSecondLook(const std::optional<SecondLook>& look,
                                       const Settings& settings, absl::Time now) {
  if (!look) return std::nullopt;
  const bool contradicted = !look->new_episode && !look->caught_up;
  // A target that came back is another one, or selected again.
  if (look->target_gone && !contradicted) return std::nullopt;
  const absl::Time until =
      look->at + (contradicted ? settings.second_look_max : Pause(look->in_a_row, settings));
  if (now >= until) return std::nullopt;
  std::string message = "Remediation " + look->remediation + " found at " +
                        crds::FormatTime(look->at) + " that the " +
                        (look->target_gone ? "object" : "symptom") + " was gone";
  message += contradicted
                 ? "; what is watched has not caught up with that yet, so it is not "
                   "believed before " +
                       crds::FormatTime(until) + " at the latest"
                 : ", " +
                       (look->in_a_row == 1
                            ? std::string("and")
                            : "the " + std::to_string(look->in_a_row) + ". time in a row, and") +
                       " the next may begin at " + crds::FormatTime(until);
  return Refusal{.reason = Reason::kStaleView, .message = std::move(message), .next_check = until};
}

}  // namespace kr::limits
