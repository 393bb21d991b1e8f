// Mitigations: a node is taken out of service, and given back by whoever took it, and nobody else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/node_world.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Cordon : public NodeWorld {
 protected:
  void Begin(const json& spec = Spec(), int nodes = 4) {
    Nodes(nodes);
    s.Policy(spec);
    s.Start();
    Pass(absl::Seconds(20));
  }
  std::string Uid(size_t index = 0) const { return s.Remediations().at(index)["metadata"]["uid"]; }
};

TEST_F(Cordon, IsReleasedAtRecovery) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(Cordoned("n1"));
  EXPECT_EQ(Held("n1"), R"({"cordon":[")" + Uid() + "\"]}");
  EXPECT_TRUE(HasFinalizer());
  EXPECT_EQ(Condition("n1", "MaintenanceInProgress"), "True");
  EXPECT_THAT(s.told, Contains(HasSubstr("cordon Node n1")));
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_EQ(Held("n1"), "");
  EXPECT_FALSE(HasFinalizer());
  EXPECT_EQ(Condition("n1", "MaintenanceInProgress"), "False");
}

// Ready may be old; a kubelet that was restarted renews its lease.
TEST_F(Cordon, F10StaysWhileTheNodesLeaseIsNotRenewed) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  ASSERT_TRUE(Cordoned("n1"));
  Silence("n1");
  Pass(absl::Seconds(50));
  Ready("n1", "True");  // what it said last, or what somebody believes
  Pass(absl::Seconds(30));
  EXPECT_TRUE(Cordoned("n1"));
  Speak("n1");
  Pass(absl::Seconds(10));
  EXPECT_FALSE(Cordoned("n1"));
}

TEST_F(Cordon, ConditionsThatMayNotBeWrittenHoldNothingUpAndAreTold) {
  Begin();
  s.api.fault = [](const FakeApi::Request& request) {
    return request.target.find("/nodes/n1/status") != std::string::npos ? Fault::kForbidden
                                                                        : Fault::kNone;
  };
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(Cordoned("n1"));
  EXPECT_THAT(s.told, Contains(HasSubstr("NodeConditionsDenied: policy policy: the conditions of "
                                         "the Node do not tell of this: Forbidden")));
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_FALSE(Cordoned("n1"));
}

TEST_F(Cordon, TakesThreeWritesUntilItStands) {
  Begin();
  std::vector<std::string> writes;
  s.api.fault = [&](const FakeApi::Request& request) {
    const bool of_policy = request.target.find("remediationpolicies") != std::string::npos;
    if (!Cordoned("n1") && !of_policy) writes.push_back(request.method + " " + request.target);
    return Fault::kNone;
  };
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  ASSERT_TRUE(Cordoned("n1"));
  EXPECT_EQ(writes.size(), 3u) << ::testing::PrintToString(writes);
}

// F4
TEST_F(Cordon, OfSomebodyElseIsNeitherJoinedNorUndone) {
  Begin();
  Edit("n1", {{"spec", {{"unschedulable", true}}}});
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(Held("n1"), "");
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_TRUE(Cordoned("n1"));
}

TEST_F(Cordon, UndoWaitsForOtherHolder) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  const std::string mine = Uid();
  Edit("n1", {{"metadata",
               {{"annotations",
                 {{"kube-remedy.io/holders", R"({"cordon":["other",")" + mine + "\"]}"}}}}}});
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_TRUE(Cordoned("n1")) << "the other one needs it";
  EXPECT_EQ(Held("n1"), R"({"cordon":["other"]})");
}

TEST_F(Cordon, HumanRecordonSurvives) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  ASSERT_TRUE(Cordoned("n1"));
  // kubectl uncordon, and cordon: the field is theirs now.
  const json theirs = {{{"manager", "kubectl-cordon"},
                        {"operation", "Update"},
                        {"fieldsV1", {{"f:spec", {{"f:unschedulable", json::object()}}}}}}};
  Edit("n1", {{"metadata", {{"managedFields", theirs}}}});
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_TRUE(Cordoned("n1"));
  EXPECT_EQ(Held("n1"), "") << "what is not ours any more is not held either";
}

TEST_F(Cordon, APersonsUncordonCancelsEveryHolder) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  Edit("n1", {{"spec", {{"unschedulable", nullptr}}}});
  Pass(absl::Seconds(30));
  EXPECT_FALSE(Cordoned("n1")) << "nobody cordons it again";
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_EQ(Held("n1"), "");
}

