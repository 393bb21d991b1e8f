#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"

namespace kr {

// By its IANA name ("Europe/Berlin", "UTC"). InvalidArgument for any other, and for "localtime":
// the process' own zone must not leak in, as what users write means the same everywhere.
StatusOr<absl::TimeZone> ParseTimeZone(const std::string& name);

// A schedule in the five fields that CronJob takes (minute, hour, day of month, month, day of
// week): `*` and `?`, lists, ranges, steps, names of months and days, and @hourly to @yearly. As in
// crontab(5), a day matches either day field when both are restricted. A value, immutable.
//
// Where clocks are put forward, a time that does not exist fires right after the gap, so that no
// nightly window is lost; where they are put back, a time fires once, unless its hour is `*`.
class CronSchedule {
 public:
  // InvalidArgument names the field, what was found and what is possible; also for a schedule that
  // can never fire (February 30th). A time zone in the text ("TZ=...") is refused: it has a field
  // of its own.
  static StatusOr<CronSchedule> Parse(std::string_view text);

  // The first time after `after`, in that zone.
  absl::Time Next(absl::Time after, absl::TimeZone zone) const;
  // The last time that is not after `at`.
  absl::Time Previous(absl::Time at, absl::TimeZone zone) const;

 private:
  // Bit n is set when the value n matches.
  struct Field {
    uint64_t bits = 0;
    bool any = false;  // written as `*` or `?`, also with a step
    bool Has(int value) const { return (bits >> value & 1) != 0; }
  };
  struct FieldSpec;

  static StatusOr<Field> ParseField(const FieldSpec& spec, std::string_view text);
  static Status AddRange(const FieldSpec& spec, std::string_view text, Field& field);
  bool CanFire() const;
  bool Matches(absl::CivilDay day) const;
  // The times of one civil day, in order of time.
  template <typename Visit>
  void VisitDay(absl::CivilDay day, absl::TimeZone zone, Visit visit) const;

  Field minute_;
  Field hour_;
  Field day_of_month_;
  Field month_;
  Field day_of_week_;
};

}  // namespace kr
