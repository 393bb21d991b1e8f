#include "controller/runtime/leader_election.h"

#include <atomic>
#include <future>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fixed_random.h"
#include "tests/support/lease_store.h"
#include "tests/support/status_matchers.h"

// The thread around the elector, in real time with the shortest lease that the API knows. Nothing
// here waits for a fixed time.
namespace kr::runtime {
namespace {

using testing::LeaseStore;
using Fault = LeaseStore::Fault;

LeaderElectionConfig Quick() {
  LeaderElectionConfig config;
  config.identity = "me";
  config.lease_duration = absl::Seconds(1);
  config.renew_deadline = absl::Milliseconds(300);
  config.retry_period = absl::Milliseconds(5);
  return config;
}

class LeaderElectionTest : public ::testing::Test {
 protected:
  LeaderElectionTest() : runtime_(metrics_) {}

  LeaderElection::Callbacks Callbacks() {
    return {.on_started =
                [this](const WritePermit::Term& term) {
                  covered_when_started_ = permit_.Covers(clock_.Monotonic(), kWrite);
                  started_.set_value(term);
                },
            .on_lost =
                [this](std::string_view why) {
                  covered_when_lost_ = permit_.Covers(clock_.Monotonic(), kWrite);
                  ++losses_;
                  lost_.set_value(std::string(why));
                }};
  }

  static constexpr absl::Duration kWrite = absl::Milliseconds(10);

  RealClock clock_;
  testing::FixedRandom random_;
  LeaseStore store_;
  Metrics metrics_;
  RuntimeMetrics runtime_;
  WritePermit permit_{{.lease_duration = absl::Seconds(1), .safety = absl::Milliseconds(100)}};
  std::promise<WritePermit::Term> started_;
  std::promise<std::string> lost_;
  std::atomic<bool> covered_when_started_ = false;
  std::atomic<bool> covered_when_lost_ = true;
  std::atomic<int> losses_ = 0;
  LeaderElection election_{Quick(), store_, permit_, clock_, random_, runtime_.leader, Callbacks()};
};

TEST_F(LeaderElectionTest, GrantsThePermitBeforeItSaysSo) {
  KR_ASSERT_OK(election_.Start());
  const WritePermit::Term term = started_.get_future().get();
  EXPECT_EQ(term.holder, "me");
  EXPECT_TRUE(covered_when_started_);
  EXPECT_TRUE(election_.leading());
  EXPECT_EQ(runtime_.leader.leader.value(), 1);
  const MonotonicTime first = permit_.valid_until();
  while (permit_.valid_until() <= first) std::this_thread::yield();  // renewals extend it
}

TEST_F(LeaderElectionTest, LostLeadershipEndsThePermitAndIsToldOnce) {
  KR_ASSERT_OK(election_.Start());
  started_.get_future().get();
  const std::stop_token writes = permit_.stop();
  store_.SetFault(Fault::kUnreachable);
  EXPECT_THAT(lost_.get_future().get(), ::testing::HasSubstr("renew deadline"));
  EXPECT_FALSE(covered_when_lost_);
  EXPECT_TRUE(writes.stop_requested());
  election_.Stop(true);
  EXPECT_EQ(losses_, 1);
  EXPECT_FALSE(election_.leading());
  EXPECT_EQ(runtime_.leader.leader.value(), 0);
  EXPECT_GT(runtime_.leader.failures.value(), 0);
  EXPECT_EQ(store_.holder(), "me") << "what was lost is not released";
}

TEST_F(LeaderElectionTest, ReleaseOnCancellation) {
  KR_ASSERT_OK(election_.Start());
  started_.get_future().get();
  election_.Stop(true);
  EXPECT_EQ(store_.holder(), "");
  EXPECT_FALSE(permit_.Covers(clock_.Monotonic(), kWrite));
  EXPECT_EQ(losses_, 0) << "giving up is not losing";
}

TEST_F(LeaderElectionTest, DestructionDoesNotRelease) {
  {
    LeaderElection election(Quick(), store_, permit_, clock_, random_, {}, Callbacks());
    KR_ASSERT_OK(election.Start());
    started_.get_future().get();
  }
  EXPECT_EQ(store_.holder(), "me");
  EXPECT_FALSE(permit_.Covers(clock_.Monotonic(), kWrite));
}

TEST_F(LeaderElectionTest, StandbyStopsQuietly) {
  store_.Hold("other", 3600, "2026-01-02T03:04:05.000000Z", 1);
  KR_ASSERT_OK(election_.Start());
  while (store_.TakeLog().empty()) std::this_thread::yield();
  election_.Stop(true);
  EXPECT_EQ(store_.holder(), "other");
  EXPECT_FALSE(election_.leading());
}

TEST_F(LeaderElectionTest, RejectsBadDurations) {
  LeaderElectionConfig config = Quick();
  config.renew_deadline = absl::Seconds(2);
  LeaderElection election(config, store_, permit_, clock_, random_, {}, {});
  EXPECT_TRUE(absl::IsInvalidArgument(election.Start()));
  EXPECT_TRUE(store_.TakeLog().empty());
}

}  // namespace
}  // namespace kr::runtime
