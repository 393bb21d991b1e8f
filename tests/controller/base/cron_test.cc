#include "controller/base/cron.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/civil_time.h"
#include "tests/support/status_matchers.h"

namespace kr {
namespace {

using absl::StatusCode;
using ::kr::testing::StatusIs;
using ::testing::HasSubstr;

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

std::string Show(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%dT%H:%M%Ez", time, zone);
}

TEST(Cron, NextAndPreviousByTable) {
  const struct {
    std::string schedule;
    std::string at;
    std::string next;
    std::string previous;
  } cases[] = {
      {"* * * * *", "2026-11-21T10:00:30Z", "2026-11-21T10:01+00:00", "2026-11-21T10:00+00:00"},
      {"0 1 * * *", "2026-11-21T10:00:00Z", "2026-11-22T01:00+00:00", "2026-11-21T01:00+00:00"},
      {"*/15 * * * *", "2026-11-21T10:00:00Z", "2026-11-21T10:15+00:00", "2026-11-21T10:00+00:00"},
      {"5/20 * * * *", "2026-11-21T10:00:00Z", "2026-11-21T10:05+00:00", "2026-11-21T09:45+00:00"},
      {"0 9-17/4 * * mon-fri", "2026-11-21T10:00:00Z", "2026-11-23T09:00+00:00",
       "2026-11-20T17:00+00:00"},
      {"30 4 1,15 * *", "2026-11-21T10:00:00Z", "2026-12-01T04:30+00:00", "2026-11-15T04:30+00:00"},
      // Both day fields are restricted: either is enough.
      {"0 0 13 * FRI", "2026-11-21T10:00:00Z", "2026-11-27T00:00+00:00", "2026-11-20T00:00+00:00"},
      {"0 0 29 2 *", "2026-11-21T10:00:00Z", "2028-02-29T00:00+00:00", "2024-02-29T00:00+00:00"},
      {"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00+00:00", "2096-02-29T00:00+00:00"},
      {"0 0 31 * ?", "2026-11-21T10:00:00Z", "2026-12-31T00:00+00:00", "2026-10-31T00:00+00:00"},
      {"@weekly", "2026-11-21T10:00:00Z", "2026-11-22T00:00+00:00", "2026-11-15T00:00+00:00"},
      {"@yearly", "2026-11-21T10:00:00Z", "2027-01-01T00:00+00:00", "2026-01-01T00:00+00:00"},
      {"0 0 * Jan-Mar 1", "2026-11-21T10:00:00Z", "2027-01-04T00:00+00:00",
       "2026-03-30T00:00+00:00"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.schedule + " at " + c.at);
    KR_ASSERT_OK_AND_ASSIGN(const CronSchedule schedule, CronSchedule::Parse(c.schedule));
    EXPECT_EQ(Show(schedule.Next(At(c.at), absl::UTCTimeZone()), absl::UTCTimeZone()), c.next);
    EXPECT_EQ(Show(schedule.Previous(At(c.at), absl::UTCTimeZone()), absl::UTCTimeZone()),
              c.previous);
  }
}

// Berlin, 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
TEST(Cron, NightThatLosesAnHourKeepsItsWindow) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  KR_ASSERT_OK_AND_ASSIGN(const CronSchedule nightly, CronSchedule::Parse("30 2 * * *"));
  const absl::Time evening = At("2026-03-28T23:00:00Z");
  EXPECT_EQ(Show(nightly.Next(evening, berlin), berlin), "2026-03-29T03:00+02:00");
  EXPECT_EQ(Show(nightly.Next(nightly.Next(evening, berlin), berlin), berlin),
            "2026-03-30T02:30+02:00");
  KR_ASSERT_OK_AND_ASSIGN(const CronSchedule hourly, CronSchedule::Parse("30 * * * *"));
  EXPECT_EQ(Show(hourly.Next(At("2026-03-29T00:30:00Z"), berlin), berlin),
            "2026-03-29T03:30+02:00");
}

TEST(Cron, NightThatHasAnHourTwiceFiresOnceUnlessEveryHourIsMeant) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  KR_ASSERT_OK_AND_ASSIGN(const CronSchedule nightly, CronSchedule::Parse("30 2 * * *"));
  const absl::Time first = nightly.Next(At("2026-10-24T22:00:00Z"), berlin);
  EXPECT_EQ(Show(first, berlin), "2026-10-25T02:30+02:00");
  EXPECT_EQ(Show(nightly.Next(first, berlin), berlin), "2026-10-26T02:30+01:00");
  KR_ASSERT_OK_AND_ASSIGN(const CronSchedule hourly, CronSchedule::Parse("30 * * * *"));
  EXPECT_EQ(Show(hourly.Next(first, berlin), berlin), "2026-10-25T02:30+01:00");
  EXPECT_EQ(Show(hourly.Previous(At("2026-10-25T01:40:00Z"), berlin), berlin),
            "2026-10-25T02:30+01:00");
}

