#include "reconcilers/limits/breaker.h"

#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using State = crds::BreakerState;

constexpr Breaker::Limit kLimit;  // 20 %, 10 minutes

std::optional<Breaker::Counts> Sick(int64_t unhealthy, int64_t selected = 100) {
  return Breaker::Counts{unhealthy, selected};
}

// A breaker that saw `unhealthy` of 100 at `now`.
Breaker Seen(int64_t unhealthy, absl::Time now) {
  Breaker breaker;
  breaker.Observe(Sick(unhealthy), kLimit, now);
  return breaker;
}

Breaker HalfOpen(absl::Time now, int64_t unhealthy = 5) {
  Breaker breaker = Seen(50, now - kLimit.calm);
  breaker.Observe(Sick(unhealthy), kLimit, now - kLimit.calm);
  breaker.Observe(Sick(unhealthy), kLimit, now);
  return breaker;
}

TEST(BreakerTest, AllowedIsTheLimitRoundedDownButAtLeastOne) {
  struct Case {
    const char* name;
    crds::IntOrPercent limit;
    int64_t selected;
    int64_t want;
  };
  const Case cases[] = {
      {"a fifth of a hundred", crds::IntOrPercent::Percent(20), 100, 20},
      {"a percentage rounds down", crds::IntOrPercent::Percent(20), 14, 2},
      {"less than one target is one", crds::IntOrPercent::Percent(20), 3, 1},
      {"no targets", crds::IntOrPercent::Percent(20), 0, 1},
      {"a number is a number", crds::IntOrPercent::Count(7), 3, 7},
      {"zero is one", crds::IntOrPercent::Count(0), 50, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Breaker::Allowed(c.limit, c.selected), c.want);
  }
}

TEST(BreakerTest, TripsOnlyAboveTheLimit) {
  EXPECT_EQ(Seen(20, At(3)).state(), State::kClosed);
  EXPECT_EQ(Seen(21, At(3)).state(), State::kOpen);
  EXPECT_EQ(NameOf(Seen(21, At(3)).Check(kLimit, 0)), "BreakerOpen");
  EXPECT_EQ(Seen(20, At(3)).Check(kLimit, 5), std::nullopt);
}

TEST(BreakerTest, SingleTargetDoesNotTripBreaker) {
  Breaker breaker;
  breaker.Observe(Sick(1, 1), kLimit, At(3));
  EXPECT_EQ(breaker.Check(kLimit, 0), std::nullopt);
  breaker.Observe(Sick(2, 2), kLimit, At(3));
  EXPECT_EQ(NameOf(breaker.Check(kLimit, 0)), "BreakerOpen");
}

TEST(BreakerTest, BreakerTripsOnColdStart) {
  Breaker breaker;
  EXPECT_EQ(NameOf(breaker.Check(kLimit, 0)), "BreakerOpen") << "nothing was seen yet";
  breaker.Observe(std::nullopt, kLimit, At(3));
  EXPECT_EQ(NameOf(breaker.Check(kLimit, 0)), "BreakerOpen");
  breaker.Observe(Sick(50), kLimit, At(3));
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(MessageOf(breaker.Check(kLimit, 0)),
            "50 of 100 targets are unhealthy, at most 20 (20 %) are allowed; one is tried after "
            "10m without too many");
}

TEST(BreakerTest, BeingUnsyncedIsNoTripThatMustCalmDown) {
  Breaker breaker = Seen(3, At(3));
  breaker.Observe(std::nullopt, kLimit, At(3, 1));
  EXPECT_EQ(MessageOf(breaker.Check(kLimit, 0)),
            "not all targets have been seen yet, so it is not known how many are unhealthy");
  breaker.Observe(Sick(3), kLimit, At(3, 2));
  EXPECT_EQ(breaker.Check(kLimit, 0), std::nullopt);
}

TEST(BreakerTest, BreakerStaysOpenWhileAboveLimit) {
  Breaker breaker = Seen(50, At(3));
  for (int minute = 1; minute < 59; ++minute) {
    breaker.Observe(Sick(21), kLimit, At(3, minute));
    ASSERT_EQ(breaker.state(), State::kOpen) << minute;
    ASSERT_EQ(breaker.NextChange(kLimit), absl::InfiniteFuture());
  }
}

