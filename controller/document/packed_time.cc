#include "controller/document/packed_time.h"

#include <chrono>

namespace kr::document {
namespace {

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kSecondsFrom1970To2000 = 946'684'800;

// The number at [pos, pos + digits), or -1.
int Digits(std::string_view text, size_t pos, size_t digits) {
  int value = 0;
  for (size_t i = pos; i < pos + digits; ++i) {
    const unsigned digit = static_cast<unsigned char>(text[i]) - unsigned{'0'};
    if (digit > 9) return -1;
    value = value * 10 + static_cast<int>(digit);
  }
  return value;
}

void PutDigits(char* at, int digits, int64_t value) {
  for (char* p = at + digits; p != at; value /= 10) *--p = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<PackedTime> PackedTime::Parse(std::string_view text) {
  constexpr std::string_view kSeconds = "0000-00-00T00:00:00Z";
  constexpr std::string_view kFraction = "0000-00-00T00:00:00.000000Z";
  const bool fraction = text.size() == kFraction.size();
  if (!fraction && text.size() != kSeconds.size()) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z' || (fraction && text[19] != '.')) {
    return std::nullopt;
  }
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  const int micros = fraction ? Digits(text, 20, 6) : 0;
  if (year < 0 || month < 0 || day < 0 || micros < 0) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
  return PackedTime{seconds * kMicros + micros, fraction};
}

void PackedTime::Write(std::string& out) const {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(micros)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const int64_t of_day = (time - midnight).count();
  out = fraction ? "0000-00-00T00:00:00.000000Z" : "0000-00-00T00:00:00Z";
  PutDigits(&out[0], 4, static_cast<int>(date.year()));
  PutDigits(&out[5], 2, static_cast<unsigned>(date.month()));
  PutDigits(&out[8], 2, static_cast<unsigned>(date.day()));
  PutDigits(&out[11], 2, of_day / kMicros / 3600);
  PutDigits(&out[14], 2, of_day / kMicros / 60 % 60);
  PutDigits(&out[17], 2, of_day / kMicros % 60);
  if (fraction) PutDigits(&out[20], 6, of_day % kMicros);
}

std::optional<uint32_t> PackedTime::Seconds() const {
  const int64_t seconds = micros / kMicros - kSecondsFrom1970To2000;
  if (fraction || seconds < 0 || seconds >= (int64_t{1} << 31)) return std::nullopt;
  return static_cast<uint32_t>(seconds);
}

PackedTime PackedTime::FromSeconds(uint32_t seconds) {
  return {(seconds + kSecondsFrom1970To2000) * kMicros, false};
}

}  // namespace kr::document
