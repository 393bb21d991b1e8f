#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kr::document {

// A timestamp as API servers write it, "2026-01-02T03:04:05Z" (metav1.Time) or with exactly six
// digits of fraction (metav1.MicroTime), as a number from which the same string can be written.
struct PackedTime {
  int64_t micros = 0;  // since 1970-01-01T00:00:00Z
  bool fraction = false;

  // Nothing when `text` is anything else: Write(*Parse(text)) == text.
  static std::optional<PackedTime> Parse(std::string_view text);
  void Write(std::string& out) const;  // replaces `out`

  // In 8 bytes.
  int64_t Boxed() const { return micros * 2 + (fraction ? 1 : 0); }
  static PackedTime FromBoxed(int64_t boxed) { return {boxed >> 1, (boxed & 1) != 0}; }

  // In 31 bits: whole seconds since 2000-01-01, up to the year 2068.
  std::optional<uint32_t> Seconds() const;
  static PackedTime FromSeconds(uint32_t seconds);
};

}  // namespace kr::document
