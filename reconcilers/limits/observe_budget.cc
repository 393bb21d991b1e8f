#include "reconcilers/limits/observe_budget.h"

#include <algorithm>
#include <string>
#include <vector>

namespace kr::limits {

std::optional<Refusal> CheckObserveBudget(std::span<const absl::Time> created, absl::Time now) {
  if (static_cast<int64_t>(created.size()) >= kObservedLive) {
    return Refusal{.reason = Reason::kRateLimited,
                   .message = "there are " + std::to_string(created.size()) +
                              " Remediations of this policy; in mode Observe at most " +
                              std::to_string(kObservedLive) + " are kept"};
  }
  std::vector<absl::Time> recent;
  for (absl::Time time : created) {
    if (time > now - absl::Minutes(1)) recent.push_back(time);
  }
  if (static_cast<int64_t>(recent.size()) < kObservedPerMinute) return std::nullopt;
  // There is room again when all but kObservedPerMinute - 1 have aged out.
  std::ranges::sort(recent, std::greater<>());
  return Refusal{.reason = Reason::kRateLimited,
                 .message = "in mode Observe a policy makes at most " +
                            std::to_string(kObservedPerMinute) + " Remediations a minute",
                 .next_check = recent[kObservedPerMinute - 1] + absl::Minutes(1)};
}

}  // namespace kr::limits
