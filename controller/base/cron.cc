#include "controller/base/cron.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"

namespace kr {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int kLongestMonth[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"}};

// From one February 29th to the next at most: 1896 to 1904, 2096 to 2104.
constexpr int kHorizonDays = 8 * 366;

std::optional<int> ParseNumber(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Quote(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

}  // namespace

struct CronSchedule::FieldSpec {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> names;  // of the values from min on

  // A number or a name.
  StatusOr<int> Value(std::string_view text) const {
    for (size_t i = 0; i < names.size(); ++i) {
      if (absl::AsciiStrToLower(absl::string_view(text.data(), text.size())) == names[i]) {
        return min + static_cast<int>(i);
      }
    }
    const std::optional<int> number = ParseNumber(text);
    if (!number || *number < min || *number > max) return Wrong(text);
    return *number;
  }

  Status Wrong(std::string_view text) const {
    std::string range = std::to_string(min) + "-" + std::to_string(max);
    if (!names.empty()) {
      range += " or " + std::string(names.front()) + "-" + std::string(names.back());
    }
    return InvalidArgument(std::string(name) + ": " + Quote(text) + " is not within " + range);
  }
};

StatusOr<absl::TimeZone> ParseTimeZone(const std::string& name) {
  absl::TimeZone zone;
  if (name != "localtime" && absl::LoadTimeZone(name, &zone)) return zone;
  absl::TimeZone any;
  return InvalidArgument(
      absl::LoadTimeZone("Etc/UTC", &any)
          ? "\"" + name + "\" is no known time zone; a name like Europe/Berlin is expected"
          : "\"" + name +
                "\" cannot be looked up: no time zones are installed where this runs "
                "(package tzdata)");
}

StatusOr<CronSchedule> CronSchedule::Parse(std::string_view text) {
  const std::string_view written = text;
  if (text.starts_with("TZ=") || text.starts_with("CRON_TZ=")) {
    return InvalidArgument("the time zone is a field of its own, not part of the schedule");
  }
  if (text.starts_with('@')) {
    const auto nickname =
        std::ranges::find(kNicknames, text, &std::pair<std::string_view, std::string_view>::first);
    if (nickname == std::end(kNicknames)) {
      return InvalidArgument(Quote(text) +
                             " is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                             "@annually");
    }
    text = nickname->second;
  }
  const std::vector<std::string> fields = absl::StrSplit(
      absl::string_view(text.data(), text.size()), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return InvalidArgument(Quote(written) + " has " + std::to_string(fields.size()) +
                           " fields; 5 are needed: minute, hour, day of month, month, day of week");
  }
  CronSchedule schedule;
  KR_ASSIGN_OR_RETURN(schedule.minute_, ParseField({"minute", 0, 59, {}}, fields[0]));
  KR_ASSIGN_OR_RETURN(schedule.hour_, ParseField({"hour", 0, 23, {}}, fields[1]));
  KR_ASSIGN_OR_RETURN(schedule.day_of_month_, ParseField({"day of month", 1, 31, {}}, fields[2]));
  KR_ASSIGN_OR_RETURN(schedule.month_, ParseField({"month", 1, 12, kMonths}, fields[3]));
  KR_ASSIGN_OR_RETURN(schedule.day_of_week_, ParseField({"day of week", 0, 6, kDays}, fields[4]));
  if (!schedule.CanFire()) {
    return InvalidArgument(Quote(written) + " never fires: no such day in any of its months");
  }
  return schedule;
}

StatusOr<CronSchedule::Field> CronSchedule::ParseField(const FieldSpec& spec,
                                                       std::string_view text) {
  Field field;
  const std::vector<std::string> ranges =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ',');
  for (const std::string& range : ranges) KR_RETURN_IF_ERROR(AddRange(spec, range, field));
  return field;
}

// `*`, `a`, `a-b`, each with or without `/step`; `a/step` runs to the end of the field.
Status CronSchedule::AddRange(const FieldSpec& spec, std::string_view text, Field& field) {
  const size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const std::optional<int> parsed = ParseNumber(text.substr(slash + 1));
    if (!parsed || *parsed < 1) {
      return InvalidArgument(std::string(spec.name) + ": the step of " + Quote(text) +
                             " is not a positive number");
    }
    step = *parsed;
  }
  int first = spec.min;
  int last = spec.max;
  if (range == "*"sv || range == "?"sv) {
    if (step == 1) field.any = true;
  } else {
    const size_t dash = range.find('-');
    KR_ASSIGN_OR_RETURN(first, spec.Value(range.substr(0, dash)));
    if (dash != std::string_view::npos) {
      KR_ASSIGN_OR_RETURN(last, spec.Value(range.substr(dash + 1)));
    } else if (slash == std::string_view::npos) {
      last = first;
    }
    if (last < first) {
      return InvalidArgument(std::string(spec.name) + ": " + Quote(range) +
                             " ends before it begins");
    }
  }
  for (int64_t value = first; value <= last; value += step) field.bits |= uint64_t{1} << value;
  return OkStatus();
}

bool CronSchedule::CanFire() const {
  if (!day_of_week_.any) return true;  // every month has every day of the week
  const int first_day = std::countr_zero(day_of_month_.bits);
  for (int month = 1; month <= 12; ++month) {
    if (month_.Has(month) && first_day <= kLongestMonth[month - 1]) return true;
  }
  return false;
}

bool CronSchedule::Matches(absl::CivilDay day) const {
  if (!month_.Has(day.month())) return false;
  // absl counts from Monday = 0, cron from Sunday = 0.
  const int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;
  const bool by_month = day_of_month_.Has(day.day());
  const bool by_week = day_of_week_.Has(weekday);
  if (day_of_month_.any || day_of_week_.any) return by_month && by_week;
  return by_month || by_week;
}

template <typename Visit>
void CronSchedule::VisitDay(absl::CivilDay day, absl::TimeZone zone, Visit visit) const {
  if (!Matches(day)) return;
  for (int hour = 0; hour < 24; ++hour) {
    if (!hour_.Has(hour)) continue;
    for (int minute = 0; minute < 60; ++minute) {
      if (!minute_.Has(minute)) continue;
      const auto found =
          zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), hour, minute, 0));
      switch (found.kind) {
        case absl::TimeZone::TimeInfo::UNIQUE:
          visit(found.pre);
          break;
        case absl::TimeZone::TimeInfo::SKIPPED:
          // Every hour: the next one that exists has its own times.
          if (!hour_.any) visit(found.trans);
          break;
        case absl::TimeZone::TimeInfo::REPEATED:
          visit(found.pre);
          if (hour_.any) visit(found.post);
          break;
      }
    }
  }
}

absl::Time CronSchedule::Next(absl::Time after, absl::TimeZone zone) const {
  // A day earlier and later than it is: clocks may be changed at midnight.
  const absl::CivilDay today = absl::ToCivilDay(after, zone);
  for (int offset = -1; offset <= kHorizonDays; ++offset) {
    absl::Time best = absl::InfiniteFuture();
    VisitDay(today + offset, zone, [&](absl::Time time) {
      if (time > after) best = std::min(best, time);
    });
    if (best != absl::InfiniteFuture()) return best;
  }
  return absl::InfiniteFuture();
}

absl::Time CronSchedule::Previous(absl::Time at, absl::TimeZone zone) const {
  const absl::CivilDay today = absl::ToCivilDay(at, zone);
  for (int offset = 1; offset >= -kHorizonDays; --offset) {
    absl::Time best = absl::InfinitePast();
    VisitDay(today + offset, zone, [&](absl::Time time) {
      if (time <= at) best = std::max(best, time);
    });
    if (best != absl::InfinitePast()) return best;
  }
  return absl::InfinitePast();
}

}  // namespace kr
