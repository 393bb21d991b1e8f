// Limits across policies, and of groups.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class BudgetsTest : public SickSets {
 protected:
  void Label(int i, const std::string& key, const std::string& value) {
    s.Edit("daemonsets", "net/ds-" + std::to_string(i),
           {{"metadata", {{"labels", {{key, value}}}}}});
  }
  // A policy about some of the sets.
  void PolicyAbout(const std::string& name, const json& sets, int64_t priority = 0) {
    s.Policy(AnnotatedSpec({{"priority", priority},
                            {"target", {{"names", sets}}},
                            {"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 5}}}}),
             name);
  }
  void Budget(const json& spec, const std::string& name = "shared") {
    s.server.Put("remediationbudgets",
                 {{"apiVersion", "kube-remedy.io/v1alpha1"},
                  {"kind", "RemediationBudget"},
                  {"metadata", {{"name", name}, {"generation", ++generation}}},
                  {"spec", spec}});
    s.Advance(absl::Milliseconds(200));
  }
  json BudgetStatus(const std::string& name = "shared") {
    return s.Get("remediationbudgets", "/" + name)["status"];
  }
  json AllSets() {
    return json::parse(R"({"kinds": [{"apiVersion": "apps/v1", "kind": "DaemonSet"}]})");
  }
  void Node(const std::string& name, bool ready, bool unschedulable = false,
            const json& metadata = json::object()) {
    json meta = {{"name", name}};
    meta.update(metadata);
    s.server.Put("nodes",
                 {{"metadata", meta},
                  {"spec", {{"unschedulable", unschedulable}}},
                  {"status",
                   {{"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}});
  }
  int generation = 0;
};

TEST_F(BudgetsTest, OneBudgetHoldsForTwoPolicies) {
  Sets(4);
  Budget({{"objects", AllSets()}, {"maxConcurrent", 1}});
  PolicyAbout("p", {"ds-0", "ds-1"});
  PolicyAbout("q", {"ds-2", "ds-3"}, 10);
  s.Start();
  Sick(0);
  Sick(2);
  s.Advance(absl::Seconds(7));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Remediations()[0]["spec"]["policyRef"]["name"], "q") << "the higher priority";
  EXPECT_THAT(s.Waiting("p"),
              HasSubstr("BudgetExhausted: budget shared allows 1 at a time, and 1 are taken: "
                        "DaemonSet net/ds-2 (Remediation q-ds-2-"));
  const json status = BudgetStatus();
  EXPECT_EQ(status["matching"], 4);
  EXPECT_EQ(status["allowed"], 1);
  EXPECT_EQ(status["held"], 1);
  EXPECT_EQ(status["holders"][0]["object"]["name"], "ds-2");
  EXPECT_EQ(status["holders"][0]["policy"], "q");
  Sick(2, false);
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Remediations().size(), 2u) << "what became free is taken at once";
}

TEST_F(BudgetsTest, ABudgetIsRebuiltAfterATakeover) {
  Sets(4);
  Budget({{"objects", AllSets()}, {"maxConcurrent", "25%"}});
  PolicyAbout("p", {"ds-0", "ds-1"});
  PolicyAbout("q", {"ds-2", "ds-3"});
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(7));
  ASSERT_EQ(s.Remediations().size(), 1u);
  s.Restart();
  Sick(2);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting("q"), HasSubstr("budget shared allows 1 (25% of 4) at a time"));
}

TEST_F(BudgetsTest, ABudgetOfNothingStopsEverythingAndItsEditStartsIt) {
  Sets(1);
  Budget({{"objects", AllSets()}, {"maxConcurrent", 0}});
  PolicyAbout("p", {"ds-0"});
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting("p"), HasSubstr("BudgetExhausted"));
  Budget({{"objects", AllSets()}, {"maxConcurrent", 1}});
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(BudgetsTest, OnlyWhatMatchesCounts) {
  Sets(3);
  Label(0, "tier", "front");
  json objects = AllSets();
  objects["selector"] = {{"matchLabels", {{"tier", "front"}}}};
  Budget({{"objects", objects}, {"maxConcurrent", 0}});
  PolicyAbout("p", {"ds-0", "ds-1"});
  s.Start();
  Sick(0);
  Sick(1);
  s.Advance(absl::Seconds(7));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Remediations()[0]["spec"]["targetRef"]["name"], "ds-1");
  EXPECT_EQ(BudgetStatus()["matching"], 1);
}

TEST_F(BudgetsTest, TooManySickObjectsStopAllPolicies) {
  Sets(10);
  Budget({{"objects", AllSets()}, {"maxUnhealthy", "20%"}});
  PolicyAbout("p", {"ds-0", "ds-1"});
  PolicyAbout("q", {"ds-2", "ds-3"});
  s.Start();
  for (int i = 0; i < 3; ++i) Sick(i);
  s.Advance(absl::Seconds(7));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting("p"),
              HasSubstr("budget shared: 3 objects are sick, at most 2 (20% of 10) may be"));
  Sick(2, false);
  s.Advance(absl::Seconds(7));
  EXPECT_EQ(s.Remediations().size(), 2u);
}

TEST_F(BudgetsTest, GroupsOfABudget) {
  Sets(4);
  for (int i = 0; i < 4; ++i) Label(i, "zone", i < 2 ? "a" : "b");
  Budget({{"objects", AllSets()},
          {"groups", {{{"key", "object.metadata.labels.zone"}, {"maxConcurrent", 1}}}}});
  PolicyAbout("p", {"ds-0", "ds-1", "ds-2", "ds-3"});
  s.Start();
  for (int i = 0; i < 4; ++i) Sick(i);
  s.Advance(absl::Seconds(7));
  EXPECT_EQ(s.Remediations().size(), 2u) << "one of each zone";
  EXPECT_THAT(s.Waiting("p"), HasSubstr("budget shared, group a allows 1 at a time"));
}

TEST_F(BudgetsTest, ABudgetThatDoesNotCompileIsNotIgnored) {
  Sets(1);
  Budget({{"objects", AllSets()}, {"groups", {{{"key", "objct.a"}, {"maxConcurrent", 1}}}}});
  PolicyAbout("p", {"ds-0"});
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(7));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting("p"), HasSubstr("budget shared is not accepted: spec.groups[0].key: 1:1:"));
  EXPECT_EQ(BudgetStatus()["conditions"][0]["status"], "False");
}

