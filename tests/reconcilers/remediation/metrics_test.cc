#include "reconcilers/remediation/metrics.h"

#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

class RemedyMetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.Policy(FelixSpec());
    s.Start();
  }
  void ProbesFail() {
    for (const char* name : {"1", "2", "3"}) s.Event("calico-1", name);
    s.Advance(absl::Milliseconds(100));
  }
  Simulation s;
};

TEST_F(RemedyMetricsTest, OneCureIsCountedOnceAtEachStage) {
  EXPECT_EQ(s.Metric("breakers_open"), 0);
  ProbesFail();
  EXPECT_EQ(s.Metric("remediations_running"), 1);
  EXPECT_EQ(s.Metric("time_to_detect_seconds_count"), 1);
  EXPECT_EQ(s.Metric("time_to_act_seconds_count"), 1);
  EXPECT_EQ(s.Metric("time_to_cure_seconds_count"), 0);
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  ASSERT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Metric("sick_targets"), 0);
  EXPECT_EQ(s.Metric("remediations_running"), 0);
  EXPECT_EQ(s.Metric("time_to_cure_seconds_count"), 1);
  const auto at = [&](const char* path) {
    absl::Time time;
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full,
                                s.Remediations().at(0)["status"][path].get<std::string>(), &time,
                                &error))
        << error;
    return time;
  };
  EXPECT_NEAR(s.Metric("time_to_cure_seconds_sum"),
              absl::ToDoubleSeconds(at("finishedAt") - at("detectedAt")), 0.001);
  EXPECT_EQ(s.Metric("remediations_total{phase=\"Created\"}"), 1);
  EXPECT_EQ(s.Metric("remediations_total{phase=\"Succeeded\"}"), 1);
  EXPECT_EQ(s.Metric("steps_total{action=\"setEnv\",state=\"Succeeded\"}"), 1);
  EXPECT_EQ(s.Metric("steps_total{action=\"waitFor\",state=\"Succeeded\"}"), 1);
  EXPECT_EQ(s.Metric("action_writes_total{outcome=\"Applied\"}"), 1);
}

TEST_F(RemedyMetricsTest, ARestartInTheMiddleCountsNothingTwice) {
  ProbesFail();
  s.Restart();
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  ASSERT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Metric("time_to_detect_seconds_count"), 1);
  EXPECT_EQ(s.Metric("time_to_act_seconds_count"), 1);
  EXPECT_EQ(s.Metric("time_to_cure_seconds_count"), 1);
  EXPECT_EQ(s.Metric("remediations_total{phase=\"Succeeded\"}"), 1);
}

TEST_F(RemedyMetricsTest, ARefusalIsCountedByItsReason) {
  s.Edit("remediationpolicies", "/policy", {{"spec", {{"paused", true}}}});
  s.Advance(absl::Seconds(1));
  ProbesFail();
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Metric("sick_targets"), 1);
  EXPECT_EQ(s.Metric("refusals_total{reason=\"Paused\"}"), 1) << "once, however often it is asked";
}

}  // namespace
}  // namespace kr::remediation
