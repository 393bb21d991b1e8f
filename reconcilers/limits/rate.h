#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// When one more fits into `count` within `within`; nullopt: now. `times` are those that count, in
// any order; `count` is at least 1.
std::optional<absl::Time> RoomAt(int64_t count, absl::Duration within,
                                 std::span<const absl::Time> times, absl::Time now);

// RateLimited when a policy has made limit.count Remediations within the last limit.within; says
// when the next may be made. `created` are the creation times of those that exist or are being
// created: pruning keeps what still counts (history.h).
std::optional<Refusal> CheckRate(const crds::RateLimit& limit, std::span<const absl::Time> created,
                                 absl::Time now);

}  // namespace kr::limits
