// What a policy can join with its targets, on a whole stack: which objects it gets, and which
// targets are judged again when one of them changes.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/policy/policy_world.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

json Controller(const std::string& kind, const std::string& name, const std::string& uid) {
  return json::array({{{"apiVersion", "apps/v1"},
                       {"kind", kind},
                       {"name", name},
                       {"uid", uid},
                       {"controller", true}}});
}

class JoinsTest : public ::testing::Test {
 protected:
  JoinsTest() {
    stack.discovery.kinds = {{"/api/v1",
                              {{"pods", "Pod"},
                               {"nodes", "Node"},
                               {"services", "Service"},
                               {"configmaps", "ConfigMap"},
                               {"replicationcontrollers", "ReplicationController"},
                               {"persistentvolumeclaims", "PersistentVolumeClaim"}}},
                             {"/apis/apps/v1",
                              {{"deployments", "Deployment"},
                               {"replicasets", "ReplicaSet"},
                               {"statefulsets", "StatefulSet"}}},
                             {"/apis/batch/v1", {{"jobs", "Job"}, {"cronjobs", "CronJob"}}},
                             {"/apis/policy/v1", {{"poddisruptionbudgets", "PodDisruptionBudget"}}},
                             {"/apis/discovery.k8s.io/v1", {{"endpointslices", "EndpointSlice"}}}};
  }

  void Put(const std::string& plural, const std::string& name, json object = json::object()) {
    object["metadata"]["name"] = name;
    if (plural != "nodes" && !object["metadata"].contains("namespace")) {
      object["metadata"]["namespace"] = "a";
    }
    world.server.Put(plural, std::move(object));
  }
  std::string UidOf(const std::string& plural, const std::string& key) {
    return world.server.Objects(plural).at(key)["metadata"]["uid"];
  }
  void Policy(const std::string& api_version, const std::string& kind, const json& related,
              const std::string& match = "", const json& patch = json::object()) {
    json all = related.is_array() ? related : json::array({related});
    json spec = {
        {"target", {{"apiVersion", api_version}, {"kind", kind}, {"all", true}}},
        {"related", all},
        {"triggers",
         {{{"name", "t"},
           {"match", {{{"name", "m"}, {"expression", match.empty() ? "false" : match}}}}}}},
        {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}};
    spec.merge_patch(patch);
    world.server.Put("remediationpolicies",
                     {{"apiVersion", "kube-remedy.io/v1alpha1"},
                      {"kind", "RemediationPolicy"},
                      {"metadata", {{"name", "p"}, {"generation", ++generation_}}},
                      {"spec", spec}});
    stack.Advance(absl::Seconds(10));
  }
  const CompiledPolicy& Compiled() const { return *stack.policies.Compiled().at(0); }

  // The names of what the last join (or another one) has for a target.
  Names Joined(const std::string& name_space, const std::string& target, int join = -1) {
    const CompiledPolicy& policy = Compiled();
    const auto object = stack.watches.Target(policy, {name_space, target});
    if (!object) return {"no target " + target};
    const size_t index = join < 0 ? policy.related.size() - 1 : static_cast<size_t>(join);
    const auto related = stack.watches.Around(policy).Related(index, *object);
    if (!related.ok()) return {std::string(Message(related.status()))};
    Names names;
    for (const auto& found : *related) names.emplace_back(found->name());
    return names;
  }
  // How many targets are judged because of what `change` does.
  template <typename Change>
  uint64_t Judged(Change change) {
    stack.Advance(absl::Seconds(2));
    const uint64_t before = stack.symptoms.evaluations();
    change();
    stack.Advance(absl::Seconds(2));
    return stack.symptoms.evaluations() - before;
  }
  Names Sick() const {
    Names names;
    for (const auto& [key, sick] : stack.symptoms.policies().begin()->second.sick) {
      names.push_back(key.name);
    }
    return names;
  }

  PolicyWorld world{7};
  PolicyStack stack{world};

 private:
  int generation_ = 0;
};

