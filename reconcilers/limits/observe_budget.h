#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/time/time.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// Observing writes nothing to targets but a Remediation per lineage and cooldown: a policy that
// selects too much must not flood the API server.
inline constexpr int64_t kObservedPerMinute = 10;
inline constexpr int64_t kObservedLive = 200;
// As many finished ones survive pruning, so that there is room for new ones.
inline constexpr int64_t kObservedKept = 100;

// RateLimited when a policy in mode Observe has made too many Remediations. `created` are the
// creation times of those that exist, in any order.
std::optional<Refusal> CheckObserveBudget(std::span<const absl::Time> created, absl::Time now);

}  // namespace kr::limits
