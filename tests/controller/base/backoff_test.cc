#include "controller/base/backoff.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace kr {
namespace {

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(double value) : value_(value) {}
  double Uniform() override { return value_; }

 private:
  double value_;
};

TEST(Backoff, DoublesUpToTheMaximum) {
  testing::FakeClock clock;
  FixedRandom none(0);
  Backoff backoff({.initial = absl::Seconds(1), .max = absl::Seconds(5)}, none);
  for (int want : {1, 2, 4, 5, 5}) {
    EXPECT_EQ(backoff.Next(clock.Monotonic()), absl::Seconds(want));
    clock.Advance(absl::Seconds(want));
  }
}

TEST(Backoff, JitterLengthensByAtMostItsShare) {
  testing::FakeClock clock;
  FixedRandom half(0.5);
  Backoff backoff({.initial = absl::Seconds(2), .jitter = 1.0}, half);
  EXPECT_EQ(backoff.Next(clock.Monotonic()), absl::Seconds(3));
}

TEST(Backoff, ForgetsAfterAHealthyWhile) {
  testing::FakeClock clock;
  FixedRandom none(0);
  Backoff backoff({.initial = absl::Seconds(1), .reset_after = absl::Minutes(2)}, none);
  backoff.Next(clock.Monotonic());
  clock.Advance(absl::Minutes(1));
  EXPECT_EQ(backoff.Next(clock.Monotonic()), absl::Seconds(2));
  clock.Advance(absl::Minutes(3));
  EXPECT_EQ(backoff.Next(clock.Monotonic()), absl::Seconds(1));
}

}  // namespace
}  // namespace kr
