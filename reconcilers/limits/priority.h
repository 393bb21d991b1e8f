#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace kr::limits {

// In which order sick targets get what is scarce: the higher number first. Each `aging` that a
// target has waited counts as one, so that no policy starves another for ever.
inline int64_t EffectivePriority(int64_t priority, absl::Duration waited, absl::Duration aging) {
  if (aging <= absl::ZeroDuration() || waited <= absl::ZeroDuration()) return priority;
  return priority + waited / aging;
}

}  // namespace kr::limits
