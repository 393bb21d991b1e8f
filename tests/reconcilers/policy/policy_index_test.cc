#include "reconcilers/policy/policy_index.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/support/documents.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class PolicyIndexTest : public ::testing::Test {
 protected:
  // A policy that selects what `target` says, and counts the Events that `about` says.
  void Add(const std::string& name, json target, const json& about = json::object()) {
    target["apiVersion"] = target.value("apiVersion", "apps/v1");
    target["kind"] = target.value("kind", "DaemonSet");
    const json spec = {
        {"target", target},
        {"related", {{{"name", "pods"}, {"preset", "OwnedPods"}}}},
        {"events", {{{"name", "seen"}, {"about", about}, {"reason", "x"}}}},
        {"triggers", {{{"name", "t"}, {"events", {{"from", "seen"}}}}}},
        {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}},
        {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}}}};
    const auto parsed =
        crds::FromJson<crds::RemediationPolicy>(json{{"apiVersion", "kube-remedy.io/v1alpha1"},
                                                     {"kind", "RemediationPolicy"},
                                                     {"metadata", {{"name", name}, {"uid", name}}},
                                                     {"spec", spec}});
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    auto compiled = Compile(*parsed);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    policies.push_back(*compiled);
    index.Add(compiled->get());
  }

  std::vector<std::string> Targets(const std::string& name_space, const std::string& name,
                                   const std::string& kind = "DaemonSet") const {
    std::vector<std::string> found;
    const auto object = testing::Doc({{"metadata", {{"namespace", name_space}, {"name", name}}}});
    index.ForEachTarget({"apps", "v1", kind}, nullptr, object.get(),
                        [&](const CompiledPolicy& policy) { found.push_back(policy.name); });
    return found;
  }

  // Of an object whose labels change; null: there is no such object.
  std::vector<std::string> Relabelled(const json& before, const json& after) const {
    const auto object = [](const json& labels) {
      return labels.is_null() ? document::DocumentPtr()
                              : testing::Doc({{"metadata", {{"name", "d"}, {"labels", labels}}}});
    };
    const document::DocumentPtr was = object(before), is = object(after);
    std::vector<std::string> found;
    index.ForEachTarget({"apps", "v1", "DaemonSet"}, was.get(), is.get(),
                        [&](const CompiledPolicy& policy) { found.push_back(policy.name); });
    return found;
  }

  std::vector<std::string> Sources(const std::string& kind, const std::string& name_space,
                                   const std::string& name) const {
    std::vector<std::string> found;
    index.ForEachSource({.about_kind = kind, .about_namespace = name_space, .about_name = name},
                        [&](const CompiledPolicy& policy, const EventSource& source) {
                          EXPECT_EQ(source.spec.name, "seen");
                          found.push_back(policy.name);
                        });
    return found;
  }

  PolicyIndex index;
  std::vector<CompiledPolicyPtr> policies;
};

TEST_F(PolicyIndexTest, AChangeFindsThePoliciesThatMaySelectTheObject) {
  Add("by-name", {{"names", {"calico-node", "kube-proxy"}}});
  Add("by-namespace", {{"namespaces", {"kube-system"}}});
  Add("all", {{"all", true}});
  Add("elsewhere", {{"namespaces", {"shop"}}});
  Add("other-kind", {{"kind", "Deployment"}, {"all", true}});
  EXPECT_THAT(Targets("kube-system", "kube-proxy"),
              UnorderedElementsAre("by-name", "by-namespace", "all"));
  EXPECT_THAT(Targets("default", "web"), ElementsAre("all"));
  EXPECT_THAT(Targets("default", "web", "StatefulSet"), IsEmpty());
}

TEST_F(PolicyIndexTest, AChangeFindsThePoliciesWhoseLabelItHasOrHad) {
  const auto in = [](json values) {
    return json{{"selector",
                 {{"matchExpressions",
                   {{{"key", "pool"}, {"operator", "In"}, {"values", std::move(values)}}}}}}};
  };
  Add("a", {{"selector", {{"matchLabels", {{"pool", "a"}}}}}});
  Add("a-or-b", in({"a", "b"}));
  Add("c", in({"c"}));
  Add("not-a",
      {{"selector",
        {{"matchExpressions", {{{"key", "pool"}, {"operator", "NotIn"}, {"values", {"a"}}}}}}}});
  EXPECT_THAT(Relabelled(nullptr, {{"pool", "a"}}), UnorderedElementsAre("a", "a-or-b", "not-a"));
  EXPECT_THAT(Relabelled({{"pool", "a"}}, nullptr), UnorderedElementsAre("a", "a-or-b", "not-a"));
  EXPECT_THAT(Relabelled({{"pool", "a"}}, {{"pool", "b"}}),
              UnorderedElementsAre("a", "a-or-b", "not-a"));
  EXPECT_THAT(Relabelled({{"pool", "b"}}, {{"pool", "c"}}),
              UnorderedElementsAre("a-or-b", "c", "not-a"));
  EXPECT_THAT(Relabelled({{"other", "a"}}, json::object()), ElementsAre("not-a"));
}

TEST_F(PolicyIndexTest, AnEventFindsTheSourcesThatMayCountIt) {
  Add("about-target", {{"names", {"d"}}});
  Add("about-pods", {{"namespaces", {"kube-system"}}}, {{"related", "pods"}});
  Add("about-pods-anywhere", {{"names", {"d"}}}, {{"related", "pods"}});
  Add("about-nodes", {{"namespaces", {"shop"}}}, {{"apiVersion", "v1"}, {"kind", "Node"}});
  EXPECT_THAT(Sources("DaemonSet", "any", "d"), ElementsAre("about-target"));
  EXPECT_THAT(Sources("DaemonSet", "any", "e"), IsEmpty());
  EXPECT_THAT(Sources("Pod", "kube-system", "p"),
              UnorderedElementsAre("about-pods", "about-pods-anywhere"));
  EXPECT_THAT(Sources("Pod", "shop", "p"), ElementsAre("about-pods-anywhere"));
  EXPECT_THAT(Sources("Node", "", "n"), ElementsAre("about-nodes"))
      << "Events of cluster-scoped objects stand in no namespace of the targets";
}

TEST_F(PolicyIndexTest, ARemovedPolicyIsFoundNoMore) {
  Add("a", {{"names", {"d"}}});
  Add("b", {{"names", {"d"}}});
  index.Remove(policies[0].get());
  EXPECT_THAT(Targets("any", "d"), ElementsAre("b"));
  EXPECT_THAT(Sources("DaemonSet", "any", "d"), ElementsAre("b"));
  Add("by-label", {{"selector", {{"matchLabels", {{"pool", "a"}}}}}});
  index.Remove(policies[2].get());
  EXPECT_THAT(Relabelled({{"pool", "a"}}, {{"pool", "a"}}), ElementsAre("b"));
}

}  // namespace
}  // namespace kr::policy
