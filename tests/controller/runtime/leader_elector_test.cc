#include "controller/runtime/leader_elector.h"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/fixed_random.h"
#include "tests/support/lease_store.h"
#include "tests/support/status_matchers.h"

// Follows client-go's leaderelection_test by name where there is a counterpart.
namespace kr::runtime {
namespace {

using testing::LeaseStore;
using Fault = LeaseStore::Fault;
using Log = std::vector<std::string>;

LeaderElectionConfig Config(const std::string& identity) {
  LeaderElectionConfig config;
  config.identity = identity;
  return config;
}

// One candidate in front of a store. Run performs requests at once and stops at the first wait.
class Candidate {
 public:
  Candidate(const std::string& identity, LeaseStore& store, testing::FakeClock& clock,
            double random = 0)
      : store_(store), clock_(clock), random_(random), elector_(Config(identity), random_) {}

  LeaderElector::Now Now() const { return {clock_.Monotonic(), clock_.Now()}; }

  void Run(LeaderElector::Input input) {
    changes_.clear();
    for (;;) {
      LeaderElector::Result result = elector_.Step(std::move(input), Now());
      problem_ = result.problem;
      if (!std::holds_alternative<std::monostate>(result.change)) {
        changes_.push_back(result.change);
      }
      if (auto* send = std::get_if<LeaderElector::Send>(&result.action)) {
        StatusOr<kube::Reply> reply = store_.Send(send->request, {});
        clock_.Advance(latency_);
        input = LeaderElector::Answer{std::move(reply)};
        continue;
      }
      finished_ = std::holds_alternative<LeaderElector::Finished>(result.action);
      if (!finished_) wake_ = std::get<LeaderElector::WaitUntil>(result.action).when;
      return;
    }
  }
  void Start() { Run(LeaderElector::Start{}); }
  // Sleeps as long as the elector asked for, then goes on.
  void Next() {
    clock_.Advance(wake_ - clock_.Monotonic());
    Run(LeaderElector::Elapsed{});
  }

  template <typename T>
  const T* Change() const {
    return changes_.empty() ? nullptr : std::get_if<T>(&changes_.back());
  }

  LeaseStore& store_;
  testing::FakeClock& clock_;
  testing::FixedRandom random_;
  LeaderElector elector_;
  absl::Duration latency_ = absl::ZeroDuration();
  std::vector<LeaderElector::Change> changes_;
  Status problem_;
  MonotonicTime wake_;
  bool finished_ = false;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  // `other` took the lease long ago by its own clock, which is an hour off.
  void HeldByOther(int seconds = 15) {
    store_.Hold("other", seconds, "2026-01-02T02:04:05.000000Z", 7);
  }
  nlohmann::json Spec() { return store_.lease()["spec"]; }

