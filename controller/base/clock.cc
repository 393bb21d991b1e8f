#include "controller/base/clock.h"

#include <chrono>

namespace kr {

absl::Time RealClock::Now() const {
  return absl::Now();
}

MonotonicTime RealClock::Monotonic() const {
  return MonotonicTime(absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace kr
