// Getters of timestamps, in UTC or a time zone, and of durations. What they say of a time that
// moves with now holds until the next boundary of the field.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"

namespace kr::cel {
namespace {

// "Europe/Berlin", "" for UTC, or an offset as cel-go reads it: [+-]hours:minutes.
StatusOr<absl::TimeZone> ReadZone(std::string_view name) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) {
    absl::TimeZone zone;
    if (name.empty() || name == "UTC" || name == "Local") return absl::UTCTimeZone();
    if (!absl::LoadTimeZone({name.data(), name.size()}, &zone)) {
      return InvalidArgument("unknown time zone '" + std::string(name) + "'");
    }
    return zone;
  }
  const auto number = [](std::string_view text) -> std::optional<int> {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > 10'000 ||
        value < -10'000) {
      return std::nullopt;
    }
    return value;
  };
  const auto hours = number(name.substr(0, colon));
  const auto minutes = number(name.substr(colon + 1));
  if (!hours.has_value() || !minutes.has_value()) {
    return InvalidArgument("'" + std::string(name) + "' is no offset such as +05:30");
  }
  const int offset = *hours * 60 + (name[0] == '-' ? -*minutes : *minutes);
  return absl::FixedTimeZone(offset * 60);
}

// The first instant of the civil unit that `t` lies in and that of the next one, cut at changes of
// the zone's offset: between them a field of that size does not change.
struct Bounds {
  absl::Time begin;
  absl::Time end;
};

absl::Time InstantOf(const absl::TimeZone::CivilTransition& change, absl::TimeZone zone) {
  // One of the two civil times is skipped or repeated: only those know the exact instant.
  const auto skipped = zone.At(change.from);
  if (skipped.kind != absl::TimeZone::TimeInfo::UNIQUE) return skipped.trans;
  const auto repeated = zone.At(change.to);
  return repeated.kind != absl::TimeZone::TimeInfo::UNIQUE ? repeated.trans : repeated.pre;
}

template <typename Civil>
Bounds UnitBounds(absl::Time t, absl::TimeZone zone) {
  const Civil unit(zone.At(t).cs);
  Bounds bounds{absl::FromCivil(unit, zone), absl::FromCivil(unit + 1, zone)};
  absl::TimeZone::CivilTransition change;
  if (zone.NextTransition(t, &change)) bounds.end = std::min(bounds.end, InstantOf(change, zone));
  if (zone.PrevTransition(t + absl::Nanoseconds(1), &change)) {
    bounds.begin = std::max(bounds.begin, InstantOf(change, zone));
  }
  return {std::min(bounds.begin, t), std::max(bounds.end, t + absl::Nanoseconds(1))};
}

template <int64_t (*read)(const absl::TimeZone::CivilInfo&), typename Civil>
Value OfTimestamp(const Call& call) {
  const Value::Instant& instant = *call.args[0].AsInstant();
  absl::TimeZone zone = absl::UTCTimeZone();
  if (call.args.size() == 2) {
    std::string scratch;
    const auto named = ReadZone(*call.args[1].Text(scratch));
    if (!named.ok()) return Value::Failure(named.status());
    zone = *named;
  }
  if (instant.per_now != 0) {
    const Bounds bounds = UnitBounds<Civil>(instant.at, zone);
    call.evaluation.validity().Within(instant.at - bounds.begin, instant.at - bounds.end,
                                      instant.per_now);
  }
  return Value::Int(read(zone.At(instant.at)));
}

using Info = absl::TimeZone::CivilInfo;

int64_t Year(const Info& info) {
  return info.cs.year();
}
int64_t Month(const Info& info) {
  return info.cs.month() - 1;
}
int64_t DayOfYear(const Info& info) {
  return absl::GetYearDay(absl::CivilDay(info.cs)) - 1;
}
int64_t DayOfMonth(const Info& info) {
  return info.cs.day() - 1;
}
int64_t Date(const Info& info) {
  return info.cs.day();
}
int64_t DayOfWeek(const Info& info) {
  // absl counts from Monday, CEL from Sunday.
  return (static_cast<int64_t>(absl::GetWeekday(absl::CivilDay(info.cs))) + 1) % 7;
}
int64_t Hour(const Info& info) {
  return info.cs.hour();
}
int64_t Minute(const Info& info) {
  return info.cs.minute();
}
int64_t Second(const Info& info) {
  return info.cs.second();
}
int64_t Millisecond(const Info& info) {
  return absl::ToInt64Milliseconds(info.subsecond);
}

// Whole units of a duration, cut towards zero.
Value OfDuration(const Call& call, absl::Duration unit) {
  const Value::Span& span = *call.args[0].AsSpan();
  const absl::Duration whole = absl::Trunc(span.length, unit);
  if (span.per_now != 0) {
    // Around zero the step is two units wide.
    const absl::Duration tick = absl::Nanoseconds(1);
    const absl::Duration begin = whole > absl::ZeroDuration() ? whole : whole - unit + tick;
    const absl::Duration end = whole < absl::ZeroDuration() ? whole + tick : whole + unit;
    call.evaluation.validity().Within(span.length - begin, span.length - end, span.per_now);
  }
  return Value::Int(whole / unit);
}

template <int64_t (*read)(const Info&), typename Civil, int64_t milliseconds>
Value OfEither(const Call& call) {
  if (call.args[0].AsSpan() != nullptr) {
    return OfDuration(call, absl::Milliseconds(milliseconds));
  }
  return OfTimestamp<read, Civil>(call);
}

}  // namespace

std::vector<FunctionSpec> TimeFunctions() {
  const auto of_timestamp = [](std::string_view name, Value (*run)(const Call&)) {
    return FunctionSpec{.name = name,
                        .overloads = {".(timestamp) int", ".(timestamp, string) int"},
                        .run = run,
                        .now = NowUse::kBound};
  };
  const auto of_either = [](std::string_view name, Value (*run)(const Call&)) {
    return FunctionSpec{
        .name = name,
        .overloads = {".(timestamp) int", ".(timestamp, string) int", ".(duration) int"},
        .run = run,
        .now = NowUse::kBound};
  };
  // Of a moving time it would have to be asked a thousand times a second.
  FunctionSpec milliseconds =
      of_either("getMilliseconds", OfEither<Millisecond, absl::CivilSecond, 1>);
  milliseconds.now = NowUse::kRefuse;
  return {
      of_timestamp("getFullYear", OfTimestamp<Year, absl::CivilYear>),
      of_timestamp("getMonth", OfTimestamp<Month, absl::CivilMonth>),
      of_timestamp("getDayOfYear", OfTimestamp<DayOfYear, absl::CivilDay>),
      of_timestamp("getDayOfMonth", OfTimestamp<DayOfMonth, absl::CivilDay>),
      of_timestamp("getDate", OfTimestamp<Date, absl::CivilDay>),
      of_timestamp("getDayOfWeek", OfTimestamp<DayOfWeek, absl::CivilDay>),
      of_either("getHours", OfEither<Hour, absl::CivilHour, 3'600'000>),
      of_either("getMinutes", OfEither<Minute, absl::CivilMinute, 60'000>),
      of_either("getSeconds", OfEither<Second, absl::CivilSecond, 1'000>),
      milliseconds,
  };
}

}  // namespace kr::cel
