#pragma once

#include <compare>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kr {

// A point on the monotonic clock. Only differences mean something; it never jumps when somebody
// sets the wall clock, so every interval (lease, for, timeout) is measured on it.
class MonotonicTime {
 public:
  constexpr MonotonicTime() = default;
  explicit constexpr MonotonicTime(absl::Duration since_start) : since_start_(since_start) {}

  static constexpr MonotonicTime InfiniteFuture() {
    return MonotonicTime(absl::InfiniteDuration());
  }

  absl::Duration since_start() const { return since_start_; }
  friend MonotonicTime operator+(MonotonicTime t, absl::Duration d) {
    return MonotonicTime(t.since_start_ + d);
  }
  friend MonotonicTime operator-(MonotonicTime t, absl::Duration d) {
    return MonotonicTime(t.since_start_ - d);
  }
  friend absl::Duration operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_start_ - b.since_start_;
  }
  friend bool operator==(MonotonicTime a, MonotonicTime b) {
    return a.since_start_ == b.since_start_;
  }
  friend bool operator<(MonotonicTime a, MonotonicTime b) {
    return a.since_start_ < b.since_start_;
  }
  friend bool operator>(MonotonicTime a, MonotonicTime b) { return b < a; }
  friend bool operator<=(MonotonicTime a, MonotonicTime b) { return !(b < a); }
  friend bool operator>=(MonotonicTime a, MonotonicTime b) { return !(a < b); }

 private:
  absl::Duration since_start_ = absl::ZeroDuration();
};

// Where time comes from. Thread-safe. Nothing but RealClock asks the system for the time, so that
// tests decide what time it is.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, for timestamps that people or the API server read.
  virtual absl::Time Now() const = 0;
  // For intervals.
  virtual MonotonicTime Monotonic() const = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() const override;
  MonotonicTime Monotonic() const override;
};

}  // namespace kr
