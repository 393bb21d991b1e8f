#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/random.h"

namespace kr::fuzz {

// Makes bad inputs of good ones: bytes flipped, pieces lost, doubled, moved and taken from others,
// numbers at the edge, nesting without end. The same seed, the same inputs.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One of `corpus`, changed in one to eight places.
  std::string Next(const std::vector<std::string>& corpus);

 private:
  size_t Below(size_t bound);
  void ChangeOnce(std::string& text, const std::vector<std::string>& corpus);

  SeededRandom random_;
};

}  // namespace kr::fuzz