TEST_F(JoinsTest, PodsOnNodeAndNodeOfPod) {
  Put("nodes", "n1");
  Put("nodes", "n2");
  Put("pods", "p1", {{"spec", {{"nodeName", "n1"}}}});
  Put("pods", "p2", {{"metadata", {{"labels", {{"app", "x"}}}}}, {"spec", {{"nodeName", "n1"}}}});
  Put("pods", "pending");
  Policy("v1", "Node", {{"name", "pods"}, {"preset", "PodsOnNode"}});
  EXPECT_THAT(Joined("", "n1"), UnorderedElementsAre("p1", "p2"));
  EXPECT_THAT(Joined("", "n2"), IsEmpty());

  Policy("v1", "Node",
         {{"name", "pods"},
          {"preset", "PodsOnNode"},
          {"selector", {{"matchLabels", {{"app", "x"}}}}},
          {"where", "it.metadata.name != 'p3'"}});
  Put("pods", "p3", {{"metadata", {{"labels", {{"app", "x"}}}}}, {"spec", {{"nodeName", "n1"}}}});
  stack.Advance(absl::Seconds(1));
  EXPECT_THAT(Joined("", "n1"), ElementsAre("p2"));

  Policy("v1", "Pod", {{"name", "nodes"}, {"preset", "NodeOfPod"}});
  EXPECT_THAT(Joined("a", "p1"), ElementsAre("n1"));
  EXPECT_THAT(Joined("a", "pending"), IsEmpty());
}

TEST_F(JoinsTest, OwnedPodsOfEveryController) {
  Put("deployments", "web");
  Put("statefulsets", "web");
  Put("replicationcontrollers", "old");
  Put("jobs", "once");
  Put("pods", "web-0",
      {{"metadata",
        {{"ownerReferences", Controller("StatefulSet", "web", UidOf("statefulsets", "a/web"))}}}});
  Put("pods", "web-5d8f9-x",
      {{"metadata",
        {{"labels", {{"pod-template-hash", "5d8f9"}}},
         {"ownerReferences", Controller("ReplicaSet", "web-5d8f9", "uid-of-rs")}}}});
  Put("pods", "old-x",
      {{"metadata",
        {{"ownerReferences",
          Controller("ReplicationController", "old", UidOf("replicationcontrollers", "a/old"))}}}});
  Put("pods", "once-x",
      {{"metadata", {{"ownerReferences", Controller("Job", "once", UidOf("jobs", "a/once"))}}}});
  const json pods = {{"name", "pods"}, {"preset", "OwnedPods"}};
  Policy("apps/v1", "Deployment", pods);
  EXPECT_THAT(Joined("a", "web"), ElementsAre("web-5d8f9-x"));
  Policy("apps/v1", "StatefulSet", pods);
  EXPECT_THAT(Joined("a", "web"), ElementsAre("web-0")) << "and not those of the Deployment";
  Policy("v1", "ReplicationController", pods);
  EXPECT_THAT(Joined("a", "old"), ElementsAre("old-x"));
  Policy("batch/v1", "Job", pods);
  EXPECT_THAT(Joined("a", "once"), ElementsAre("once-x"));
}

TEST_F(JoinsTest, TopOwnerIsOfTheKindThatIsNamed) {
  Put("deployments", "web");
  Put("cronjobs", "nightly");
  Put("replicasets", "web-5d8f9",
      {{"metadata",
        {{"ownerReferences", Controller("Deployment", "web", UidOf("deployments", "a/web"))}}}});
  Put("pods", "web-5d8f9-x",
      {{"metadata",
        {{"labels", {{"pod-template-hash", "5d8f9"}}},
         {"ownerReferences",
          Controller("ReplicaSet", "web-5d8f9", UidOf("replicasets", "a/web-5d8f9"))}}}});
  Put("pods", "nightly-29000000-x",
      {{"metadata", {{"ownerReferences", Controller("Job", "nightly-29000000", "uid-of-job")}}}});
  Put("pods", "nightly-by-hand-x",
      {{"metadata",
        {{"ownerReferences", Controller("Job", "nightly-by-hand", "uid-of-another")}}}});
  const auto owner = [](const char* api_version, const char* kind) {
    return json{
        {"name", "top"}, {"preset", "TopOwner"}, {"apiVersion", api_version}, {"kind", kind}};
  };
  Policy("v1", "Pod", owner("apps/v1", "Deployment"));
  EXPECT_THAT(Joined("a", "web-5d8f9-x"), ElementsAre("web"));
  EXPECT_THAT(Joined("a", "nightly-29000000-x"), IsEmpty());
  Policy("v1", "Pod", owner("apps/v1", "ReplicaSet"));
  EXPECT_THAT(Joined("a", "web-5d8f9-x"), IsEmpty()) << "it is not at the top";
  Policy("v1", "Pod", owner("batch/v1", "CronJob"));
  EXPECT_THAT(Joined("a", "nightly-29000000-x"), ElementsAre("nightly"));
  EXPECT_THAT(Joined("a", "nightly-by-hand-x"), IsEmpty());
}

