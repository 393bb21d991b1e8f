#pragma once

#include "absl/time/time.h"
#include "controller/base/clock.h"

namespace kr::testing {

// Time that only a test moves. Not thread-safe: for tests that drive a state machine themselves.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  MonotonicTime Monotonic() const override { return monotonic_; }

  void Advance(absl::Duration d) {
    now_ += d;
    monotonic_ = monotonic_ + d;
  }
  // Somebody sets the wall clock; intervals must not notice.
  void JumpWall(absl::Duration d) { now_ += d; }

 private:
  absl::Time now_ = absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  MonotonicTime monotonic_{absl::Hours(1)};
};

}  // namespace kr::testing
