#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/status.h"

namespace kr::values {

// A semantic version after semver.org 2.0.0, as the Go library blang/semver reads it.
class Semver {
 public:
  // InvalidArgument says which part is wrong.
  static StatusOr<Semver> Parse(std::string_view text);
  // Takes a "v" in front, leading zeros and missing minor and patch numbers as well.
  static StatusOr<Semver> ParseTolerant(std::string_view text);

  uint64_t major() const { return major_; }
  uint64_t minor() const { return minor_; }
  uint64_t patch() const { return patch_; }
  // By precedence: build metadata does not count.
  int Compare(const Semver& other) const;
  std::string ToString() const;

 private:
  // Numbers come before words.
  using Identifier = std::variant<uint64_t, std::string>;

  uint64_t major_ = 0;
  uint64_t minor_ = 0;
  uint64_t patch_ = 0;
  std::vector<Identifier> prerelease_;
  std::vector<std::string> build_;
};

}  // namespace kr::values
