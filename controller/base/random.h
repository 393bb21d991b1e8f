#pragma once

#include <random>

namespace kr {

// Randomness for jitter, injected so that tests are exact. Not for secrets.
class Random {
 public:
  virtual ~Random() = default;
  // Uniform in [0, 1).
  virtual double Uniform() = 0;
};

// Not thread-safe: one per thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(unsigned long seed) : engine_(seed) {}
  double Uniform() override { return std::uniform_real_distribution<double>(0, 1)(engine_); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kr
