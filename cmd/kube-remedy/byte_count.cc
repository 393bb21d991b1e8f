#include "cmd/kube-remedy/byte_count.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace kr::cmd {
namespace {

constexpr std::pair<std::string_view, int> kUnits[] = {{"Gi", 30}, {"Mi", 20}, {"Ki", 10}};

}  // namespace

std::optional<size_t> ParseCount(std::string_view text) {
  size_t value = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

std::optional<size_t> ParseByteCount(std::string_view text) {
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!text.ends_with(unit)) continue;
    shift = bits;
    text.remove_suffix(unit.size());
    break;
  }
  const std::optional<size_t> number = ParseCount(text);
  if (!number || *number > SIZE_MAX >> shift) return std::nullopt;
  return *number << shift;
}

std::string FormatByteCount(size_t bytes) {
  for (const auto& [unit, shift] : kUnits) {
    if (bytes != 0 && bytes % (size_t{1} << shift) == 0) {
      return std::to_string(bytes >> shift) + std::string(unit);
    }
  }
  return std::to_string(bytes);
}

}  // namespace kr::cmd