// The built-in budget: a tenth of the nodes, those that are out of service anyway included.
TEST_F(BudgetsTest, NodesHaveABudgetThatNobodyWrote) {
  for (int i = 0; i < 20; ++i) Node("n" + std::to_string(i), true);
  json spec = AnnotatedSpec(
      {{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}, {"namespaces", nullptr}}},
       {"triggers",
        {{{"name", "down"},
          {"for", "1s"},
          {"condition", {{"type", "Ready"}, {"status", {"False"}}}}}}},
       {"remedies",
        {{{"name", "mark"},
          {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"x", "y"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "false"}}}}}}},
       {"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 20}}}});
  s.Policy(spec);
  s.Start();
  for (int i = 0; i < 5; ++i) Node("n" + std::to_string(i), false);
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Remediations().size(), 2u);
  EXPECT_THAT(s.Waiting(),
              HasSubstr("the built-in budget of nodes allows 2 (10% of 20) at a time"));
}

TEST_F(BudgetsTest, ACordonedNodeCountsAndAnExemptPolicyDoesNot) {
  for (int i = 0; i < 10; ++i) Node("n" + std::to_string(i), true, i == 9);
  const json spec = AnnotatedSpec(
      {{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}, {"namespaces", nullptr}}},
       {"triggers",
        {{{"name", "down"},
          {"for", "1s"},
          {"condition", {{"type", "Ready"}, {"status", {"False"}}}}}}},
       {"remedies",
        {{{"name", "mark"},
          {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"x", "y"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "false"}}}}}}}});
  s.Policy(spec, "ordinary");
  s.Start();
  Node("n0", false);
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting("ordinary"), HasSubstr("1 are taken: Node n9 (out of service)"));
  s.Crash();
  s.options.limits.exempt_from_node_budget = {"ordinary"};
  s.Start();
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Remediations().size(), 1u);
}

TEST_F(BudgetsTest, GroupsOfAPolicyHaveSlotsOfTheirOwn) {
  Sets(6);
  for (int i = 0; i < 6; ++i) Label(i, "zone", i < 3 ? "a" : "b");
  s.Policy(AnnotatedSpec(
      {{"limits",
        {{"maxUnhealthy", "100%"},
         {"maxConcurrent", 6},
         {"groups", {{{"key", "object.metadata.labels.zone"}, {"maxConcurrent", 1}}}}}}}));
  s.Start();
  for (int i : {0, 1, 4}) Sick(i);
  s.Advance(absl::Seconds(7));
  EXPECT_EQ(s.Remediations().size(), 2u);
  EXPECT_THAT(s.Waiting(), HasSubstr("MaxConcurrent: in group a: 1 of at most 1"));
}