TEST(BreakerTest, CalmMustNotBeInterrupted) {
  Breaker breaker = Seen(50, At(3));
  breaker.Observe(Sick(20), kLimit, At(3, 1));
  EXPECT_EQ(breaker.NextChange(kLimit), At(3, 11));
  std::optional<Refusal> refusal = breaker.Check(kLimit, 0);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->next_check, At(3, 11));
  EXPECT_EQ(refusal->message,
            "20 of 100 targets are unhealthy, at most 20 (20 %) are allowed; after too many were, "
            "one is tried at 2026-01-02T03:11:00Z");

  breaker.Observe(Sick(21), kLimit, At(3, 9));
  breaker.Observe(Sick(19), kLimit, At(3, 10));
  breaker.Observe(Sick(19), kLimit, At(3, 19));
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.Observe(Sick(19), kLimit, At(3, 20));
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  EXPECT_EQ(breaker.since(), At(3, 20));
}

TEST(BreakerTest, CalmIsNotCountedWhileUnsynced) {
  Breaker breaker = Seen(50, At(3));
  breaker.Observe(Sick(5), kLimit, At(3, 1));
  breaker.Observe(std::nullopt, kLimit, At(3, 5));
  breaker.Observe(Sick(5), kLimit, At(3, 12));
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(breaker.NextChange(kLimit), At(3, 22));
}

TEST(BreakerTest, ClockSetBackStartsCalmAnew) {
  Breaker breaker = Seen(50, At(5));
  breaker.Observe(Sick(5), kLimit, At(5));
  breaker.Observe(Sick(5), kLimit, At(3));
  breaker.Observe(Sick(5), kLimit, At(3, 9));
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.Observe(Sick(5), kLimit, At(3, 10));
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
}

TEST(BreakerTest, HalfOpenLetsOneTryAtATime) {
  Breaker breaker = HalfOpen(At(4));
  ASSERT_EQ(breaker.state(), State::kHalfOpen);
  EXPECT_EQ(breaker.Check(kLimit, 0), std::nullopt);
  EXPECT_EQ(MessageOf(breaker.Check(kLimit, 1)),
            "5 of 100 targets are unhealthy, at most 20 (20 %) are allowed; after too many were, "
            "one remediation has to succeed before the next");
}

TEST(BreakerTest, WhatARemediationMeansWhileHalfOpen) {
  struct Case {
    const char* name;
    crds::Phase phase;
    State want;
  };
  const Case cases[] = {
      {"a success closes", crds::Phase::kSucceeded, State::kClosed},
      {"a failure reopens", crds::Phase::kFailed, State::kOpen},
      {"a cancelled one proves nothing", crds::Phase::kCancelled, State::kHalfOpen},
      {"a report proves nothing", crds::Phase::kReported, State::kHalfOpen},
      {"an observation proves nothing", crds::Phase::kObserved, State::kHalfOpen},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Breaker breaker = HalfOpen(At(4));
    breaker.Finished(c.phase, At(4, 5));
    EXPECT_EQ(breaker.state(), c.want);
  }
}

TEST(BreakerTest, CalmStartsAnewAfterAFailedTry) {
  Breaker breaker = HalfOpen(At(4));
  breaker.Finished(crds::Phase::kFailed, At(4, 5));
  breaker.Observe(Sick(5), kLimit, At(4, 14));
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.Observe(Sick(5), kLimit, At(4, 15));
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
}