TEST_F(JoinsTest, WhatBelongsToAService) {
  Put("services", "web", {{"spec", {{"selector", {{"app", "web"}}}}}});
  Put("services", "headless", {{"spec", {{"clusterIP", "None"}}}});
  Put("services", "elsewhere",
      {{"spec", {{"type", "ExternalName"}, {"selector", {{"app", "web"}}}}}});
  Put("pods", "w1", {{"metadata", {{"labels", {{"app", "web"}, {"tier", "x"}}}}}});
  Put("pods", "w2", {{"metadata", {{"namespace", "b"}, {"labels", {{"app", "web"}}}}}});
  Put("pods", "bare");
  Put("endpointslices", "web-abc",
      {{"metadata", {{"labels", {{"kubernetes.io/service-name", "web"}}}}}});
  Policy("v1", "Service", {{"name", "pods"}, {"preset", "PodsOfService"}});
  EXPECT_THAT(Joined("a", "web"), ElementsAre("w1"));
  EXPECT_THAT(Joined("a", "headless"), IsEmpty()) << "somebody else makes its endpoints";
  EXPECT_THAT(Joined("a", "elsewhere"), IsEmpty());
  Policy("v1", "Service", {{"name", "slices"}, {"preset", "EndpointSlicesOfService"}});
  EXPECT_THAT(Joined("a", "web"), ElementsAre("web-abc"));
  EXPECT_THAT(Joined("a", "headless"), IsEmpty());
}

TEST_F(JoinsTest, WhatBelongsToAPod) {
  Put("pods", "p",
      {{"metadata", {{"labels", {{"app", "db"}}}}},
       {"spec",
        {{"volumes",
          {{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data-p"}}}},
           {{"name", "scratch"}, {"ephemeral", json::object()}},
           {{"name", "cfg"}, {"configMap", {{"name", "other"}}}}}}}}});
  for (const char* claim : {"data-p", "p-scratch", "other"}) Put("persistentvolumeclaims", claim);
  const auto budget = [&](const std::string& name, const json& spec) {
    Put("poddisruptionbudgets", name, {{"spec", spec}});
  };
  budget("db", {{"selector", {{"matchLabels", {{"app", "db"}}}}}});
  budget("set", {{"selector",
                  {{"matchExpressions",
                    {{{"key", "app"}, {"operator", "In"}, {"values", {"db", "web"}}}}}}}});
  budget("all", {{"selector", json::object()}});
  budget("none", {{"minAvailable", 1}});
  budget("other", {{"selector", {{"matchLabels", {{"app", "web"}}}}}});
  Policy("v1", "Pod", {{"name", "claims"}, {"preset", "PVCsOfPod"}});
  EXPECT_THAT(Joined("a", "p"), UnorderedElementsAre("data-p", "p-scratch"));
  Policy("v1", "Pod", {{"name", "budgets"}, {"preset", "PDBsOfPod"}});
  EXPECT_THAT(Joined("a", "p"), UnorderedElementsAre("db", "set", "all"));
}

// A Service, its pods, their nodes: a node far away from the other services concerns one target.
TEST_F(JoinsTest, ASecondHopWakesExactlyTheTargetsConcerned) {
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    Put("nodes", "n" + n, {{"status", {{"phase", "Up"}}}});
    Put("services", "s" + n, {{"spec", {{"selector", {{"app", "app" + n}}}}}});
    Put("pods", "p" + n,
        {{"metadata", {{"labels", {{"app", "app" + n}}}}}, {"spec", {{"nodeName", "n" + n}}}});
  }
  Policy("v1", "Service",
         {{{"name", "pods"}, {"preset", "PodsOfService"}},
          {{"name", "nodes"}, {"preset", "NodeOfPod"}, {"of", "pods"}}},
         "related.nodes.exists(n, n.status.phase == 'Down')");
  EXPECT_THAT(Joined("a", "s7"), ElementsAre("n7"));
  EXPECT_EQ(Judged([&] { Put("nodes", "n7", {{"status", {{"phase", "Down"}}}}); }), 1u);
  EXPECT_THAT(Sick(), ElementsAre("s7"));
  EXPECT_EQ(Judged([&] { Put("nodes", "n99", {{"status", {{"phase", "Down"}}}}); }), 0u);
  // The pod moves: the old node concerns nobody any more, the new one two.
  Put("pods", "p7",
      {{"metadata", {{"labels", {{"app", "app7"}}}}}, {"spec", {{"nodeName", "n8"}}}});
  stack.Advance(absl::Seconds(2));
  EXPECT_THAT(Sick(), IsEmpty());
  EXPECT_EQ(Judged([&] { Put("nodes", "n7", {{"status", {{"phase", "Up"}}}}); }), 0u);
  EXPECT_EQ(Judged([&] { Put("nodes", "n8", {{"status", {{"phase", "Down"}}}}); }), 2u);
  EXPECT_THAT(Sick(), UnorderedElementsAre("s7", "s8"));
}

