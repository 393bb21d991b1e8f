#include <map>
#include <string>

#include <gtest/gtest.h>

#include "crds/meta/duration.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"

namespace kr::crds {
namespace {

TEST(Duration, ReadsWhatGoWrites) {
  const std::map<std::string, absl::Duration> cases = {
      {"0", absl::ZeroDuration()},        {"0s", absl::ZeroDuration()},
      {"30s", absl::Seconds(30)},         {"5m", absl::Minutes(5)},
      {"1h30m", absl::Minutes(90)},       {"1h30m0s", absl::Minutes(90)},
      {"1.5s", absl::Milliseconds(1500)}, {"250ms", absl::Milliseconds(250)},
      {"168h", absl::Hours(168)},         {"5m5ms", absl::Minutes(5) + absl::Milliseconds(5)},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(ParseDuration(text), want) << text;
  }
}

TEST(Duration, RefusesWhatWouldSurprise) {
  for (const char* text : {"",
                           "5",
                           "five minutes",
                           "-5m",
                           "+5m",
                           "5 m",
                           " 5m",
                           "5m ",
                           "inf",
                           "1d",
                           "1us",
                           "1ns",
                           ".5s",
                           "5.s",
                           "1..5s",
                           "m",
                           "h1",
                           "1h-30m",
                           "5M",
                           "99999999999999999999h",
                           "1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(Duration, PrintsTheShortestFormAndReadsItBack) {
  const std::map<std::string, absl::Duration> cases = {
      {"0s", absl::ZeroDuration()},
      {"1m30s", absl::Seconds(90)},
      {"2h", absl::Hours(2)},
      {"168h", absl::Hours(168)},
      {"1h1s", absl::Hours(1) + absl::Seconds(1)},
      {"1s500ms", absl::Milliseconds(1500)},
  };
  for (const auto& [text, duration] : cases) {
    EXPECT_EQ(crds::FormatDuration(duration), text);
    EXPECT_EQ(ParseDuration(text), duration);
  }
  EXPECT_EQ(crds::FormatDuration(-absl::Seconds(1)), "0s");
  EXPECT_EQ(crds::FormatDuration(absl::Microseconds(1500)), "1ms");
}

TEST(Time, ReadsRfc3339InEveryOffset) {
  const absl::Time want =
      absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05Z"), want);
  EXPECT_EQ(ParseTime("2026-01-02T04:04:05+01:00"), want);
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05.25Z"), want + absl::Milliseconds(250));
}

TEST(Time, RefusesOtherSpellings) {
  for (const char* text :
       {"", "now", "infinite-future", "infinite-past", "2026-01-02", "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z", "2026-13-02T03:04:05Z", " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z and more", "1767323045"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(Time, PrintsSecondsOrMicroseconds) {
  const absl::Time time =
      absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  EXPECT_EQ(crds::FormatTime(time), "2026-01-02T03:04:05Z");
  EXPECT_EQ(crds::FormatTime(time + absl::Milliseconds(250)), "2026-01-02T03:04:05.250000Z");
  EXPECT_EQ(crds::FormatTime(time + absl::Nanoseconds(7)), "2026-01-02T03:04:05Z");
}

TEST(IntOrPercent, ReadsNumbersAndShares) {
  EXPECT_EQ(IntOrPercent::Parse("3"), IntOrPercent::Count(3));
  EXPECT_EQ(IntOrPercent::Parse("20%"), IntOrPercent::Percent(20));
  EXPECT_EQ(IntOrPercent::Parse("100%"), IntOrPercent::Percent(100));
  for (const char* text :
       {"", "%", "-1", "+1", "101%", "1.5%", "20 %", " 3", "007%", "99999999999"}) {
    EXPECT_EQ(IntOrPercent::Parse(text), std::nullopt) << text;
  }
}

TEST(IntOrPercent, SharesRoundDown) {
  EXPECT_EQ(IntOrPercent::Percent(20).Of(9), 1);
  EXPECT_EQ(IntOrPercent::Percent(20).Of(4), 0);
  EXPECT_EQ(IntOrPercent::Percent(100).Of(7), 7);
  EXPECT_EQ(IntOrPercent::Count(3).Of(1), 3);
  EXPECT_EQ(IntOrPercent::Percent(20).ToString(), "20%");
  EXPECT_EQ(IntOrPercent::Count(3).ToString(), "3");
}

TEST(Text, CountsAndCutsCodePointsNotBytes) {
  EXPECT_EQ(CodePoints("Köln"), 4u);
  EXPECT_EQ(Truncate("Köln", 4), "Köln");
  EXPECT_EQ(Truncate("Köln am Rhein", 5), "Kö...");
  EXPECT_EQ(Truncate("äöüäöü", 4), "ä...");
  EXPECT_EQ(Truncate("abcdef", 2), "..");
  EXPECT_EQ(Truncate("abcdef", 0), "");
}

TEST(Text, SuggestsOnlyWhatIsNear) {
  const std::string known[] = {"remedies", "triggers", "target"};
  EXPECT_EQ(Nearest("remedys", known), "remedies");
  EXPECT_EQ(Nearest("Triggers", known), "triggers");
  EXPECT_EQ(Nearest("targets", known), "target");
  EXPECT_EQ(Nearest("tagret", known), "target");
  EXPECT_EQ(Nearest("priority", known), "");
  EXPECT_EQ(Nearest("x", known), "");
}

}  // namespace
}  // namespace kr::crds
