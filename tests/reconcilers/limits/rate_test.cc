#include "reconcilers/limits/rate.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kr::limits {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const crds::RateLimit kTwoAnHour{.count = 2, .within = absl::Hours(1)};

std::vector<absl::Time> Ago(const std::vector<int>& minutes) {
  std::vector<absl::Time> times;
  for (const int ago : minutes) times.push_back(kNow - absl::Minutes(ago));
  return times;
}

TEST(Rate, FewerThanTheLimitPass) {
  EXPECT_EQ(CheckRate(kTwoAnHour, {}, kNow), std::nullopt);
  EXPECT_EQ(CheckRate(kTwoAnHour, Ago({5}), kNow), std::nullopt);
}

TEST(Rate, WhatIsOlderThanTheSpanDoesNotCount) {
  EXPECT_EQ(CheckRate(kTwoAnHour, Ago({5, 60, 61, 400}), kNow), std::nullopt);
  EXPECT_NE(CheckRate(kTwoAnHour, Ago({5, 59}), kNow), std::nullopt);
}

TEST(Rate, RefusalSaysWhenThereIsRoomAgain) {
  const auto refusal = CheckRate(kTwoAnHour, Ago({10, 30, 20}), kNow);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, Reason::kRateLimited);
  EXPECT_EQ(refusal->next_check, kNow + absl::Minutes(40))
      << "when the second youngest is an hour old";
  EXPECT_THAT(refusal->message, HasSubstr("may begin 2 within 1h; the next one at "));
}

TEST(Rate, AtTheTimeThatItNamedOneMoreFits) {
  const std::vector<absl::Time> made = Ago({10, 30, 20});
  const auto room = RoomAt(2, absl::Hours(1), made, kNow);
  ASSERT_TRUE(room.has_value());
  EXPECT_EQ(RoomAt(2, absl::Hours(1), made, *room), std::nullopt);
  EXPECT_NE(RoomAt(2, absl::Hours(1), made, *room - absl::Seconds(1)), std::nullopt);
}

}  // namespace
}  // namespace kr::limits
