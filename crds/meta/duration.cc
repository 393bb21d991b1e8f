#include "crds/meta/duration.h"

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"

namespace kr::crds {

std::optional<absl::Duration> ParseDuration(std::string_view text) {
  // Abseil reads Go's syntax and more: signs, "inf", µs and ns are not for users' waiting times.
  constexpr size_t kMaxLength = 32;
  if (text.empty() || text.size() > kMaxLength) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    const bool unit = c == 'h' || c == 'm' || c == 's';
    if (!digit && !unit && c != '.') return std::nullopt;
    // A dot stands between two digits.
    if (c == '.' && (i == 0 || i + 1 == text.size() || text[i - 1] < '0' || text[i - 1] > '9' ||
                     text[i + 1] < '0' || text[i + 1] > '9')) {
      return std::nullopt;
    }
  }
  absl::Duration duration;
  if (!absl::ParseDuration(ToAbsl(text), &duration) || duration == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  return duration;
}

std::string FormatDuration(absl::Duration duration) {
  const int64_t total = absl::ToInt64Milliseconds(duration);
  if (total <= 0) return "0s";
  constexpr int64_t kHour = 3'600'000;
  constexpr int64_t kMinute = 60'000;
  constexpr int64_t kSecond = 1'000;
  std::string text;
  if (total >= kHour) absl::StrAppend(&text, total / kHour, "h");
  if (total % kHour >= kMinute) absl::StrAppend(&text, total % kHour / kMinute, "m");
  if (total % kMinute >= kSecond) absl::StrAppend(&text, total % kMinute / kSecond, "s");
  if (total % kSecond != 0) absl::StrAppend(&text, total % kSecond, "ms");
  return text;
}

}  // namespace kr::crds
