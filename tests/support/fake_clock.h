#pragma once

#include "absl/time/time.h"
#include "controller/base/clock.h"

namespace kr::testing {

// Time that only a test moves. Not thread-safe: for tests that drive a state machine themselves.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  MonotonicTime Monotonic() const override {
    now_ += look_;
    return monotonic_ = monotonic_ + look_;
  }

  void Advance(absl::Duration d) {
    now_ += d;
    monotonic_ = monotonic_ + d;
  }
  // Somebody sets the wall clock; intervals must not notice.
  void JumpWall(absl::Duration d) { now_ += d; }
  // What is done between two looks at the monotonic clock takes so long: else work takes no time.
  void SetTimeBetweenLooks(absl::Duration d) { look_ = d; }

 private:
  mutable absl::Time now_ =
      absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  mutable MonotonicTime monotonic_{absl::Hours(1)};
  absl::Duration look_;
};

}  // namespace kr::testing