TEST_F(BudgetsTest, ABreakerOfAGroupStopsThatGroupOnly) {
  Sets(20);
  for (int i = 0; i < 20; ++i) Label(i, "zone", i < 10 ? "a" : "b");
  s.Policy(AnnotatedSpec(
      {{"limits",
        {{"maxUnhealthy", "100%"},
         {"maxConcurrent", 20},
         {"groups", {{{"key", "object.metadata.labels.zone"}, {"maxUnhealthy", "30%"}}}}}}}));
  s.Start();
  for (int i : {0, 1, 2, 3, 11}) Sick(i);
  s.Advance(absl::Seconds(7));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Remediations()[0]["spec"]["targetRef"]["name"], "ds-11");
  EXPECT_THAT(s.Waiting(), HasSubstr("BreakerOpen: in group a: 4 of 10 targets are unhealthy"));
  EXPECT_EQ(s.PolicyStatus()["groupBreakers"][0]["value"], "a");
  EXPECT_EQ(s.Metric("breakers_open"), 0) << "the policy's own";
  EXPECT_EQ(s.Metric("group_breakers_open"), 1);
  s.Restart();
  Sick(3, false);
  s.Advance(absl::Minutes(9));
  EXPECT_EQ(s.Remediations().size(), 1u) << "calm has to last, also over a restart";
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Remediations().size(), 2u) << "then one is tried";
}

// An outage is nobody's time to take more nodes out of service, whatever a policy is about.
class Outage : public BudgetsTest {
 protected:
  // Ten nodes in five zones; one of z4 is sick by another sign than Ready.
  void Begin(const std::string& max_unhealthy, const json& down, const json& target = {}) {
    s.options.limits.exempt_from_node_budget = {"policy"};
    json spec =
        AnnotatedSpec({{"limits", {{"maxUnhealthy", max_unhealthy}, {"maxConcurrent", 3}}}});
    spec["target"] = {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}};
    if (!target.is_null()) spec["target"] = target;
    spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}};
    s.Policy(spec);
    for (int i = 0; i < 10; ++i) Put(i, std::ranges::count(down, json(i)) == 0);
    s.Start();
    Put(9, true, true);
    s.Advance(absl::Seconds(20));
  }
  void Put(int i, bool ready, bool sick = false) {
    json metadata = {{"labels",
                      {{"topology.kubernetes.io/zone", "z" + std::to_string(i / 2)},
                       {"pool", i > 4 ? "b" : "a"}}}};
    if (sick) metadata["annotations"] = {{"sick", "yes"}};
    Node("n" + std::to_string(i), ready, false, metadata);
  }
};

TEST_F(Outage, OfTheClusterStopsPoliciesThatDoNotSeeIt) {
  Begin("30%", {0, 2, 4, 6});
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting(), HasSubstr("BreakerOpen: 5 of 10 targets are unhealthy"));
  EXPECT_THAT(s.told, ElementsAre(HasSubstr("BreakerOpen: Node n9 is not remediated: 5 of 10"),
                                  HasSubstr("BreakerOpen: policy policy does not remediate it: ")))
      << "on the policy and on the node";
  Put(0, true);
  Put(2, true);
  s.Advance(absl::Minutes(5));
  EXPECT_TRUE(s.Remediations().empty()) << "calm has to last";
  s.Advance(absl::Minutes(6));
  EXPECT_EQ(s.Remediations().size(), 1u);
}

TEST_F(Outage, OutsideOfWhatThePolicySelectsCountsForTheCluster) {
  Begin("30%", {0, 1, 2, 3},
        {{"apiVersion", "v1"}, {"kind", "Node"}, {"selector", {{"matchLabels", {{"pool", "b"}}}}}});
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting(), HasSubstr("BreakerOpen: in the cluster: 5 of 10 targets are unhealthy"));
  EXPECT_EQ(s.PolicyStatus()["groupBreakers"][0]["group"], 0);
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 1) << "what the policy itself is about";
  EXPECT_THAT(s.PolicyStatus()["conditions"].dump(), HasSubstr("in the cluster: 5 of 10"));
}

TEST_F(Outage, OfAZoneStopsWhatIsInThatZone) {
  Begin("30%", {8});
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_THAT(s.Waiting(), HasSubstr("BreakerOpen: in zone z4: 2 of 2 targets are unhealthy"));
  Put(7, true, true);
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Remediations().size(), 1u) << "in another zone";
}

TEST_F(Outage, ThatBeginsInBetweenStopsWhatIsUnderWay) {
  Begin("30%", json::array());
  EXPECT_EQ(s.Remediations().size(), 1u);
  for (int i = 0; i < 5; ++i) Put(i, false);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.PolicyStatus()["breaker"]["state"], "Open");
}

}  // namespace
}  // namespace kr::remediation