  testing::FakeClock clock_;
  LeaseStore store_;
  Candidate me_{"me", store_, clock_};
};

TEST(LeaderElectionConfig, ConfigValidation) {
  struct Case {
    const char* name;
    std::function<void(LeaderElectionConfig&)> change;
    std::string want;
  };
  using C = LeaderElectionConfig&;
  for (const Case& c : {
           Case{"defaults", [](C) {}, ""},
           Case{"quick, as in tests",
                [](C x) {
                  x.lease_duration = absl::Seconds(6);
                  x.renew_deadline = absl::Seconds(4);
                  x.retry_period = absl::Seconds(1);
                },
                ""},
           Case{"no identity", [](C x) { x.identity = ""; }, "identity is empty"},
           Case{"no name", [](C x) { x.lease.name = ""; }, "needs a namespace and a name"},
           Case{"no namespace", [](C x) { x.lease.name_space = ""; }, "needs a namespace"},
           Case{"deadline not below the duration",
                [](C x) { x.renew_deadline = absl::Seconds(15); }, "less than leaseDuration"},
           Case{"retry times jitter not below the deadline",
                [](C x) { x.retry_period = absl::Seconds(9); }, "more than 1.2"},
           Case{"no retry period", [](C x) { x.retry_period = absl::ZeroDuration(); },
                "must be positive"},
           Case{"the record has whole seconds only",
                [](C x) { x.lease_duration = absl::Milliseconds(15'500); }, "whole seconds"},
           Case{"no duration", [](C x) { x.lease_duration = absl::ZeroDuration(); },
                "whole seconds"},
       }) {
    SCOPED_TRACE(c.name);
    LeaderElectionConfig config = Config("me");
    c.change(config);
    const Status status = config.Validate();
    EXPECT_EQ(status.ok(), c.want.empty());
    EXPECT_THAT(std::string(Message(status)), ::testing::HasSubstr(c.want));
  }
}

TEST(LeaderElectionConfig, OneHungRequestCannotEatTheDeadline) {
  LeaderElectionConfig config = Config("me");
  EXPECT_EQ(config.RequestTimeout(), absl::Seconds(5));
  config.renew_deadline = absl::Seconds(1.5);
  EXPECT_EQ(config.RequestTimeout(), absl::Seconds(1));
}

// TestTryAcquireOrRenew: one attempt on every kind of lease.
TEST(LeaderElector, TryAcquireOrRenew) {
  struct Case {
    const char* name;
    std::function<void(LeaseStore&)> lease;
    bool wins;
    int transitions;
    Log requests;
  };
  const char* kOld = "2020-01-01T00:00:00.000000Z";
  for (const Case& c : {
           Case{"acquire from no object", [](LeaseStore&) {}, true, 0, {"GET", "POST"}},
           Case{"acquire from a released object",
                [&](LeaseStore& s) { s.Hold("", 1, kOld, 3); },
                true,
                4,
                {"GET", "PUT"}},
           Case{"acquire from an object without a spec",
                [](LeaseStore& s) { s.Edit([](nlohmann::json&) {}); },
                true,
                1,
                {"GET", "PUT"}},
           Case{"do not acquire from a holder that was seen just now, whatever its clock says",
                [&](LeaseStore& s) { s.Hold("other", 15, kOld, 3); },
                false,
                3,
                {"GET"}},
           Case{"renew what carries our identity",
                [&](LeaseStore& s) { s.Hold("me", 15, kOld, 3); },
                true,
                3,
                {"GET", "PUT"}},
       }) {
    SCOPED_TRACE(c.name);
    testing::FakeClock clock;
    LeaseStore store;
    c.lease(store);
    Candidate me("me", store, clock);
    me.Start();
    EXPECT_EQ(me.elector_.leading(), c.wins);
    EXPECT_EQ(store.TakeLog(), c.requests);
    EXPECT_EQ(store.lease()["spec"].value("leaseTransitions", -1), c.transitions);
    EXPECT_EQ(store.holder(), c.wins ? "me" : "other");
    KR_EXPECT_OK(me.problem_);
    const auto* won = me.Change<LeaderElector::Won>();
    ASSERT_EQ(won != nullptr, c.wins);
    if (won != nullptr) {
      EXPECT_FALSE(won->unreleased_takeover);
      EXPECT_EQ(won->transitions, c.transitions);
    }
  }
}

TEST_F(LeaderElectorTest, AcquireFromExpiredObject) {
  HeldByOther();
  me_.Start();
  const MonotonicTime seen = clock_.Monotonic();
  while (!me_.elector_.leading()) {
    EXPECT_EQ(store_.holder(), "other");
    me_.Next();
    ASSERT_LT(clock_.Monotonic() - seen, absl::Seconds(20));
  }
  EXPECT_GE(clock_.Monotonic() - seen, absl::Seconds(15)) << "a full duration of our own clock";
  const auto* won = me_.Change<LeaderElector::Won>();
  ASSERT_NE(won, nullptr);
  EXPECT_TRUE(won->unreleased_takeover);
  EXPECT_EQ(Spec()["leaseTransitions"], 8) << "a takeover increments";
  EXPECT_EQ(Spec()["leaseDurationSeconds"], 15);
  EXPECT_EQ(Spec()["acquireTime"], Spec()["renewTime"]);
}

TEST_F(LeaderElectorTest, SkewDoesNotStealLease) {
  // The holder renews by a clock that stands still a day ahead or behind: any change counts.
  HeldByOther();
  me_.Start();
  for (int i = 0; i < 20; ++i) {
    store_.Edit([&](nlohmann::json& lease) {
      lease["spec"]["renewTime"] = FormatMicroTime(absl::UnixEpoch() + absl::Hours(24 * (20 - i)));
    });
    me_.Next();
    clock_.JumpWall(absl::Hours(i % 2 == 0 ? 48 : -48));
    ASSERT_FALSE(me_.elector_.leading());
  }
}

TEST_F(LeaderElectorTest, AVersionThatChangesWithoutTheRecordIsNoRenewal) {
  HeldByOther();
  me_.Start();
  for (int i = 0; i < 10 && !me_.elector_.leading(); ++i) {
    store_.Edit(
        [&](nlohmann::json& lease) { lease["metadata"]["labels"]["n"] = std::to_string(i); });
    me_.Next();
  }
  EXPECT_TRUE(me_.elector_.leading()) << "somebody labels the object, nobody renews it";
  EXPECT_EQ(store_.lease()["metadata"]["labels"]["n"], "7") << "the label survives";
}

TEST_F(LeaderElectorTest, TheDurationOfTheRecordCounts) {
  HeldByOther(60);
  me_.Start();
  const MonotonicTime seen = clock_.Monotonic();
  while (!me_.elector_.leading()) me_.Next();
  EXPECT_GE(clock_.Monotonic() - seen, absl::Seconds(60));
}

TEST_F(LeaderElectorTest, CandidatesRetryWithJitter) {
  HeldByOther();
  Candidate jittered("me", store_, clock_, 0.5);
  jittered.Start();
  EXPECT_EQ(jittered.wake_, clock_.Monotonic() + absl::Seconds(2) * 1.6);
  EXPECT_EQ(jittered.elector_.observed_holder(), "other");
}

TEST_F(LeaderElectorTest, FastPath) {
  me_.Start();
  store_.TakeLog();
  const std::string acquired = Spec()["acquireTime"];
  for (int i = 0; i < 5; ++i) {
    const MonotonicTime before = clock_.Monotonic();
    me_.Next();
    EXPECT_EQ(clock_.Monotonic() - before, absl::Seconds(2)) << "leaders do not jitter";
    EXPECT_NE(me_.Change<LeaderElector::Renewed>(), nullptr);
    EXPECT_EQ(store_.TakeLog(), Log{"PUT"}) << "one request, no read";
  }
  EXPECT_EQ(Spec()["acquireTime"], acquired);
  EXPECT_NE(Spec()["renewTime"], acquired);
  EXPECT_EQ(Spec()["leaseTransitions"], 0);
}

TEST_F(LeaderElectorTest, SomebodyElsesEditMakesTheLeaderRead) {
  me_.Start();
  store_.Edit([](nlohmann::json& lease) { lease["metadata"]["annotations"]["a"] = "b"; });
  store_.TakeLog();
  me_.Next();
  EXPECT_EQ(store_.TakeLog(), (Log{"PUT", "GET", "PUT"}));
  EXPECT_NE(me_.Change<LeaderElector::Renewed>(), nullptr);
  EXPECT_EQ(store_.lease()["metadata"]["annotations"]["a"], "b");
}

TEST_F(LeaderElectorTest, ConflictIsALostRace) {
  HeldByOther();
  Candidate rival("rival", store_, clock_);
  me_.Start();
  rival.Start();
  clock_.Advance(absl::Seconds(15));
  // Both read the expired lease; the rival writes first.
  auto mine = me_.elector_.Step(LeaderElector::Elapsed{}, me_.Now());
  auto read = store_.Send(std::get<LeaderElector::Send>(mine.action).request, {});
  auto write = me_.elector_.Step(LeaderElector::Answer{std::move(read)}, me_.Now());
  rival.Run(LeaderElector::Elapsed{});
  EXPECT_TRUE(rival.elector_.leading());
  auto lost = store_.Send(std::get<LeaderElector::Send>(write.action).request, {});
  EXPECT_TRUE(absl::IsAborted(lost.status()));
  auto result = me_.elector_.Step(LeaderElector::Answer{std::move(lost)}, me_.Now());
  EXPECT_FALSE(me_.elector_.leading());
  EXPECT_TRUE(std::holds_alternative<LeaderElector::WaitUntil>(result.action));
  EXPECT_EQ(store_.holder(), "rival");
}

TEST_F(LeaderElectorTest, TheTermCountsFromTheStartOfTheRequest) {
  me_.latency_ = absl::Seconds(1);
  const MonotonicTime start = clock_.Monotonic();
  me_.Start();  // GET takes the first second, POST the second
  const auto* won = me_.Change<LeaderElector::Won>();
  ASSERT_NE(won, nullptr);
  EXPECT_EQ(won->request_started, start + absl::Seconds(1));
  me_.Next();
  const auto* renewed = me_.Change<LeaderElector::Renewed>();
  ASSERT_NE(renewed, nullptr);
  EXPECT_EQ(renewed->request_started, start + absl::Seconds(4));
}

TEST_F(LeaderElectorTest, LosesLeadershipOnRenewDeadline) {
  me_.Start();
  const MonotonicTime last = clock_.Monotonic();
  store_.SetFault(Fault::kRefused);
  while (me_.elector_.leading()) {
    me_.Next();
    ASSERT_LE(clock_.Monotonic() - last, absl::Seconds(10));
  }
  EXPECT_EQ(clock_.Monotonic() - last, absl::Seconds(10)) << "not before, not after";
  EXPECT_NE(me_.Change<LeaderElector::Lost>(), nullptr);
  EXPECT_TRUE(me_.finished_);
  store_.SetFault(Fault::kNone);
  me_.Run(LeaderElector::Elapsed{});
  EXPECT_TRUE(me_.finished_) << "a process that lost the lease does not come back";
}

TEST_F(LeaderElectorTest, TheDeadlineCountsFromTheStartOfTheLastRenewal) {
  me_.latency_ = absl::Seconds(1);
  me_.Start();
  me_.Next();
  const MonotonicTime asked = clock_.Monotonic() - absl::Seconds(1);
  me_.latency_ = absl::ZeroDuration();
  store_.SetFault(Fault::kUnreachable);
  while (me_.elector_.leading()) me_.Next();
  EXPECT_EQ(clock_.Monotonic() - asked, absl::Seconds(10));
}

// A process that was stopped for a while must not write to find out how late it is.
TEST_F(LeaderElectorTest, WakingUpAfterTheDeadlineLosesWithoutARequest) {
  me_.Start();
  store_.TakeLog();
  clock_.Advance(absl::Seconds(10));
  me_.Run(LeaderElector::Elapsed{});
  EXPECT_NE(me_.Change<LeaderElector::Lost>(), nullptr);
  EXPECT_TRUE(me_.finished_);
  EXPECT_EQ(store_.TakeLog(), Log{});
}

TEST_F(LeaderElectorTest, RequestsOfALeaderEndAtTheDeadline) {
  me_.Start();
  EXPECT_EQ(store_.last_timeout(), absl::Seconds(5));
  store_.SetFault(Fault::kUnreachable);
  for (int left : {5, 5, 4, 2}) {  // 8, 6, 4, 2 seconds before it
    me_.Next();
    EXPECT_EQ(store_.last_timeout(), absl::Seconds(left));
  }
  me_.Next();
  EXPECT_FALSE(me_.elector_.leading());
}

TEST_F(LeaderElectorTest, OutageShorterThanTheDeadlineIsSurvived) {
  me_.Start();
  store_.Script({Fault::kUnreachable, Fault::kUnreachable, Fault::kRefused, Fault::kRefused});
  me_.Next();
  EXPECT_FALSE(me_.problem_.ok());
  me_.Next();
  EXPECT_FALSE(me_.problem_.ok());
  me_.Next();
  EXPECT_TRUE(me_.elector_.leading());
  EXPECT_NE(me_.Change<LeaderElector::Renewed>(), nullptr);
  KR_EXPECT_OK(me_.problem_);
}

TEST_F(LeaderElectorTest, ARenewalWhoseAnswerWasLostIsFoundByReading) {
  me_.Start();
  store_.Script({Fault::kAnswerLost});
  store_.TakeLog();
  me_.Next();
  EXPECT_EQ(store_.TakeLog(), (Log{"PUT", "GET", "PUT"}));
  EXPECT_NE(me_.Change<LeaderElector::Renewed>(), nullptr);
  EXPECT_EQ(Spec()["leaseTransitions"], 0);
}

TEST_F(LeaderElectorTest, AWinWhoseAnswerWasLostIsOurs) {
  HeldByOther();
  store_.Edit([](nlohmann::json& lease) { lease["spec"]["holderIdentity"] = ""; });
  store_.Script({Fault::kNone, Fault::kAnswerLost});
  me_.Start();
  EXPECT_FALSE(me_.elector_.leading());
  me_.Next();
  EXPECT_TRUE(me_.elector_.leading());
  EXPECT_EQ(Spec()["leaseTransitions"], 8) << "counted once";
}

TEST_F(LeaderElectorTest, ALeaderThatReadsAnotherHolderStopsAtOnce) {
  for (const char* holder : {"thief", ""}) {
    SCOPED_TRACE(holder);
    testing::FakeClock clock;
    LeaseStore store;
    Candidate me("me", store, clock);
    me.Start();
    store.Hold(holder, 15, "2026-01-02T03:04:05.000000Z", 1);
    me.Next();
    EXPECT_FALSE(me.elector_.leading());
    EXPECT_NE(me.Change<LeaderElector::Lost>(), nullptr);
    EXPECT_EQ(store.holder(), holder) << "and does not take it back";
  }
}

TEST_F(LeaderElectorTest, ADeletedLeaseIsMadeAgainWithoutRestartingTheCount) {
  HeldByOther();
  me_.Start();
  while (!me_.elector_.leading()) me_.Next();
  EXPECT_EQ(Spec()["leaseTransitions"], 8);
  store_.Remove();
  me_.Next();
  EXPECT_NE(me_.Change<LeaderElector::Renewed>(), nullptr);
  EXPECT_EQ(Spec()["leaseTransitions"], 8);
  EXPECT_EQ(Spec()["holderIdentity"], "me");
}

// Who held it may not know yet that it is gone.
TEST_F(LeaderElectorTest, ALeaseThatWasDeletedUnderAnotherHolderIsAnUnreleasedTakeover) {
  HeldByOther();
  me_.Start();
  store_.Remove();
  me_.Next();
  const auto* won = me_.Change<LeaderElector::Won>();
  ASSERT_NE(won, nullptr);
  EXPECT_TRUE(won->unreleased_takeover);

  testing::FakeClock clock;
  LeaseStore empty;
  Candidate first("first", empty, clock);
  first.Start();
  ASSERT_NE(first.Change<LeaderElector::Won>(), nullptr);
  EXPECT_FALSE(first.Change<LeaderElector::Won>()->unreleased_takeover);
}

TEST_F(LeaderElectorTest, ReleaseLease) {
  me_.Start();
  clock_.Advance(absl::Seconds(3));
  store_.TakeLog();
  me_.Run(LeaderElector::Stop{.release = true});
  EXPECT_TRUE(me_.finished_);
  EXPECT_FALSE(me_.elector_.leading());
  EXPECT_EQ(Spec()["holderIdentity"], "");
  EXPECT_EQ(Spec()["leaseDurationSeconds"], 1);
  EXPECT_EQ(Spec()["leaseTransitions"], 0);
  EXPECT_EQ(Spec()["acquireTime"], Spec()["renewTime"]);
  EXPECT_EQ(store_.TakeLog(), (Log{"GET", "PUT"})) << "ReleaseMethodCallsGet";

  Candidate next("next", store_, clock_);
  next.Start();
  const auto* won = next.Change<LeaderElector::Won>();
  ASSERT_NE(won, nullptr) << "at once";
  EXPECT_FALSE(won->unreleased_takeover);
  EXPECT_EQ(won->transitions, 1);
}

TEST_F(LeaderElectorTest, ReleaseRetriesOnConflict) {
  me_.Start();
  auto read = me_.elector_.Step(LeaderElector::Stop{.release = true}, me_.Now());
  auto reply = store_.Send(std::get<LeaderElector::Send>(read.action).request, {});
  auto write = me_.elector_.Step(LeaderElector::Answer{std::move(reply)}, me_.Now());
  store_.Edit([](nlohmann::json& lease) { lease["metadata"]["labels"]["touched"] = "yes"; });
  auto conflict = store_.Send(std::get<LeaderElector::Send>(write.action).request, {});
  ASSERT_TRUE(absl::IsAborted(conflict.status()));
  me_.Run(LeaderElector::Answer{std::move(conflict)});
  EXPECT_TRUE(me_.finished_);
  EXPECT_EQ(store_.holder(), "");
}

TEST_F(LeaderElectorTest, ReleaseGivesUpWhenTheServerIsAway) {
  me_.Start();
  store_.SetFault(Fault::kUnreachable);
  me_.Run(LeaderElector::Stop{.release = true});
  EXPECT_TRUE(me_.finished_);
  EXPECT_FALSE(me_.problem_.ok());
}

TEST_F(LeaderElectorTest, ReleaseTakesNothingFromAnotherHolder) {
  me_.Start();
  HeldByOther();
  me_.Run(LeaderElector::Stop{.release = true});
  EXPECT_TRUE(me_.finished_);
  EXPECT_EQ(store_.holder(), "other");
}

TEST_F(LeaderElectorTest, StopWithoutReleaseLeavesTheLeaseToExpire) {
  me_.Start();
  store_.TakeLog();
  me_.Run(LeaderElector::Stop{.release = false});
  EXPECT_TRUE(me_.finished_);
  EXPECT_EQ(store_.TakeLog(), Log{});
  EXPECT_EQ(store_.holder(), "me");
}

TEST_F(LeaderElectorTest, AStandbyThatStopsSendsNothing) {
  HeldByOther();
  me_.Start();
  store_.TakeLog();
  me_.Run(LeaderElector::Stop{.release = true});
  EXPECT_TRUE(me_.finished_);
  EXPECT_EQ(store_.TakeLog(), Log{});
}

TEST_F(LeaderElectorTest, StopDuringTheWinningWriteReleasesWhatItWon) {
  auto read = me_.elector_.Step(LeaderElector::Start{}, me_.Now());
  auto reply = store_.Send(std::get<LeaderElector::Send>(read.action).request, {});
  auto write = me_.elector_.Step(LeaderElector::Answer{std::move(reply)}, me_.Now());
  (void)store_.Send(std::get<LeaderElector::Send>(write.action).request, {});
  EXPECT_EQ(store_.holder(), "me");
  me_.Run(LeaderElector::Stop{.release = true});
  EXPECT_EQ(store_.holder(), "");
}

// Two candidates, a store that fails at random, clocks that agree: whenever the write permit of a
// leader would hold, nobody else leads.
TEST(LeaderElector, NeverTwoPermitsAtOnce) {
  std::mt19937 random(7);
  testing::FakeClock clock;
  LeaseStore store;
  struct Player {
    std::unique_ptr<Candidate> candidate;
    MonotonicTime permit_until;
    MonotonicTime wake;
  };
  std::vector<Player> players(2);
  int names = 0;
  int terms = 0;
  for (int step = 0; step < 20'000; ++step) {
    for (Player& player : players) {
      if (player.candidate == nullptr) {
        // A crashed or finished process comes back under a new name.
        player = {std::make_unique<Candidate>("p" + std::to_string(names++), store, clock), {}, {}};
        player.candidate->Start();
      } else if (clock.Monotonic() >= player.candidate->wake_) {
        player.candidate->Run(LeaderElector::Elapsed{});
      } else {
        continue;
      }
      if (const auto* won = player.candidate->Change<LeaderElector::Won>()) {
        ++terms;
        player.permit_until = won->request_started + absl::Seconds(14);
        for (const Player& other : players) {
          if (&other == &player) continue;
          ASSERT_LT(other.permit_until, clock.Monotonic()) << step;
        }
      }
      if (const auto* renewed = player.candidate->Change<LeaderElector::Renewed>()) {
        player.permit_until = renewed->request_started + absl::Seconds(14);
      }
      if (player.candidate->finished_ || random() % 300 == 0) player.candidate = nullptr;
    }
    clock.Advance(absl::Milliseconds(500));
    if (random() % 40 == 0) {
      store.SetFault(static_cast<Fault>(random() % 4));
    } else if (random() % 8 == 0) {
      store.SetFault(Fault::kNone);
    }
  }
  EXPECT_GT(terms, 20);
}

}  // namespace
}  // namespace kr::runtime