TEST(BreakerTest, ASuccessWhileOpenDoesNotClose) {
  Breaker breaker = Seen(50, At(3));
  breaker.Finished(crds::Phase::kSucceeded, At(3, 1));
  EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST(BreakerTest, AFailureWhileClosedDoesNotOpen) {
  Breaker breaker = Seen(3, At(3));
  breaker.Finished(crds::Phase::kFailed, At(3, 1));
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(BreakerTest, TooManyReopensAHalfOpenOne) {
  Breaker breaker = HalfOpen(At(4));
  breaker.Observe(Sick(21), kLimit, At(4, 1));
  EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST(BreakerTest, ClosesByItselfWhenNobodyIsSickForACalmPeriod) {
  Breaker breaker = Seen(50, At(3));
  breaker.Observe(Sick(0), kLimit, At(3, 5));
  breaker.Observe(Sick(0), kLimit, At(3, 14));
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.Observe(Sick(0), kLimit, At(3, 15));
  EXPECT_EQ(breaker.state(), State::kClosed);

  breaker = HalfOpen(At(4));
  breaker.Observe(Sick(0), kLimit, At(4, 1));
  EXPECT_EQ(breaker.NextChange(kLimit), At(4, 11));
  breaker.Observe(Sick(1), kLimit, At(4, 2));
  breaker.Observe(Sick(0), kLimit, At(4, 3));
  breaker.Observe(Sick(0), kLimit, At(4, 12));
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  breaker.Observe(Sick(0), kLimit, At(4, 13));
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(BreakerTest, ATripSurvivesARestart) {
  Breaker before = Seen(50, At(3));
  before.Observe(Sick(5), kLimit, At(3, 1));
  std::optional<crds::Breaker> stored = before.ToStatus();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->since, At(3));

  Breaker after = Breaker::Restore(stored);
  EXPECT_EQ(after.ToStatus(), stored) << "what is stored stays until there is news";
  after.Observe(Sick(5), kLimit, At(3, 12));
  EXPECT_EQ(after.state(), State::kOpen) << "the calm before the restart does not count";
  EXPECT_EQ(after.since(), At(3));
  after.Observe(Sick(5), kLimit, At(3, 22));
  EXPECT_EQ(after.state(), State::kHalfOpen);
}

// Its one try may be under way: were it open again, that try would be held up and its success would
// count for nothing.
TEST(BreakerTest, HalfOpenSurvivesARestart) {
  const Breaker before = HalfOpen(At(4));
  Breaker after = Breaker::Restore(before.ToStatus());
  EXPECT_EQ(after.ToStatus(), before.ToStatus());
  EXPECT_EQ(NameOf(after.Check(kLimit, 0)), "BreakerOpen") << "not all targets have been seen yet";
  after.Observe(Sick(5), kLimit, At(4, 1));
  EXPECT_EQ(after.Check(kLimit, 0), std::nullopt);
  EXPECT_EQ(NameOf(after.Check(kLimit, 1)), "BreakerOpen");

  Breaker cured = after;
  cured.Finished(crds::Phase::kSucceeded, At(4, 2));
  EXPECT_EQ(cured.state(), State::kClosed);
  Breaker storm = Breaker::Restore(before.ToStatus());
  storm.Observe(Sick(50), kLimit, At(4, 1));
  EXPECT_EQ(storm.state(), State::kOpen);
}

TEST(BreakerTest, AStandbyTakesOverWhatTheLeaderStored) {
  const std::optional<crds::Breaker> open = Seen(50, At(3)).ToStatus();
  const std::optional<crds::Breaker> half = HalfOpen(At(4)).ToStatus();
  const std::optional<crds::Breaker> closed = Seen(3, At(3)).ToStatus();

  Breaker standby = HalfOpen(At(4));
  standby.TakeOver(open);  // the leader's try failed, which only the leader knows
  standby.Observe(Sick(5), kLimit, At(4, 1));
  EXPECT_EQ(standby.state(), State::kOpen);
  standby.Observe(Sick(5), kLimit, At(4, 11));
  EXPECT_EQ(standby.state(), State::kHalfOpen);

  standby = Seen(3, At(4));
  standby.TakeOver(half);
  standby.Observe(Sick(3), kLimit, At(4, 1));
  EXPECT_EQ(standby.state(), State::kHalfOpen);

  standby = Seen(50, At(4));
  standby.TakeOver(closed);  // the leader died before it could write down the trip
  EXPECT_EQ(standby.state(), State::kOpen);

  standby = Seen(50, At(4));
  standby.Observe(Sick(5), kLimit, At(4, 1));
  standby.TakeOver(open);
  standby.Observe(Sick(5), kLimit, At(4, 11));
  EXPECT_EQ(standby.state(), State::kHalfOpen) << "it has seen the calm itself";
}

TEST(BreakerTest, OneThatNeverTrippedStoresItsNumbers) {
  EXPECT_EQ(Breaker().ToStatus(), std::nullopt);
  std::optional<crds::Breaker> stored = Seen(3, At(3)).ToStatus();
  ASSERT_TRUE(stored);
  EXPECT_EQ(*stored, (crds::Breaker{State::kClosed, At(3), 3, 100}));
  EXPECT_EQ(Breaker::Restore(stored), Breaker());
}

}  // namespace
}  // namespace kr::limits