// The definition, minute by minute, with numbers from a small generator.
TEST(Cron, AgreesWithWalkingMinuteByMinute) {
  uint32_t dice = 7;
  const auto roll = [&](uint32_t sides) { return (dice = dice * 1664525 + 1013904223) % sides; };
  for (int round = 0; round < 200; ++round) {
    const int minute = static_cast<int>(roll(60));
    const int hour = static_cast<int>(roll(24));
    const int step = 1 + static_cast<int>(roll(6));
    const int weekday = static_cast<int>(roll(7));
    const std::string text = std::to_string(minute) + " " + std::to_string(hour) + "/" +
                             std::to_string(step) + " * * " + std::to_string(weekday);
    SCOPED_TRACE(text);
    KR_ASSERT_OK_AND_ASSIGN(const CronSchedule schedule, CronSchedule::Parse(text));
    const absl::TimeZone utc = absl::UTCTimeZone();
    absl::Time walk = At("2026-11-01T00:00:00Z") + absl::Minutes(roll(10000));
    const absl::Time next = schedule.Next(walk, utc);
    const auto matches = [&](absl::Time time) {
      const absl::CivilSecond civil = absl::ToCivilSecond(time, utc);
      const int day = (static_cast<int>(absl::GetWeekday(civil)) + 1) % 7;
      return civil.minute() == minute && civil.hour() >= hour &&
             (civil.hour() - hour) % step == 0 && day == weekday;
    };
    do walk += absl::Minutes(1);
    while (!matches(walk));
    EXPECT_EQ(next, walk);
    EXPECT_EQ(schedule.Previous(next, utc), next);
    EXPECT_LT(schedule.Previous(next - absl::Seconds(1), utc), next);
  }
}

TEST(Cron, RefusalsSayWhichFieldAndWhatIsPossible) {
  const struct {
    std::string schedule;
    std::string message;
  } cases[] = {
      {"", "has 0 fields; 5 are needed"},
      {"0 1 * *", "has 4 fields; 5 are needed"},
      {"0 0 1 * * *", "has 6 fields"},
      {"60 * * * *", "minute: \"60\" is not within 0-59"},
      {"* 24 * * *", "hour: \"24\" is not within 0-23"},
      {"* * 0 * *", "day of month: \"0\" is not within 1-31"},
      {"* * * foo *", "month: \"foo\" is not within 1-12 or jan-dec"},
      {"* * * * 7", "day of week: \"7\" is not within 0-6 or sun-sat"},
      {"5-1 * * * *", "minute: \"5-1\" ends before it begins"},
      {"*/0 * * * *", "minute: the step of \"*/0\" is not a positive number"},
      {"*/x * * * *", "is not a positive number"},
      {"1,,2 * * * *", "minute: \"\" is not within 0-59"},
      {"1-2-3 * * * *", "minute: \"2-3\" is not within"},
      {"-1 * * * *", "is not within 0-59"},
      {"@reboot", "\"@reboot\" is none of @hourly"},
      {"TZ=UTC 0 1 * * *", "a field of its own"},
      {"0 0 30 2 *", "never fires"},
      {"0 0 31 4,6,9,11 *", "never fires"},
      {"99999999999999999999 * * * *", "is not within 0-59"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.schedule);
    EXPECT_THAT(CronSchedule::Parse(c.schedule).status(),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

// As in an image that somebody has made too small: the user's spelling is not the problem.
TEST(TimeZones, WhereNoneAreInstalledThatIsSaid) {
  ASSERT_EQ(::setenv("TZDIR", "/nowhere", /*overwrite=*/1), 0);
  EXPECT_THAT(ParseTimeZone("Asia/Tokyo"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no time zones are installed")));
  ASSERT_EQ(::unsetenv("TZDIR"), 0);
}

}  // namespace
}  // namespace kr
