// What a policy may say about a drain, as the whole controller does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "tests/reconcilers/remediation/workloads.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class DrainOptions : public ::testing::Test {
 protected:
  void Nodes(int count = 4) {
    for (int i = 1; i <= count; ++i) world.Node("n" + std::to_string(i));
  }
  // Cordons n1 as part of the remedy and drains it.
  void Begin(const json& drain) {
    world.Live(absl::Seconds(4));
    world.Start();
    world.evictions.clear();
    world.evicted.clear();
    json spec = DrainSpec();
    spec["remedies"][0].erase("matchConditions");
    spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}, {{"drain", drain}}};
    world.Policy(spec);
    // As a component would mark it, which leaves the rest of the node to whoever owns it.
    json node = world.Get("nodes", "/n1");
    node["metadata"]["annotations"] = {{"sick", "yes"}};
    node["spec"].erase("unschedulable");
    world.server.Put("nodes", node);
  }
  void Annotate(const std::string& pod, const json& annotations) {
    world.Edit("pods", "shop/" + pod, {{"metadata", {{"annotations", annotations}}}});
  }
  bool Cordoned() const { return world.Get("nodes", "/n1")["spec"].value("unschedulable", false); }
  json Step() const { return world.Of("n1")["status"]["steps"].at(1); }
  // A volume that is attached to n1 for a pod.
  void GiveVolume(const std::string& pod) {
    world.api.kinds["/apis/storage.k8s.io/v1"] = {{"volumeattachments", "VolumeAttachment"}};
    const auto put = [&](const std::string& plural, const char* text) {
      world.server.Put(plural, json::parse(absl::StrReplaceAll(text, {{"POD", pod}})));
    };
    put("persistentvolumes", R"({"metadata": {"name": "pv-POD"}, "spec": {"csi": {}}})");
    put("persistentvolumeclaims", R"({"metadata": {"namespace": "shop", "name": "POD"},
        "spec": {"volumeName": "pv-POD", "accessModes": ["ReadWriteOnce"]}})");
    put("volumeattachments", R"({"metadata": {"name": "va-POD"}, "spec": {"attacher": "csi",
        "nodeName": "n1", "source": {"persistentVolumeName": "pv-POD"}}})");
    json object = world.Get("pods", "shop/" + pod);
    object["spec"]["volumes"] = json::parse(absl::StrReplaceAll(
        R"([{"name": "data", "persistentVolumeClaim": {"claimName": "POD"}}])", {{"POD", pod}}));
    world.server.Put("pods", object);
  }

  Workloads world;
};

TEST_F(DrainOptions, LeaderWhenSaysWhoGoesLast) {
  Nodes();
  world.StatefulSet("db", 3, /*parallel=*/false, {"n1"});
  world.Live(absl::Seconds(4));
  Annotate("db-2", {{"role", "leader"}});
  Begin({{"leaderWhen", "it.metadata.?annotations.role.orValue('') == 'leader'"}});
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_THAT(world.evicted, ElementsAre("db-1", "db-0", "db-2"));
  EXPECT_THAT(world.hurt, IsEmpty());
}

TEST_F(DrainOptions, ReadyWhenSaysWhatElseTheOthersHaveToBe) {
  Nodes();
  world.StatefulSet("db", 3, /*parallel=*/false, {"n1", "n2", "n3"});
  world.Live(absl::Seconds(4));
  Annotate("db-1", {{"lag", "900"}});
  Begin({{"readyWhen", "it.metadata.?annotations.lag.orValue('0') == '0'"}});
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.evicted, IsEmpty());
  EXPECT_THAT(world.Message("n1"), HasSubstr("readyWhen does not hold for its pod shop/db-1"));
  Annotate("db-1", {{"lag", "0"}});
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_THAT(world.evicted, ElementsAre("db-0"));
}

TEST_F(DrainOptions, TheNextVolumeMovesWhenTheOneBeforeItIsDetached) {
  Nodes();
  world.ReplicaSet("a", 1, {"n1"});
  world.ReplicaSet("b", 1, {"n1"});
  std::vector<std::string> pods = world.PodsOn("n1");
  ASSERT_THAT(pods, SizeIs(2));
  for (const std::string& pod : pods) GiveVolume(pod);
  Begin(json::object());
  world.Live(absl::Minutes(1));
  ASSERT_THAT(world.evicted, SizeIs(1));
  EXPECT_THAT(world.Message("n1"), HasSubstr("volume pv-" + world.evicted[0] +
                                             " has to be detached from this node first"));
  world.server.Delete("volumeattachments", "", "va-" + world.evicted[0]);
  world.Live(absl::Seconds(10));
  EXPECT_THAT(world.evicted, SizeIs(2)) << world.Message("n1");
}

TEST_F(DrainOptions, AbortGivesTheNodeBackAndSaysWhy) {
  Nodes();
  world.StatefulSet("db", 2, /*parallel=*/false, {"n1", "n2"});
  world.Budget("db", 0);
  Begin({{"timeout", "30s"}, {"onTimeout", "Abort"}});
  world.Live(absl::Seconds(20));
  EXPECT_TRUE(Cordoned());
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  world.Live(absl::Seconds(2));
  EXPECT_FALSE(Cordoned());
  EXPECT_FALSE(world.Get("nodes", "/n1")["metadata"]
                   .value("annotations", json::object())
                   .contains("kube-remedy.io/holders"));
  EXPECT_THAT(world.Message("n1"),
              AllOf(HasSubstr("DrainTimeout: after 30s 0 of 1 pods are gone"),
                    HasSubstr("PodDisruptionBudget shop/db never allows a disruption")));
  EXPECT_THAT(world.PodsOn("n1"), ElementsAre("db-0"));
}

TEST_F(DrainOptions, KeepCordonedKeepsIt) {
  Nodes();
  world.StatefulSet("db", 2, /*parallel=*/false, {"n1", "n2"});
  world.Budget("db", 0);
  Begin({{"timeout", "30s"}});
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  world.Live(absl::Seconds(2));
  EXPECT_TRUE(Cordoned());
}

// A machine that will be gone: what no budget lets go is deleted while there is time for its grace;
// a quorum is not touched without a person's word.
TEST_F(DrainOptions, BeforeTheDeadlineReplicatedPodsAreDeletedAndQuorumsAreNot) {
  Nodes();
  world.ReplicaSet("web", 2, {"n1"});
  world.StatefulSet("db", 2, /*parallel=*/false, {"n1", "n2"});
  world.Budget("web", 0);
  world.Budget("db", 0);
  Begin({{"timeout", "2m"}, {"onTimeout", "DeletePods"}});
  world.Live(absl::Seconds(80));
  EXPECT_THAT(world.PodsOn("n1"), SizeIs(3)) << "until then budgets count";
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed") << "the member of the set is left";
  EXPECT_THAT(world.PodsOn("n1"), ElementsAre("db-0"));
  std::vector<std::string> deleted;
  for (const FakeApi::Request& write : world.api.writes()) {
    if (write.method != "DELETE" || write.target.find("/pods/") == std::string::npos) continue;
    const json options = json::parse(write.body);
    EXPECT_TRUE(options["preconditions"].contains("uid")) << write.body;
    EXPECT_NE(options.value("gracePeriodSeconds", -1), 0) << "never without grace";
    deleted.push_back(write.target);
  }
  EXPECT_THAT(deleted, UnorderedElementsAre(HasSubstr("/web-"), HasSubstr("/web-")));
  EXPECT_THAT(Step().value("message", ""), AllOf(StartsWith("DrainTimeout"), HasSubstr("db-0")));
}

}  // namespace
}  // namespace kr::remediation