TEST_F(Cordon, FailedDrainsDoNotCordonFleet) {
  Begin(Spec({{"remedies", Remedy({{{"cordon", json::object()}}}, "20s")},
              {"limits", {{"cooldown", "24h"}}}}));
  Ready("n1", "False");
  Ready("n2", "False");
  Pass(absl::Minutes(10));
  ASSERT_EQ(s.Remediations().size(), 1u) << "the failed one still has the slot";
  EXPECT_EQ(s.Phase(), "Failed");
  const std::string ended = Message();
  EXPECT_TRUE(Cordoned("n1"));
  EXPECT_FALSE(Cordoned("n2"));
  EXPECT_TRUE(HasFinalizer());
  EXPECT_THAT(s.Waiting(), HasSubstr("MaxConcurrent"));
  s.Restart();
  Pass(absl::Seconds(30));
  EXPECT_TRUE(Cordoned("n1"));
  // It gets well, by whomever: then it is given back, and the next one's turn comes.
  Ready("n1", "True");
  Pass(absl::Seconds(20));
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_TRUE(Cordoned("n2"));
  ASSERT_EQ(s.Remediations().size(), 2u);
  for (const json& remediation : s.Remediations()) {
    if (remediation["spec"]["targetRef"]["name"] != "n1") continue;
    EXPECT_EQ(remediation["status"]["phase"], "Failed");
    EXPECT_EQ(remediation["status"]["message"], ended) << "why it failed stays to be read";
    EXPECT_FALSE(remediation["metadata"].contains("finalizers") &&
                 !remediation["metadata"]["finalizers"].empty());
  }
}

TEST_F(Cordon, TheNextTryOnTheSameNodeWorksUnderTheSlotThatIsHeld) {
  Begin(Spec({{"remedies", Remedy({{{"cordon", json::object()}}}, "20s")},
              {"limits", {{"cooldown", "1m"}}}}));
  Ready("n1", "False");
  Pass(absl::Minutes(3));
  EXPECT_GE(s.Remediations().size(), 2u) << s.Waiting();
  EXPECT_TRUE(Cordoned("n1"));
  Ready("n1", "True");
  Pass(absl::Seconds(30));
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_EQ(Held("n1"), "");
}

TEST_F(Cordon, AlsoByHandAndInAGroup) {
  Begin(Spec(
      {{"remedies", Remedy({{{"cordon", json::object()}}}, "20s")},
       {"limits", {{"cooldown", "24h"}, {"groups", {{{"key", "'all'"}, {"maxConcurrent", 1}}}}}}}));
  Ready("n1", "False");
  Pass(absl::Minutes(3));
  ASSERT_EQ(s.Phase(), "Failed");
  s.server.Put("remediations",
               {{"apiVersion", "kube-remedy.io/v1alpha1"},
                {"kind", "Remediation"},
                {"metadata", {{"name", "by-hand"}}},
                {"spec",
                 {{"policyRef", {{"name", "policy"}}},
                  {"targetRef", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "n1"}}},
                  {"mode", "Enforce"}}}});
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Get("remediations", "/by-hand")["status"]["phase"], "Verifying")
      << s.Get("remediations", "/by-hand")["status"].dump(2);
}

TEST_F(Cordon, IsReleasedAtCancel) {
  Begin();
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  const std::string name = s.Remediations()[0]["metadata"]["name"];
  s.Edit("remediations", "/" + name, {{"spec", {{"cancel", true}}}});
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_FALSE(HasFinalizer());
}

TEST_F(Cordon, OfAFailedRemediationIsReleasedWhenItIsCancelled) {
  Begin(Spec({{"remedies", Remedy({{{"cordon", json::object()}}}, "20s")}}));
  Ready("n1", "False");
  Pass(absl::Minutes(1));
  ASSERT_EQ(s.Phase(), "Failed");
  ASSERT_TRUE(Cordoned("n1"));
  const std::string name = s.Remediations()[0]["metadata"]["name"];
  s.Edit("remediations", "/" + name, {{"spec", {{"cancel", true}}}});
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Failed") << "as what it ended it stays";
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_FALSE(HasFinalizer());
}

// F16
TEST_F(Cordon, AnOpenBreakerDoesNotBlockTheRelease) {
  Begin(Spec(), 10);
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  ASSERT_TRUE(Cordoned("n1"));
  for (int i = 2; i < 10; ++i) Ready("n" + std::to_string(i), "False");
  s.Advance(absl::Seconds(5));
  ASSERT_EQ(s.PolicyStatus()["breaker"]["state"], "Open");
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_FALSE(Cordoned("n1"));
}

TEST_F(Cordon, SurvivesACrashAnywhere) {
  for (int crash = 1; crash < 14; ++crash) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter}) {
      SCOPED_TRACE(crash);
      kubelets.clear();
      s.Crash();
      for (const char* plural : {"nodes", "leases", "remediations", "remediationpolicies"}) {
        for (const auto& [key, object] : s.server.Objects(plural)) {
          s.server.Delete(plural, object["metadata"].value("namespace", ""),
                          object["metadata"]["name"].get<std::string>());
        }
      }
      Begin();
      int writes = 0;
      s.api.fault = [&](const FakeApi::Request&) {
        return ++writes == crash ? fault : Fault::kNone;
      };
      Ready("n1", "False");
      for (int i = 0; i < 20 && writes < crash; ++i) s.Advance(absl::Milliseconds(500));
      if (writes >= crash) {
        s.Restart();
        Pass(absl::Seconds(50));
      }
      Pass(absl::Seconds(20));
      EXPECT_TRUE(Cordoned("n1"));
      Ready("n1", "True");
      Pass(absl::Seconds(60));
      EXPECT_FALSE(Cordoned("n1"));
      EXPECT_EQ(Held("n1"), "");
      for (const json& one : s.Remediations()) {
        EXPECT_TRUE(one["metadata"].value("finalizers", json::array()).empty());
      }
      s.api.fault = nullptr;
    }
  }
}

