#include "reconcilers/limits/second_look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using ::testing::HasSubstr;

SecondLook Found(int64_t in_a_row = 1) {
  return {.remediation = "rem-a", .at = At(6), .in_a_row = in_a_row};
}

absl::Duration PauseOf(const SecondLook& look) {
  const auto refusal = CheckSecondLook(look, {}, look.at);
  return refusal ? refusal->next_check - look.at : absl::ZeroDuration();
}

TEST(SecondLookTest, NothingWasFound) {
  EXPECT_EQ(CheckSecondLook(std::nullopt, {}, At(6)), std::nullopt);
}

TEST(SecondLookTest, WhatIsContradictedIsNotBelieved) {
  const auto refusal = CheckSecondLook(Found(), {}, At(6, 1));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(NameOf(refusal), "StaleView");
  EXPECT_EQ(refusal->message,
            "Remediation rem-a found at 2026-01-02T06:00:00Z that the symptom was gone; what is "
            "watched has not caught up with that yet, so it is not believed before "
            "2026-01-02T06:10:00Z at the latest");
  EXPECT_EQ(CheckSecondLook(Found(), {}, At(6, 10)), std::nullopt) << "one more look does no harm";
}

TEST(SecondLookTest, ThePauseDoubles) {
  for (const bool seen : {true, false}) {
    const auto pause = [&](int64_t in_a_row) {
      SecondLook look = Found(in_a_row);
      (seen ? look.caught_up : look.new_episode) = true;
      return PauseOf(look);
    };
    EXPECT_EQ(pause(1), absl::Seconds(5));
    EXPECT_EQ(pause(2), absl::Seconds(10));
    EXPECT_EQ(pause(7), absl::Seconds(320));
    EXPECT_EQ(pause(8), absl::Minutes(10));
    EXPECT_EQ(pause(1000), absl::Minutes(10));
  }
}

TEST(SecondLookTest, ATargetThatCameBackIsAnotherOne) {
  SecondLook look = Found();
  look.target_gone = true;
  EXPECT_THAT(MessageOf(CheckSecondLook(look, {}, At(6))), HasSubstr("that the object was gone"));
  look.caught_up = true;
  EXPECT_EQ(CheckSecondLook(look, {}, At(6)), std::nullopt);
}

TEST(SecondLookTest, SaysHowOften) {
  SecondLook look = Found(3);
  look.caught_up = true;
  EXPECT_THAT(MessageOf(CheckSecondLook(look, {}, At(6))),
              HasSubstr("was gone, the 3. time in a row, and the next may begin at "
                        "2026-01-02T06:00:20Z"));
}

}  // namespace
}  // namespace kr::limits
