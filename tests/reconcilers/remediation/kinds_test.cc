// Kinds that go, and come back somewhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kPath[] = "/apis/example.com/v1";

class Kinds : public ::testing::Test {
 protected:
  json Spec(const json& target) {
    return AnnotatedSpec(
        {{"target", target},
         {"remedies",
          {{{"name", "r"},
            {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"cured", "yes"}}}}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  }
  void Sick(const std::string& plural, const std::string& name) {
    s.server.Put(
        plural,
        {{"metadata", {{"namespace", "net"}, {"name", name}, {"annotations", {{"sick", "yes"}}}}}});
  }
  std::string Ready() const {
    const json status = s.PolicyStatus();
    for (const json& condition : status["conditions"]) {
      if (condition["type"] == "Ready") return condition["reason"];
    }
    return "";
  }
  bool Cured(const std::string& plural, const std::string& name) const {
    return s.Get(plural, "net/" + name)["metadata"].value(json::json_pointer("/labels/cured"),
                                                          "") == "yes";
  }
  // Its CustomResourceDefinition is deleted.
  void Remove(const std::string& plural) {
    s.api.kinds[kPath].erase(plural);
    for (const auto& [key, object] : s.server.Objects(plural)) {
      s.server.Delete(plural, "net", object["metadata"]["name"].get<std::string>());
    }
    s.server.unserved.insert(plural);
    s.server.CutAll(OkStatus());
  }
  Simulation s;
};

TEST_F(Kinds, AKindThatComesBackUnderAnotherPlural) {
  s.api.kinds[kPath] = {{"gadgets", "Gadget"}};
  s.Policy(Spec({{"apiVersion", "example.com/v1"}, {"kind", "Gadget"}, {"namespaces", {"net"}}}));
  s.Start();
  Sick("gadgets", "a");
  s.Advance(absl::Seconds(20));
  ASSERT_TRUE(Cured("gadgets", "a"));
  Remove("gadgets");
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(Ready(), "Inactive");
  s.api.kinds[kPath] = {{"gizmos", "Gadget"}};
  Sick("gizmos", "b");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(Ready(), "Ready");
  EXPECT_TRUE(Cured("gizmos", "b"));
}

// Discovery still lists a kind for a while after its watch has been ended.
TEST_F(Kinds, DiscoveryThatIsBehindIsAskedAgain) {
  s.api.kinds[kPath] = {{"gadgets", "Gadget"}};
  s.Policy(Spec({{"apiVersion", "example.com/v1"}, {"kind", "Gadget"}, {"namespaces", {"net"}}}));
  s.Start();
  Remove("gadgets");
  s.api.kinds[kPath] = {{"gadgets", "Gadget"}};
  s.Advance(absl::Minutes(1));
  s.api.kinds.clear();
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(Ready(), "Inactive");
  s.api.kinds[kPath] = {{"gizmos", "Gadget"}};
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(Ready(), "Ready");
}

TEST_F(Kinds, AJoinedKindMayMoveToo) {
  s.api.kinds[kPath] = {{"gadgets", "Gadget"}};
  s.DaemonSet("d");
  json spec = Spec({{"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"namespaces", {"net"}}});
  spec["related"] = {{{"name", "gadgets"},
                      {"apiVersion", "example.com/v1"},
                      {"kind", "Gadget"},
                      {"sameNamespace", true},
                      {"key", "it.metadata.name"},
                      {"equals", "target.name"}}};
  spec["triggers"][0]["match"][0]["expression"] =
      "related.gadgets.exists(g, g.metadata.?annotations.?sick.orValue('') == 'yes')";
  s.Policy(spec);
  s.Start();
  Remove("gadgets");
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(Ready(), "Inactive");
  s.api.kinds[kPath] = {{"gizmos", "Gadget"}};
  Sick("gizmos", "d");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(Ready(), "Ready");
  EXPECT_TRUE(Cured("daemonsets", "d"));
}

}  // namespace
}  // namespace kr::remediation