TEST_F(Cordon, ATaintIsHeldAndReleasedInTheSameWay) {
  Begin(
      Spec({{"remedies", Remedy({{{"taint", {{"key", "example.com/sick"}, {"value", "yes"}}}}})}}));
  Edit("n1", {{"spec", {{"taints", {{{"key", "theirs"}, {"effect", "NoSchedule"}}}}}}});
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  EXPECT_THAT(Taints("n1"), ElementsAre("theirs:NoSchedule", "example.com/sick:NoSchedule"));
  Ready("n1", "True");
  Pass(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_THAT(Taints("n1"), ElementsAre("theirs:NoSchedule"));
  EXPECT_EQ(Held("n1"), "");
}

// Of the two that are left, two are unhealthy: the one that went is neither selected nor sick.
TEST_F(Cordon, ANodeThatWasDeletedNoLongerCountsAsUnhealthy) {
  s.options.limits.exempt_from_node_budget = {"policy"};
  for (const char* name : {"n0", "n1", "n2"}) Node(name, {{"pool", "old"}});
  s.Policy(Spec(
      {{"target", {{"all", nullptr}, {"selector", {{"matchLabels", {{"pool", "old"}}}}}}},
       {"triggers",
        {{{"name", "t"},
          {"match",
           {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
       {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
       {"remedies", Remedy({{{"cordon", json::object()}},
                            {{"drain", json::object()}},
                            {{"deleteNode", json::object()}}})},
       {"limits", {{"maxUnhealthy", "100%"}}}}));
  s.Start();
  for (const char* name : {"n0", "n1", "n2"}) {
    Edit(name, {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  }
  Pass(absl::Minutes(2));
  for (const char* name : {"n0", "n1", "n2"}) EXPECT_TRUE(Get(name).is_null()) << name;
  EXPECT_EQ(s.PolicyStatus()["breaker"]["state"], "Closed") << s.Waiting();
}

TEST_F(Cordon, AStepUncordonTakesBackOnlyWhatIsOurs) {
  Begin(
      Spec({{"remedies", Remedy({{{"cordon", json::object()}}, {{"uncordon", json::object()}}})}}));
  Ready("n1", "False");
  s.Advance(absl::Seconds(5));
  EXPECT_FALSE(Cordoned("n1"));
  EXPECT_EQ(Held("n1"), "");
  Edit("n2", {{"spec", {{"unschedulable", true}}}});
  Ready("n1", "True");
  Ready("n2", "False");
  Pass(absl::Seconds(20));
  EXPECT_TRUE(Cordoned("n2"));
}

TEST_F(Cordon, TheControlPlaneIsNoTargetUnlessThePolicySaysSo) {
  for (const char* name : {"cp-0", "cp-1", "cp-2"}) {
    Node(name, {{"node-role.kubernetes.io/control-plane", ""}});
  }
  Begin();
  Ready("cp-1", "False");
  Pass(absl::Seconds(10));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting(), HasSubstr("Protected: Node cp-1 is of the control plane: only a policy "
                                     "with target.includeControlPlane: true acts there"));
  s.Policy(Spec({{"target", {{"includeControlPlane", true}}}, {"limits", {{"maxConcurrent", 3}}}}));
  Pass(absl::Seconds(10));
  EXPECT_TRUE(Cordoned("cp-1"));
  Ready("cp-2", "False");
  Pass(absl::Seconds(10));
  EXPECT_FALSE(Cordoned("cp-2"));
  EXPECT_THAT(s.Waiting(), HasSubstr("BudgetExhausted: one node of the control plane at a time"));
}

TEST_F(Cordon, TheControlPlaneKeepsItsQuorum) {
  for (const char* name : {"cp-0", "cp-1", "cp-2"}) {
    Node(name, {{"node-role.kubernetes.io/control-plane", ""}});
  }
  Nodes(6);
  Ready("cp-2", "False");
  s.Policy(Spec({{"target", {{"includeControlPlane", true}, {"names", {"cp-1"}}}},
                 {"limits", {{"maxUnhealthy", "100%"}}}}));
  s.Start();
  Ready("cp-1", "False");
  Pass(absl::Seconds(10));
  EXPECT_FALSE(Cordoned("cp-1"));
  EXPECT_THAT(s.Waiting(), HasSubstr("of the 3 nodes of the control plane 1 besides cp-1 are ready "
                                     "and in service, expected at least 2"));
}

}  // namespace
}  // namespace kr::remediation
