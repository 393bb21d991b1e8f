#pragma once

#include "controller/base/random.h"

namespace kr::testing {

// The same number every time: 0 = no jitter.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(double value = 0) : value_(value) {}
  double Uniform() override { return value_; }

 private:
  double value_;
};

}  // namespace kr::testing
