#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kr::crds {

// A number of things, or a share of a total: `3` or `"20%"`.
struct IntOrPercent {
  int64_t value = 0;
  bool percent = false;

  static constexpr IntOrPercent Count(int64_t n) { return {n, false}; }
  static constexpr IntOrPercent Percent(int64_t n) { return {n, true}; }
  // "20%" or "3"; nullopt for anything else, negative numbers and more than 100 %.
  static std::optional<IntOrPercent> Parse(std::string_view text);

  // How many that is of `total`, rounded down. A share of something may be 0: the caller decides
  // whether one is always allowed.
  int64_t Of(int64_t total) const { return percent ? total * value / 100 : value; }
  std::string ToString() const;
  friend bool operator==(const IntOrPercent&, const IntOrPercent&) = default;
};

}  // namespace kr::crds
