#include "reconcilers/remediation/verification.h"

#include <gtest/gtest.h>

namespace kr::remediation {
namespace {

using policy::Verdict;
using signals::Tri;
using Result = Verification::Result;

const absl::Time kDone = absl::FromUnixSeconds(1000);

class VerificationTest : public ::testing::Test {
 protected:
  // At `seconds` after the steps were done.
  Verification::Decision At(int seconds, Tri symptom, Tri cured, Tri verify) {
    return verification_.Update({.value = symptom}, {.value = cured}, {.value = verify},
                                kDone + absl::Seconds(seconds));
  }
  Verification verification_{
      {.steps_done_at = kDone, .cure_within = absl::Minutes(10), .stable_for = absl::Minutes(2)}};
};

TEST_F(VerificationTest, CuredAfterStayingSo) {
  EXPECT_EQ(At(0, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kWait);
  EXPECT_EQ(At(119, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kWait);
  EXPECT_EQ(At(120, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kCured);
}

TEST_F(VerificationTest, ARelapseStartsTheCountAnew) {
  At(0, Tri::kFalse, Tri::kTrue, Tri::kTrue);
  At(100, Tri::kTrue, Tri::kFalse, Tri::kFalse);
  At(110, Tri::kFalse, Tri::kTrue, Tri::kTrue);
  EXPECT_EQ(At(220, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kWait);
  EXPECT_EQ(At(230, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kCured);
}

TEST_F(VerificationTest, TheSymptomAtTheDeadlineEscalates) {
  EXPECT_EQ(At(599, Tri::kTrue, Tri::kFalse, Tri::kFalse).result, Result::kWait);
  EXPECT_EQ(At(600, Tri::kTrue, Tri::kFalse, Tri::kFalse).result, Result::kEscalate);
}

TEST(VerificationAfterARestart, WhatWasVerifiedBeforeIsNotEscalated) {
  Verification verification({.steps_done_at = kDone,
                             .cure_within = absl::Minutes(10),
                             .stable_for = absl::Minutes(2),
                             .verified_before = true});
  const Verdict sick{.value = Tri::kTrue}, no{.value = Tri::kFalse};
  EXPECT_EQ(verification.Update(sick, no, no, kDone + absl::Hours(1)).result, Result::kHold);
}

TEST_F(VerificationTest, NeitherSymptomNorCureIsSymptomChanged) {
  EXPECT_EQ(At(600, Tri::kFalse, Tri::kFalse, Tri::kFalse).result, Result::kSymptomChanged);
}

TEST_F(VerificationTest, UnknownBlocksEscalation) {
  EXPECT_EQ(At(600, Tri::kUnknown, Tri::kUnknown, Tri::kUnknown).result, Result::kWait);
  EXPECT_EQ(At(6000, Tri::kUnknown, Tri::kFalse, Tri::kFalse).result, Result::kWait);
  EXPECT_EQ(At(6001, Tri::kTrue, Tri::kFalse, Tri::kFalse).result, Result::kEscalate);
}

TEST_F(VerificationTest, HealthyAtTheDeadlineGetsOneStableForMore) {
  EXPECT_EQ(At(590, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kWait);
  const auto decision = At(601, Tri::kFalse, Tri::kTrue, Tri::kTrue);
  EXPECT_EQ(decision.result, Result::kWait);
  EXPECT_EQ(decision.until, kDone + absl::Seconds(710));
  EXPECT_EQ(At(710, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kCured);
}

TEST_F(VerificationTest, VerifiedButNotCuredHoldsAndNeverEscalates) {
  At(0, Tri::kTrue, Tri::kFalse, Tri::kTrue);
  EXPECT_EQ(At(120, Tri::kTrue, Tri::kFalse, Tri::kTrue).result, Result::kHold);
  EXPECT_EQ(At(6000, Tri::kTrue, Tri::kFalse, Tri::kFalse).result, Result::kHold);
  At(7000, Tri::kFalse, Tri::kTrue, Tri::kTrue);
  EXPECT_EQ(At(7120, Tri::kFalse, Tri::kTrue, Tri::kTrue).result, Result::kCured);
}

}  // namespace
}  // namespace kr::remediation
