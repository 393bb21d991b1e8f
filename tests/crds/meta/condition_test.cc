#include "crds/meta/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kr::crds {
namespace {

constexpr int64_t kGeneration = 4;
const absl::Time kNoon = absl::FromUnixSeconds(1'767'355'200);

Condition Ready(ConditionStatus status, std::string reason = "Because") {
  return {.type = "Ready", .status = status, .reason = std::move(reason)};
}

TEST(SetCondition, FirstTimeCountsAsATransition) {
  std::vector<Condition> conditions;
  EXPECT_TRUE(SetCondition(conditions, Ready(ConditionStatus::kUnknown), kGeneration, kNoon));
  ASSERT_EQ(conditions.size(), 1u);
  EXPECT_EQ(conditions[0].last_transition_time, kNoon);
  EXPECT_EQ(conditions[0].observed_generation, kGeneration);
}

TEST(SetCondition, KeepsTheTransitionTimeWhileTheStatusStays) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Ready(ConditionStatus::kFalse, "Syncing"), kGeneration, kNoon);
  EXPECT_TRUE(SetCondition(conditions, Ready(ConditionStatus::kFalse, "Inactive"), kGeneration,
                           kNoon + absl::Minutes(1)));
  EXPECT_EQ(conditions[0].last_transition_time, kNoon);
  EXPECT_EQ(conditions[0].reason, "Inactive");
}

TEST(SetCondition, MovesTheTransitionTimeWhenTheStatusFlips) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Ready(ConditionStatus::kFalse), kGeneration, kNoon);
  EXPECT_TRUE(SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration,
                           kNoon + absl::Minutes(1)));
  EXPECT_EQ(conditions[0].last_transition_time, kNoon + absl::Minutes(1));
}

TEST(SetCondition, SaysWhenNothingChanged) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration, kNoon);
  EXPECT_FALSE(
      SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration, kNoon + absl::Hours(1)));
  EXPECT_TRUE(SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration + 1,
                           kNoon + absl::Hours(1)));
  EXPECT_EQ(conditions[0].last_transition_time, kNoon);
}

TEST(SetCondition, LeavesOtherConditionsAlone) {
  std::vector<Condition> conditions;
  SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration, kNoon);
  SetCondition(conditions, {.type = "Blocked", .status = ConditionStatus::kFalse, .reason = "No"},
               kGeneration, kNoon);
  SetCondition(conditions, Ready(ConditionStatus::kFalse), kGeneration, kNoon);
  ASSERT_EQ(conditions.size(), 2u);
  EXPECT_EQ(conditions[0].type, "Ready");
  EXPECT_EQ(conditions[1].type, "Blocked");
}

TEST(FindCondition, AbsentIsNotTrue) {
  std::vector<Condition> conditions;
  EXPECT_EQ(FindCondition(conditions, "Ready"), nullptr);
  EXPECT_FALSE(IsConditionTrue(conditions, "Ready"));
  SetCondition(conditions, Ready(ConditionStatus::kUnknown), kGeneration, kNoon);
  EXPECT_FALSE(IsConditionTrue(conditions, "Ready"));
  SetCondition(conditions, Ready(ConditionStatus::kTrue), kGeneration, kNoon);
  EXPECT_TRUE(IsConditionTrue(conditions, "Ready"));
}

}  // namespace
}  // namespace kr::crds
