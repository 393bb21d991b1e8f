#include "reconcilers/limits/windows.h"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/meta/time.h"
#include "tests/support/status_matchers.h"

namespace kr::limits {
namespace {

using absl::StatusCode;
using ::kr::testing::StatusIs;
using ::testing::HasSubstr;

absl::Time At(const std::string& text) {
  const auto time = crds::ParseTime(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value_or(absl::UnixEpoch());
}

std::vector<Window> Windows(const std::vector<crds::Window>& written) {
  std::vector<Window> windows;
  for (const crds::Window& window : written) {
    auto parsed = Window::Parse(window);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    if (parsed.ok()) windows.push_back(*std::move(parsed));
  }
  return windows;
}

std::optional<Refusal> Check(const std::vector<crds::Window>& written, const std::string& now) {
  return CheckWindows(Windows(written), At(now));
}

const crds::Window kNightInBerlin{"0 1 * * *", absl::Hours(4), "Europe/Berlin"};

TEST(Windows, WithoutAnyItIsAlwaysOpen) {
  EXPECT_EQ(CheckWindows({}, At("2026-11-21T12:00:00Z")), std::nullopt);
}

TEST(Windows, OpenFromItsStartToJustBeforeItsEnd) {
  EXPECT_TRUE(Check({kNightInBerlin}, "2026-11-20T23:59:59Z").has_value());
  EXPECT_EQ(Check({kNightInBerlin}, "2026-11-21T00:00:00Z"), std::nullopt);
  EXPECT_EQ(Check({kNightInBerlin}, "2026-11-21T03:59:59Z"), std::nullopt);
  EXPECT_TRUE(Check({kNightInBerlin}, "2026-11-21T04:00:00Z").has_value());
}

TEST(Windows, RefusalNamesTheWindowAndWhenItOpens) {
  const auto refusal = Check({kNightInBerlin}, "2026-11-21T12:00:00Z");
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, Reason::kOutsideWindow);
  EXPECT_EQ(refusal->next_check, At("2026-11-22T00:00:00Z"));
  EXPECT_EQ(refusal->message,
            "the next window (0 1 * * * Europe/Berlin, for 4h) opens at 2026-11-22T00:00:00Z");
}

TEST(Windows, OneOfThemIsEnoughAndTheNearestIsNamed) {
  const crds::Window lunch{"0 12 * * *", absl::Hours(1)};
  EXPECT_EQ(Check({kNightInBerlin, lunch}, "2026-11-21T12:30:00Z"), std::nullopt);
  EXPECT_EQ(Check({kNightInBerlin, lunch}, "2026-11-21T11:00:00Z")->next_check,
            At("2026-11-21T12:00:00Z"));
}

TEST(Windows, MayReachOverMidnight) {
  const crds::Window weekend{"0 22 * * fri", absl::Hours(8)};
  EXPECT_EQ(Check({weekend}, "2026-11-21T05:59:00Z"), std::nullopt) << "Saturday morning";
  EXPECT_TRUE(Check({weekend}, "2026-11-22T01:00:00Z").has_value()) << "Sunday";
}

TEST(Windows, BadOnesAreRefusedByField) {
  const struct {
    crds::Window window;
    std::string message;
  } cases[] = {
      {{"0 25 * * *", absl::Hours(1)}, "schedule: hour: \"25\" is not within 0-23"},
      {{"0 0 30 2 *", absl::Hours(1)}, "never fires"},
      {{"0 1 * * *", absl::Hours(1), "Mars/Olympus"}, "timeZone: \"Mars/Olympus\" is no known"},
      {{"0 1 * * *", absl::Hours(1), "localtime"}, "timeZone: \"localtime\" is no known"},
      {{"0 1 * * *", absl::Hours(1), ""}, "timeZone"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    EXPECT_THAT(Window::Parse(c.window).status(),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

}  // namespace
}  // namespace kr::limits
