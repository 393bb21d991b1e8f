#include "reconcilers/limits/rate.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "crds/meta/duration.h"
#include "crds/meta/time.h"

namespace kr::limits {

std::optional<absl::Time> RoomAt(int64_t count, absl::Duration within,
                                 std::span<const absl::Time> times, absl::Time now) {
  std::vector<absl::Time> recent;
  for (const absl::Time time : times) {
    if (time > now - within) recent.push_back(time);
  }
  if (static_cast<int64_t>(recent.size()) < count) return std::nullopt;
  // There is room again when all but count - 1 of them have aged out.
  std::ranges::sort(recent, std::greater<>());
  return recent[static_cast<size_t>(count) - 1] + within;
}

std::optional<Refusal> CheckRate(const crds::RateLimit& limit, std::span<const absl::Time> created,
                                 absl::Time now) {
  const std::optional<absl::Time> room = RoomAt(limit.count, limit.within, created, now);
  if (!room) return std::nullopt;
  return Refusal{.reason = Reason::kRateLimited,
                 .message = "the policy may begin " + std::to_string(limit.count) + " within " +
                            crds::FormatDuration(limit.within) + "; the next one at " +
                            crds::FormatTime(*room),
                 .next_check = *room};
}

}  // namespace kr::limits
