#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace kr::cel {

// Gathers until when the outcome of an evaluation holds, from everything in it that looked at a
// time which moves with `now`.
//
// A moving quantity is q(t) = q + rate * t, t being the time from now on, rate an integer. All
// instants count in whole nanoseconds, as timestamps do.
class Validity {
 public:
  explicit Validity(absl::Time now) : now_(now) {}

  absl::Time now() const { return now_; }
  absl::Time until() const { return until_; }

  // What a comparison distinguishes of the sign of a difference.
  enum class Test : uint8_t {
    kLess,         // negative from the rest:  a < b, a >= b
    kLessOrEqual,  // positive from the rest:  a <= b, a > b
    kEqual,        // zero from the rest
    kOrder,        // all three
  };

  // A comparison looked at the sign of the difference of two quantities, which moves at `rate`.
  void Compared(absl::Duration difference, int64_t rate, Test test);
  // Something was used that holds until `time` itself.
  void HoldsUntil(absl::Time time) { until_ = std::min(until_, time); }
  // A step function was read that has its present value while begin <= quantity < end: how far the
  // quantity is past both (zero or more, and less than zero).
  void Within(absl::Duration past_begin, absl::Duration past_end, int64_t rate);

 private:
  const absl::Time now_;
  absl::Time until_ = absl::InfiniteFuture();
};

}  // namespace kr::cel