TEST_F(JoinsTest, AJoinMayRestOnWhatOtherJoinsSayTogether) {
  Put("configmaps", "c1");
  Put("configmaps", "c2");
  Put("pods", "p1", {{"spec", {{"config", "c1"}, {"node", "n1"}}}});
  Put("pods", "p2", {{"spec", {{"config", "c1"}, {"node", "n2"}}}});
  for (const char* node : {"n1", "n2", "n3"}) Put("nodes", node, {{"status", {{"phase", "Up"}}}});
  Policy(
      "v1", "ConfigMap",
      {{{"name", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"key", "it.spec.config"},
        {"equals", "object.metadata.name"}},
       {{"name", "nodes"},
        {"apiVersion", "v1"},
        {"kind", "Node"},
        {"key", "it.metadata.name"},
        {"equals", "variables.names"}}},
      "related.nodes.exists(n, n.status.phase == 'Down')",
      {{"variables", {{{"name", "names"}, {"expression", "related.pods.map(p, p.spec.node)"}}}}});
  EXPECT_THAT(Joined("a", "c1"), UnorderedElementsAre("n1", "n2"));
  EXPECT_THAT(Joined("a", "c2"), IsEmpty());
  EXPECT_EQ(Judged([&] { Put("nodes", "n2", {{"status", {{"phase", "Down"}}}}); }), 1u);
  EXPECT_THAT(Sick(), ElementsAre("c1"));
  EXPECT_EQ(Judged([&] { Put("nodes", "n3", {{"status", {{"phase", "Down"}}}}); }), 0u);
  Put("pods", "p2", {{"spec", {{"config", "c2"}, {"node", "n3"}}}});
  stack.Advance(absl::Seconds(2));
  EXPECT_THAT(Sick(), ElementsAre("c2"));
  EXPECT_EQ(Judged([&] { Put("nodes", "n2", {{"status", {{"phase", "Up"}}}}); }), 0u);
}

TEST_F(JoinsTest, MoreThanMaxIsUnknownForTheNextHopToo) {
  Put("nodes", "n1");
  for (int i = 0; i < 3; ++i)
    Put("pods", "p" + std::to_string(i), {{"spec", {{"nodeName", "n1"}}}});
  Policy("v1", "Node",
         {{{"name", "pods"}, {"preset", "PodsOnNode"}, {"max", 2}},
          {{"name", "budgets"}, {"preset", "PDBsOfPod"}, {"of", "pods"}}},
         "related.budgets.size() == 0");
  EXPECT_THAT(Sick(), ElementsAre("n1"));
  EXPECT_THAT(stack.symptoms.policies().begin()->second.sick.begin()->second.unknown,
              ::testing::HasSubstr("related.pods has 3 objects, more than max 2"));
}

TEST_F(JoinsTest, ANamespaceBringsItsObjectsAndTakesThemAway) {
  Put("configmaps", "c");
  Put("configmaps", "d", {{"metadata", {{"namespace", "b"}}}});
  const auto space = [&](const std::string& name, const std::string& tenant) {
    world.server.Put("namespaces",
                     {{"metadata", {{"name", name}, {"labels", {{"tenant", tenant}}}}}});
  };
  space("a", "yes");
  space("b", "no");
  Policy("v1", "ConfigMap", json::array(), "true",
         {{"target",
           {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"namespaceSelector", {{"matchLabels", {{"tenant", "yes"}}}}}}}});
  EXPECT_THAT(Sick(), ElementsAre("c"));
  EXPECT_EQ(Judged([&] { space("b", "yes"); }), 1u);
  EXPECT_THAT(Sick(), ElementsAre("c", "d"));
  space("a", "no");
  stack.Advance(absl::Seconds(2));
  EXPECT_THAT(Sick(), ElementsAre("d"));
  EXPECT_EQ(stack.symptoms.policies().begin()->second.selected, 1);
}

