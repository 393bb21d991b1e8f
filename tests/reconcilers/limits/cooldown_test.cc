#include "reconcilers/limits/cooldown.h"

#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using crds::Phase;

const Settings kSettings;
constexpr absl::Duration kBase = absl::Minutes(30);

TEST(CooldownTest, DoublesPerFailureUpToADay) {
  struct Case {
    int64_t failures;
    absl::Duration base;
    absl::Duration want;
  };
  const Case cases[] = {
      {0, kBase, absl::Minutes(30)},
      {1, kBase, absl::Minutes(30)},
      {2, kBase, absl::Hours(1)},
      {3, kBase, absl::Hours(2)},
      {6, kBase, absl::Hours(16)},
      {7, kBase, absl::Hours(24)},
      {1000, kBase, absl::Hours(24)},
      {5, absl::Hours(48), absl::Hours(48)},
      {5, absl::ZeroDuration(), absl::ZeroDuration()},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.failures);
    EXPECT_EQ(CooldownAfter(c.failures, c.base, kSettings), c.want);
  }
}

TEST(CooldownTest, WhatAnEndCosts) {
  struct Case {
    const char* name;
    Phase outcome;
    bool wrote;
    int64_t failures_before;
    int64_t failures;
    bool exhausted;
    std::optional<absl::Duration> rest;
  };
  const Case cases[] = {
      {"a success rests", Phase::kSucceeded, true, 0, 0, false, kBase},
      {"a success does not forget yet", Phase::kSucceeded, true, 2, 2, false, 2 * kBase},
      {"the first failure", Phase::kFailed, true, 0, 1, false, kBase},
      {"a failure without a write too", Phase::kFailed, false, 0, 1, false, kBase},
      {"the second failure doubles", Phase::kFailed, true, 1, 2, false, 2 * kBase},
      {"the third exhausts", Phase::kFailed, true, 2, 3, true, 4 * kBase},
      {"a report", Phase::kReported, false, 1, 1, false, kBase},
      {"an observation", Phase::kObserved, false, 0, 0, false, kBase},
      {"cancelled after a write", Phase::kCancelled, true, 1, 1, false, kBase},
      {"cancelled before any write costs nothing", Phase::kCancelled, false, 1, 1, false, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    crds::Ledger begun{.n = 4, .failures = c.failures_before};
    crds::Ledger ledger = Finish(begun, c.outcome, c.wrote, kBase, kSettings, At(3));
    EXPECT_EQ(ledger.n, 4);
    EXPECT_EQ(ledger.failures, c.failures);
    EXPECT_EQ(ledger.exhausted, c.exhausted);
    std::optional<absl::Time> until;
    if (c.rest) until = At(3) + *c.rest;
    EXPECT_EQ(ledger.cooldown_until, until);
  }
}

TEST(CooldownTest, RefusesUntilItIsOver) {
  crds::Ledger ledger{.n = 1, .failures = 2, .cooldown_until = At(4)};
  std::optional<Refusal> refusal = CheckCooldown(ledger, At(3, 59));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(*refusal, (Refusal{Reason::kCoolingDown,
                               "the last remediation ended not long ago, the next may start at "
                               "2026-01-02T04:00:00Z (2 failures in a row so far)",
                               At(4)}));
  EXPECT_EQ(CheckCooldown(ledger, At(4)), std::nullopt);
  EXPECT_EQ(CheckCooldown(crds::Ledger{}, At(4)), std::nullopt);
  ledger.failures = 0;
  EXPECT_EQ(MessageOf(CheckCooldown(ledger, At(3))),
            "the last remediation ended not long ago, the next may start at 2026-01-02T04:00:00Z");
}

TEST(CooldownTest, ExhaustedWaitsForAPerson) {
  std::optional<Refusal> refusal = CheckExhausted({.n = 3, .failures = 3, .exhausted = true});
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, Reason::kExhausted);
  EXPECT_EQ(refusal->next_check, absl::InfiniteFuture());
  EXPECT_EQ(CheckExhausted({.n = 2, .failures = 2}), std::nullopt);
}

TEST(CooldownTest, TheSecondRevertWithinADayIsADispute) {
  crds::Contended first = CountRevert({}, "argocd", Calico(), kSettings, At(3));
  EXPECT_EQ(first.count, 1);
  EXPECT_FALSE(IsDisputed(first));
  EXPECT_EQ(CheckContended(first), std::nullopt);

  crds::Contended second = CountRevert(first, "argocd", Calico(), kSettings, At(4));
  EXPECT_EQ(second.count, 2);
  EXPECT_TRUE(IsDisputed(second));
  EXPECT_EQ(*CheckContended(second),
            (Refusal{Reason::kContended,
                     "\"argocd\" set our change of DaemonSet kube-system/calico-node back 2 times, "
                     "last at 2026-01-02T04:00:00Z; nothing is written until the policy is changed",
                     absl::InfiniteFuture()}));

  absl::Time next_day = At(3) + kSettings.revert_window + absl::Seconds(1);
  EXPECT_EQ(CountRevert(first, "argocd", Calico(), kSettings, next_day).count, 1);
  EXPECT_FALSE(IsDisputed(std::nullopt));
}

}  // namespace
}  // namespace kr::limits
