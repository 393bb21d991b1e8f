// F19: what a remediation that is gone has left on nodes is swept up.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/node_world.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class F19HolderSweep : public NodeWorld {
 protected:
  // Held by remediations with these UIDs, as our own patch leaves it.
  void Hold(const std::string& name, const json& holders) {
    json node = Get(name);
    node["metadata"]["annotations"]["kube-remedy.io/holders"] = holders.dump();
    if (holders.contains("cordon")) node["spec"]["unschedulable"] = true;
    if (holders.contains("taint pool/x:NoSchedule")) {
      node["spec"]["taints"] = {{{"key", "pool/x"}, {"effect", "NoSchedule"}},
                                {{"key", "pool/y"}, {"effect", "NoSchedule"}}};
    }
    s.server.Put("nodes", node);
  }
  void OwnedBy(const std::string& name, const std::string& manager) {
    json node = Get(name);
    node["metadata"]["managedFields"] = {
        {{"manager", manager},
         {"operation", "Update"},
         {"fieldsV1", {{"f:spec", {{"f:unschedulable", json::object()}}}}}}};
    s.server.Put("nodes", node);
  }
  void CordonN0() {
    Nodes(3);
    s.Policy(Spec());
    s.Start();
    s.Advance(absl::Seconds(2));
    Ready("n0", "False");
    s.Advance(absl::Seconds(5));
    ASSERT_TRUE(Cordoned("n0"));
  }
};

TEST_F(F19HolderSweep, WhatIsHeldForNobodyIsGivenBackAtTheStart) {
  Nodes(3);
  Hold("n0", {{"cordon", {"gone"}}, {"taint pool/x:NoSchedule", {"gone", "gone-too"}}});
  Hold("n1", {{"cordon", {"gone"}}});
  OwnedBy("n1", "kubectl");
  s.Start();
  s.Advance(absl::Seconds(1));
  EXPECT_FALSE(Cordoned("n0"));
  EXPECT_EQ(Held("n0"), "");
  EXPECT_THAT(Taints("n0"), ElementsAre("pool/y:NoSchedule"));
  EXPECT_TRUE(Cordoned("n1")) << "a person has cordoned it since";
  EXPECT_EQ(Held("n1"), "");
  EXPECT_FALSE(Cordoned("n2"));
}

// All of thousands at once would take more memory than the rest of an operator.
TEST_F(F19HolderSweep, NodesAreReadPageByPage) {
  Nodes(250);
  for (const char* name : {"n0", "n150", "n99"}) Hold(name, {{"cordon", {"gone"}}});
  s.Start();
  s.Advance(absl::Seconds(1));
  for (const char* name : {"n0", "n150", "n99"}) EXPECT_FALSE(Cordoned(name)) << name;
  const auto pages = std::count_if(s.api.lists.begin(), s.api.lists.end(), [](const auto& list) {
    return list.starts_with("/api/v1/nodes?");
  });
  EXPECT_EQ(pages, 3);
}

TEST_F(F19HolderSweep, APausedOperatorWritesNothing) {
  Nodes(3);
  Hold("n0", {{"cordon", {"gone"}}});
  s.options.paused = true;
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_TRUE(Cordoned("n0"));
  s.options.paused = false;
  s.Restart();
  s.Advance(absl::Seconds(1));
  EXPECT_FALSE(Cordoned("n0"));
}

// Its finalizer was taken off by force, and the policy went with it.
TEST_F(F19HolderSweep, ARemediationThatIsRemovedByForceLeavesNothing) {
  ASSERT_NO_FATAL_FAILURE(CordonN0());
  const std::string name = s.Remediations().at(0)["metadata"]["name"];
  const std::string uid = s.Remediations().at(0)["metadata"]["uid"];
  s.server.Delete("remediationpolicies", "", "policy");
  s.server.Delete("remediations", "", name);
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(s.Remediations(), IsEmpty());
  EXPECT_FALSE(Cordoned("n0"));
  EXPECT_EQ(Held("n0"), "");
}

TEST_F(F19HolderSweep, WhoeverIsThereKeepsWhatItHolds) {
  ASSERT_NO_FATAL_FAILURE(CordonN0());
  const std::string held = Held("n0");
  s.Restart();
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(Cordoned("n0"));
  EXPECT_EQ(Held("n0"), held);
}

}  // namespace
}  // namespace kr::remediation