// --- parameters

class ParamsTest : public JoinsTest {
 protected:
  ParamsTest() {
    Put("configmaps", "target", {{"spec", {{"x", 5}}}});
    Put("services", "unrelated");
  }
  void Values(const json& data) { Put("configmaps", "values", {{"data", data}}); }
  void Serve(const json& ref = {{"namespace", "a"}, {"name", "values"}}) {
    Policy("v1", "ConfigMap", json::array(), "object.spec.x > params.limit",
           {{"target", {{"names", {"target"}}}},
            {"params",
             {{{"name", "limit"}, {"type", "integer"}, {"default", 7}, {"maximum", 100}},
              {{"name", "unread"}, {"type", "string"}, {"default", "x"}}}},
            {"paramRef", ref}});
  }
  const PolicyEntry& Entry() const { return stack.policies.by_name().begin()->second; }
  std::string Problem() const { return std::string(Message(Entry().params)); }
};

TEST_F(ParamsTest, AConfigMapOverridesDefaultsWhileRunning) {
  Values({{"limit", "4"}});
  Serve();
  EXPECT_THAT(Sick(), ElementsAre("target"));
  Values({{"limit", "6"}});
  stack.Advance(absl::Seconds(5));
  EXPECT_THAT(Sick(), IsEmpty());
  Values(json::object());
  stack.Advance(absl::Seconds(5));
  EXPECT_THAT(Sick(), IsEmpty()) << "the default is 7";
  EXPECT_EQ(Entry().kinds.at(0)->spec.params[0].default_value.text(), "7");
}

TEST_F(ParamsTest, WhatNobodyReadsWakesNobody) {
  Values({{"limit", "4"}});
  Serve();
  const std::vector<CompiledPolicyPtr> before = Entry().kinds;
  EXPECT_EQ(Judged([&] { Values({{"limit", "4"}, {"unread", "y"}, {"undeclared", "z"}}); }), 0u);
  EXPECT_EQ(Entry().kinds, before);
  EXPECT_GE(Judged([&] { Values({{"limit", "3"}}); }), 1u);
}

TEST_F(ParamsTest, BadAndMissingValuesStopThePolicyAndSayWhere) {
  Values({{"limit", "4"}});
  Serve();
  ASSERT_THAT(Sick(), ElementsAre("target"));
  Values({{"limit", "many"}});
  stack.Advance(absl::Seconds(5));
  EXPECT_EQ(Problem(),
            "spec.paramRef: ConfigMap a/values: data.limit: expected an integer, found \"many\"");
  EXPECT_TRUE(Entry().kinds.empty()) << "the old value is not used";
  KR_EXPECT_OK(Entry().accepted);
  Values({{"limit", "101"}});
  stack.Advance(absl::Seconds(5));
  EXPECT_EQ(Problem(),
            "spec.paramRef: ConfigMap a/values: data.limit: is 101, expected at most 100");
  world.server.Delete("configmaps", "a", "values");
  stack.Advance(absl::Seconds(5));
  EXPECT_EQ(Problem(), "spec.paramRef: ConfigMap a/values does not exist");
  Values({{"limit", "2"}});
  stack.Advance(absl::Seconds(5));
  EXPECT_EQ(Problem(), "");
  EXPECT_THAT(Sick(), ElementsAre("target"));
}

TEST_F(ParamsTest, AnOptionalOneMayBeAbsent) {
  Serve({{"namespace", "a"}, {"name", "values"}, {"optional", true}});
  EXPECT_EQ(Problem(), "");
  EXPECT_THAT(Sick(), IsEmpty());
  Values({{"limit", "1"}});
  stack.Advance(absl::Seconds(5));
  EXPECT_THAT(Sick(), ElementsAre("target"));
}

}  // namespace
}  // namespace kr::policy
