#include "reconcilers/signals/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/signals/fake_view.h"
#include "tests/support/fake_clock.h"

namespace kr::signals {
namespace {

using ::testing::HasSubstr;

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() : watch(clock.Monotonic()) {
    view.remembered.leases.Use(clock);
    view.remembered.leases.SetWatches({&watch});
    view.Set({{"metadata", {{"name", "n1"}}}});
    watch.Up(clock.Monotonic());
  }
  void Pass(absl::Duration duration) {
    clock.Advance(duration);
    view.time += duration;
  }
  bool Renew(const std::string& at) {
    return view.remembered.leases.Observe(watch, "kube-node-lease", "n1", "n1", at);
  }
  void Outage(absl::Duration duration) {
    watch.Down(clock.Monotonic());
    Pass(duration);
    watch.Up(clock.Monotonic());
  }
  Reading Read(crds::LeaseState state, absl::Duration after = absl::Seconds(40)) {
    crds::LeaseSignal spec;
    spec.state = state;
    spec.after = after;
    const SignalPtr signal = MakeLease(spec);
    signal->Note(view, false, view.remembered);
    return signal->Read(view);
  }
  std::string State() {
    const Tri fresh = Read(crds::LeaseState::kFresh).value;
    const Tri stale = Read(crds::LeaseState::kStale).value;
    if (fresh == Tri::kTrue && stale == Tri::kFalse) return "Fresh";
    if (fresh == Tri::kFalse && stale == Tri::kTrue) return "Stale";
    return fresh == stale ? std::string(Name(fresh)) : "both";
  }

  testing::FakeClock clock;
  cache::Connectivity watch;
  FakeView view;
};

TEST_F(LeaseTest, IsFreshAfterARenewalThatWasSeen) {
  Renew("a");
  EXPECT_EQ(State(), "False") << "it may be an hour old";
  Pass(absl::Seconds(5));
  EXPECT_TRUE(Renew("b")) << "who did not know is to be told";
  EXPECT_EQ(State(), "Fresh");
  EXPECT_EQ(Read(crds::LeaseState::kFresh).valid_until, view.time + absl::Seconds(40));
  Pass(absl::Seconds(10));
  EXPECT_FALSE(Renew("c")) << "it was fresh, and is";
  Pass(absl::Seconds(39));
  EXPECT_EQ(State(), "Fresh");
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale");
  EXPECT_TRUE(Renew("d"));
  EXPECT_EQ(State(), "Fresh");
}

TEST_F(LeaseTest, WhatWasNeverRenewedIsStaleAfterAWhile) {
  Renew("a");
  Pass(absl::Seconds(39));
  EXPECT_EQ(State(), "False");
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale");
  EXPECT_THAT(Read(crds::LeaseState::kStale).evidence.at(0).message,
              HasSubstr("lease kube-node-lease/n1 has not been renewed for 40s"));
}

TEST_F(LeaseTest, ARunningRemediationIsToldThatNobodyKnows) {
  Renew("a");
  view.began = view.time;
  EXPECT_EQ(State(), "Unknown");
  EXPECT_THAT(Read(crds::LeaseState::kFresh).cause, HasSubstr("was not seen to be renewed yet"));
}

TEST_F(LeaseTest, ALeaseThatIsNotThereIsStaleAfterAWhile) {
  EXPECT_EQ(State(), "False");
  Pass(absl::Seconds(40));
  EXPECT_EQ(State(), "Stale");
  EXPECT_TRUE(Renew("a"));
  EXPECT_EQ(State(), "Fresh") << "somebody has just made it";
}

TEST_F(LeaseTest, OfANodeWithoutOneItsConditionsTell) {
  const SignalPtr healthy = MakeNodeLeaseIsFresh();
  healthy->Note(view, false, view.remembered);
  EXPECT_EQ(healthy->Read(view).value, Tri::kTrue);
}

TEST_F(LeaseTest, WatchRotationKeepsLeaseAge) {
  Renew("a");
  Renew("b");
  Pass(absl::Seconds(30));
  Outage(absl::Seconds(1));  // the watch is renewed, and brings what there is
  EXPECT_FALSE(Renew("b"));
  EXPECT_EQ(State(), "Fresh");
  Pass(absl::Seconds(9));
  EXPECT_EQ(State(), "Fresh") << "what could not be seen does not count";
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale");
  Outage(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale") << "a watch that is renewed makes nobody fresh";
}

TEST_F(LeaseTest, AnOutageGivesEverybodyOneLeaseDurationMore) {
  Renew("a");
  Renew("b");
  Pass(absl::Seconds(30));
  Outage(absl::Minutes(10));
  EXPECT_EQ(State(), "Fresh");
  Pass(absl::Seconds(49));
  EXPECT_EQ(State(), "Fresh");
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale");
}

TEST_F(LeaseTest, AnotherWatchThatTakesOverKeepsTheAge) {
  Renew("a");
  Renew("b");
  Pass(absl::Seconds(30));
  cache::Connectivity other(clock.Monotonic());
  other.Up(clock.Monotonic());
  view.remembered.leases.SetWatches({&watch, &other});
  EXPECT_FALSE(view.remembered.leases.Observe(other, "kube-node-lease", "n1", "n1", "b"));
  view.remembered.leases.SetWatches({&other});
  Pass(absl::Seconds(9));
  EXPECT_EQ(State(), "Fresh");
  Pass(absl::Seconds(1));
  EXPECT_EQ(State(), "Stale");
}

TEST_F(LeaseTest, NobodysWallClockMatters) {
  Renew("2030-01-01T00:00:00Z");
  Renew("1970-01-01T00:00:00Z");
  clock.JumpWall(absl::Hours(3));
  EXPECT_EQ(State(), "Fresh");
}

}  // namespace
}  // namespace kr::signals
