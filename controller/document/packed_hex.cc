#include "controller/document/packed_hex.h"

#include <algorithm>
#include <cstdint>

namespace kr::document {
namespace {

constexpr size_t kMinDigits = 32;
constexpr size_t kMaxDigits = 2 * UINT8_MAX;

bool IsDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

unsigned Value(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

}  // namespace

size_t PackableHexDigits(std::string_view text) {
  if (text.size() < kMinDigits || !IsDigit(text.back())) return 0;
  size_t digits = 1;
  const size_t most = std::min(text.size(), kMaxDigits);
  while (digits < most && IsDigit(text[text.size() - digits - 1])) ++digits;
  digits -= digits % 2;
  return digits >= kMinDigits && text.size() - digits <= UINT8_MAX ? digits : 0;
}

void AppendPackedHex(std::string_view text, size_t digits, std::string& out) {
  const std::string_view prefix = text.substr(0, text.size() - digits);
  const std::string_view hex = text.substr(prefix.size());
  out += static_cast<char>(prefix.size());
  out += static_cast<char>(digits / 2);
  out += prefix;
  for (size_t i = 0; i < digits; i += 2) {
    out += static_cast<char>(Value(hex[i]) << 4 | Value(hex[i + 1]));
  }
}

void WritePackedHex(const char* packed, std::string& out) {
  const size_t prefix = static_cast<uint8_t>(packed[0]);
  const size_t bytes = static_cast<uint8_t>(packed[1]);
  out.assign(packed + 2, prefix);
  for (size_t i = 0; i < bytes; ++i) {
    const auto byte = static_cast<uint8_t>(packed[2 + prefix + i]);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
}

}  // namespace kr::document
