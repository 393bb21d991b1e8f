#include "reconcilers/policy/symptom_clock.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace kr::policy {
namespace {

using signals::Tri;

class SymptomClockTest : public ::testing::Test {
 protected:
  SymptomClockTest() { policy_.triggers.push_back({.name = "t", .hold_for = absl::Minutes(3)}); }
  SymptomClock::Symptom Update(std::vector<signals::Reading> readings) {
    Evaluation evaluation;
    TriggerReading trigger{.value = Tri::kTrue, .signals = std::move(readings)};
    for (const auto& reading : trigger.signals) trigger.value = And(trigger.value, reading.value);
    evaluation.symptom.value = trigger.value;
    evaluation.triggers.push_back(std::move(trigger));
    return clock_.Update(policy_, evaluation, time_.Monotonic(), time_.Now());
  }
  CompiledPolicy policy_{
      .name = "p", .uid = {}, .spec = {}, .target = {}, .selector = Selector({})};
  SymptomClock clock_;
  testing::FakeClock time_;
};

const signals::Reading kHolds{.value = Tri::kTrue};
const signals::Reading kGone{.value = Tri::kFalse};

TEST_F(SymptomClockTest, HoldsForLongEnough) {
  EXPECT_FALSE(Update({kHolds}).trigger);
  time_.Advance(absl::Minutes(2));
  const auto early = Update({kHolds});
  EXPECT_FALSE(early.trigger);
  EXPECT_EQ(early.ripe_at, time_.Monotonic() + absl::Minutes(1));
  time_.Advance(absl::Minutes(1));
  EXPECT_EQ(Update({kHolds}).trigger, 0u);
}

TEST_F(SymptomClockTest, ABreakStartsAnew) {
  Update({kHolds});
  time_.Advance(absl::Minutes(2));
  Update({kGone});
  time_.Advance(absl::Minutes(2));
  EXPECT_FALSE(Update({kHolds}).trigger);
}

TEST_F(SymptomClockTest, AnEntryIsAsOldAsItsYoungestSignal) {
  Update({kHolds, kGone});
  time_.Advance(absl::Minutes(5));
  EXPECT_FALSE(Update({kHolds, kHolds}).trigger);
  time_.Advance(absl::Minutes(3));
  EXPECT_EQ(Update({kHolds, kHolds}).trigger, 0u);
}

TEST_F(SymptomClockTest, ABareConditionIsAsOldAsItSays) {
  const signals::Reading reading{.value = Tri::kTrue, .since = time_.Now() - absl::Minutes(4)};
  const auto symptom = Update({reading});
  EXPECT_EQ(symptom.trigger, 0u);
  EXPECT_EQ(symptom.since, time_.Now() - absl::Minutes(4));
}

TEST_F(SymptomClockTest, AWallClockThatJumpsDoesNotMakeItOlder) {
  Update({kHolds});
  time_.JumpWall(absl::Hours(1));
  EXPECT_FALSE(Update({kHolds}).trigger);
}

TEST_F(SymptomClockTest, UnknownIsNotOld) {
  Update({kHolds});
  time_.Advance(absl::Minutes(5));
  const auto symptom = Update({{.value = Tri::kUnknown}});
  EXPECT_EQ(symptom.value, Tri::kUnknown);
  EXPECT_FALSE(symptom.trigger);
}

}  // namespace
}  // namespace kr::policy
