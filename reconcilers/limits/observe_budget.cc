#include "reconcilers/limits/observe_budget.h"

#include <string>

#include "reconcilers/limits/rate.h"

namespace kr::limits {

std::optional<Refusal> CheckObserveBudget(std::span<const absl::Time> created, absl::Time now) {
  if (static_cast<int64_t>(created.size()) >= kObservedLive) {
    return Refusal{.reason = Reason::kRateLimited,
                   .message = "there are " + std::to_string(created.size()) +
                              " Remediations of this policy; in mode Observe at most " +
                              std::to_string(kObservedLive) + " are kept"};
  }
  const std::optional<absl::Time> room = RoomAt(kObservedPerMinute, absl::Minutes(1), created, now);
  if (!room) return std::nullopt;
  return Refusal{.reason = Reason::kRateLimited,
                 .message = "in mode Observe a policy makes at most " +
                            std::to_string(kObservedPerMinute) + " Remediations a minute",
                 .next_check = *room};
}

}  // namespace kr::limits
