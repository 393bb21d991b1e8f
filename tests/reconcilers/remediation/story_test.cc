// The flagship incident, whole, in a simulated cluster.
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

class Story : public ::testing::Test {
 protected:
  void SetUp() override {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.Policy(FelixSpec());
    s.Start();
  }
  void ProbesFail(const std::string& name = "e") {
    for (const char* suffix : {"1", "2", "3"}) s.Event("calico-1", name + suffix);
    s.Advance(absl::Milliseconds(100));
  }
  Simulation s;
};

TEST_F(Story, ThreeEventsAreHealedByOnePatch) {
  ProbesFail();
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
  EXPECT_EQ(s.Phase(), "Running");
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Verifying");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Patches(), 1u);
}

// The server gives up when we do, so that the permit under which a write was sent covers its
// execution. Two timeouts in one request would be anybody's guess.
TEST_F(Story, PermitCoversServerExecution) {
  s.options.timing.write_timeout = absl::Seconds(2) / 3;
  s.Restart();
  ProbesFail();
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  ASSERT_EQ(s.Phase(), "Succeeded");
  for (const FakeApi::Request& write : s.api.writes()) {
    if (write.target.find("policies") != std::string::npos) continue;  // nothing rests on those
    const size_t at = write.target.find("timeout=666ms");
    EXPECT_NE(at, std::string::npos) << write.target;
    EXPECT_EQ(write.target.find("timeout=", at + 1), std::string::npos) << write.target;
    EXPECT_EQ(write.timeout, absl::Seconds(2) / 3) << write.target;
    const bool disruptive = write.target.find("/daemonsets/") != std::string::npos;
    EXPECT_EQ(write.permit,
              disruptive ? runtime::PermitNeed::kDisruptive : runtime::PermitNeed::kWrite)
        << write.target;
  }
}

TEST_F(Story, RecoveryKeepsCure) {
  ProbesFail();
  s.RollOut("calico-node");
  s.Advance(absl::Hours(2));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Story, EvidenceCountsOnlyWhatIsCounted) {
  ProbesFail();
  const json remediation = s.Remediations().at(0);
  for (const json& evidence : remediation["status"]["evidence"]) {
    const bool event = evidence["source"].get<std::string>().starts_with("events.");
    EXPECT_EQ(evidence.contains("count"), event) << evidence;
  }
}

TEST_F(Story, NothingElseInTheTemplateChanges) {
  const json before = s.Get("daemonsets", "net/calico-node")["spec"];
  ProbesFail();
  json after = s.Get("daemonsets", "net/calico-node")["spec"];
  json& env = after["template"]["spec"]["containers"][0]["env"];
  json kept = json::array();
  for (const json& entry : env) {
    if (entry["name"] != "FELIX_HEALTHHOST") kept.push_back(entry);
  }
  env = kept;
  EXPECT_EQ(after, before);
}

TEST_F(Story, TwoEventsAreNotEnough) {
  s.Event("calico-1", "e1");
  s.Event("calico-1", "e2");
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "");
  s.Event("calico-1", "e3");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Story, ACountThatJumpsCounts) {
  s.Event("calico-1", "e1");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "");
  s.Event("calico-1", "e1", 3);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Story, EventsOutsideTheWindowDoNotCount) {
  s.Event("calico-1", "e1");
  s.Event("calico-1", "e2");
  s.Advance(absl::Minutes(16));
  s.Event("calico-1", "e3");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "");
}

TEST_F(Story, ASecondEvaluationWritesNothing) {
  ProbesFail();
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  ASSERT_EQ(s.Phase(), "Succeeded");
  const size_t writes = s.api.writes().size();
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", {{"a", "b"}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.api.writes().size(), writes);
}

TEST_F(Story, AnObjectWithAControllerIsReportedNotPatched) {
  s.Edit("daemonsets", "net/calico-node",
         {{"metadata",
           {{"ownerReferences",
             {{{"apiVersion", "operator.tigera.io/v1"},
               {"kind", "Installation"},
               {"name", "default"},
               {"uid", "u"},
               {"controller", true}}}}}}});
  s.RollOut("calico-node");
  ProbesFail();
  EXPECT_EQ(s.Phase(), "Reported");
  EXPECT_EQ(s.Reason(), "ManagedByOther");
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Story, ObserveShowsThePlanAndWritesNothing) {
  s.Policy(FelixSpec({{"mode", "Observe"}}));
  ProbesFail();
  ASSERT_EQ(s.Phase(), "Observed");
  EXPECT_EQ(s.Patches(), 0u);
  ASSERT_EQ(s.api.dry_runs().size(), 1u);
  const json plan = s.Remediations()[0]["status"]["plan"];
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0]["validation"], "Validated");
  EXPECT_NE(plan[0]["body"].get<std::string>().find("FELIX_HEALTHHOST"), std::string::npos);
}

TEST_F(Story, AReplacedPodKeepsItsEvidenceApart) {
  s.Event("calico-1", "e1");
  s.Event("calico-1", "e2");
  s.server.Delete("pods", "net", "calico-1");
  s.Advance(absl::Seconds(1));
  s.Pod("calico-1", "calico-node");  // another UID
  s.Event("calico-1", "e3");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "");
}

}  // namespace
}  // namespace kr::remediation
