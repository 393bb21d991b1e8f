#include "controller/cel/text.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"

namespace kr::cel {
namespace {

std::string NotFinite(double d) {
  return std::isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf";
}

template <typename... Format>
std::string Digits(double d, Format... format) {
  std::array<char, 400> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, format...);
  return error == std::errc() ? std::string(buffer.data(), end) : std::to_string(d);
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Reads exactly `count` digits.
std::optional<int> Take(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Skip(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<absl::Duration> Unit(std::string_view& text) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 8> kUnits = {{
      {"ns", 1},
      {"us", 1'000},
      {"\u00b5s", 1'000},  // micro sign
      {"\u03bcs", 1'000},  // Greek mu
      {"ms", 1'000'000},
      {"s", 1'000'000'000},
      {"m", 60'000'000'000},
      {"h", 3'600'000'000'000},
  }};
  for (const auto& [name, nanoseconds] : kUnits) {
    if (text.substr(0, name.size()) != name) continue;
    text.remove_prefix(name.size());
    return absl::Nanoseconds(nanoseconds);
  }
  return std::nullopt;
}

}  // namespace

std::string DoubleText(double d) {
  if (!std::isfinite(d)) return NotFinite(d);
  if (d == 0) return std::signbit(d) ? "-0" : "0";
  const std::string scientific = Digits(d, std::chars_format::scientific);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent < -4 || exponent >= 6) return scientific;
  return Digits(d, std::chars_format::fixed);
}

std::string PlainDoubleText(double d) {
  return std::isfinite(d) ? Digits(d, std::chars_format::fixed) : NotFinite(d);
}

std::string TimestampText(absl::Time t) {
  std::string text = absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E*S", t, absl::UTCTimeZone());
  return text + "Z";
}

std::string DurationText(absl::Duration d) {
  return PlainDoubleText(absl::ToDoubleSeconds(d)) + "s";
}

std::string PlainText(const Value& value) {
  using Kind = Value::Kind;
  std::string scratch;
  switch (value.kind()) {
    case Kind::kBool:
      return *value.AsBool() ? "true" : "false";
    case Kind::kInt:
      return std::to_string(*value.AsInt());
    case Kind::kUint:
      return std::to_string(*value.AsUint());
    case Kind::kDouble:
      return DoubleText(*value.AsDouble());
    case Kind::kTimestamp:
      return TimestampText(value.AsInstant()->at);
    case Kind::kDuration:
      return DurationText(value.AsSpan()->length);
    case Kind::kType:
      return *value.AsTypeName();
    case Kind::kString:
      return std::string(*value.Text(scratch));
    default:
      return "";
  }
}

absl::Time MinTimestamp() {
  return absl::FromUnixSeconds(-62135596800);
}
absl::Time MaxTimestamp() {
  return absl::FromUnixSeconds(253402300799) + absl::Nanoseconds(999999999);
}

std::optional<absl::Time> ParseTimestamp(std::string_view text) {
  const auto year = Take(text, 4);
  if (!year.has_value() || !Skip(text, '-')) return std::nullopt;
  const auto month = Take(text, 2);
  if (!month.has_value() || !Skip(text, '-')) return std::nullopt;
  const auto day = Take(text, 2);
  if (!day.has_value() || !Skip(text, 'T')) return std::nullopt;
  // Go reads an hour of one digit as well.
  const auto hour = Take(text, text.size() > 1 && text[1] == ':' ? 1 : 2);
  if (!hour.has_value() || !Skip(text, ':')) return std::nullopt;
  const auto minute = Take(text, 2);
  if (!minute.has_value() || !Skip(text, ':')) return std::nullopt;
  const auto second = Take(text, 2);
  if (!second.has_value()) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  int64_t nanoseconds = 0;
  if (Skip(text, '.') || Skip(text, ',')) {
    if (text.empty() || !IsDigit(text[0])) return std::nullopt;
    int64_t scale = 100'000'000;
    for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1), scale /= 10) {
      nanoseconds += (text[0] - '0') * scale;
    }
  }
  int offset = 0;
  if (!Skip(text, 'Z')) {
    const int sign = Skip(text, '+') ? 1 : Skip(text, '-') ? -1 : 0;
    const auto hours = Take(text, 2);
    if (sign == 0 || !hours.has_value() || !Skip(text, ':')) return std::nullopt;
    const auto minutes = Take(text, 2);
    if (!minutes.has_value() || *hours > 24 || *minutes > 60) return std::nullopt;
    offset = sign * (*hours * 3600 + *minutes * 60);
  }
  const absl::CivilSecond civil(*year, *month, *day, *hour, *minute, *second);
  if (!text.empty() || civil.month() != *month || civil.day() != *day) return std::nullopt;
  const absl::Time t =
      absl::FromCivil(civil, absl::FixedTimeZone(offset)) + absl::Nanoseconds(nanoseconds);
  if (t < MinTimestamp() || t > MaxTimestamp()) return std::nullopt;
  return t;
}

std::optional<absl::Duration> ParseDuration(std::string_view text) {
  const bool negative = Skip(text, '-');
  if (!negative) Skip(text, '+');
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return std::nullopt;
  absl::Duration sum;
  while (!text.empty()) {
    uint64_t whole = 0;
    int64_t fraction = 0;
    int64_t scale = 1;
    size_t digits = 0;
    for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1), ++digits) {
      if (__builtin_mul_overflow(whole, 10, &whole)) return std::nullopt;
      if (__builtin_add_overflow(whole, static_cast<uint64_t>(text[0] - '0'), &whole)) {
        return std::nullopt;
      }
    }
    if (Skip(text, '.')) {
      for (; !text.empty() && IsDigit(text[0]); text.remove_prefix(1), ++digits) {
        if (scale > 100'000'000'000'000) continue;  // below a nanosecond even of hours
        fraction = fraction * 10 + (text[0] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    const auto unit = Unit(text);
    if (!unit.has_value()) return std::nullopt;
    // Half of it twice: the least duration has a magnitude that no int64_t holds.
    sum += static_cast<int64_t>(whole / 2) * *unit;
    sum += static_cast<int64_t>(whole - whole / 2) * *unit;
    sum += absl::Trunc(absl::Nanoseconds(static_cast<double>(fraction) *
                                         (static_cast<double>(absl::ToInt64Nanoseconds(*unit)) /
                                          static_cast<double>(scale))),
                       absl::Nanoseconds(1));
    const absl::Duration limit = absl::Nanoseconds(std::numeric_limits<int64_t>::max());
    if (sum > limit + absl::Nanoseconds(negative ? 1 : 0)) return std::nullopt;
  }
  return negative ? -sum : sum;
}

std::optional<double> ParseDouble(std::string_view text) {
  // Go takes a leading plus, no spaces, "Inf" and "Infinity" in any case.
  if (text.empty() || std::isspace(static_cast<unsigned char>(text.front())) ||
      std::isspace(static_cast<unsigned char>(text.back()))) {
    return std::nullopt;
  }
  double d = 0;
  if (!absl::SimpleAtod({text.data(), text.size()}, &d)) return std::nullopt;
  const bool named = text.find_first_of("iI") != std::string_view::npos;
  if (std::isinf(d) && !named) return std::nullopt;  // out of range
  return d;
}

}  // namespace kr::cel
