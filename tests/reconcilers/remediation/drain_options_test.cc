// What a policy may say about a drain, as the whole controller does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "tests/reconcilers/remediation/workloads.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Le;
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
  // On n1: "agent-pod", and "gone-pod" whose DaemonSet is not there.
  void DaemonPods() {
    world.DaemonSet("agent");
    for (const char* owner : {"agent", "gone"}) {
      json pod = json::parse(absl::StrReplaceAll(
          R"({"metadata": {"namespace": "net", "name": "OWNER-pod", "labels": {"app": "OWNER"},
              "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "OWNER",
                                   "uid": "UID", "controller": true}]},
              "spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Running",
              "conditions": [{"type": "Ready", "status": "True"}]}})",
          {{"OWNER", owner}}));
      const json set = world.Get("daemonsets", std::string("net/") + owner);
      pod["metadata"]["ownerReferences"][0]["uid"] =
          set.is_null() ? json("gone-uid") : set["metadata"]["uid"];
      world.server.Put("pods", pod);
    }
  }
  bool Cordoned() const { return world.Get("nodes", "/n1")["spec"].value("unschedulable", false); }
  json Step() const { return world.Of("n1")["status"]["steps"].at(1); }
  // Of a pod in the plan: "evict; blocked: ...".
  std::string PlannedOf(const std::string& pod) const {
    const json remediation = world.Of("n1");
    for (const json& line : remediation["status"]["plan"]) {
      if (!line.contains("object") || line["object"]["name"] != pod) continue;
      return line.value("text", "") + "; " + line.value("message", "");
    }
    return "not planned";
  }
  // "Drained=True KubeRemedyDrained".
  std::vector<std::string> ConditionsOf(const std::string& node) const {
    std::vector<std::string> texts;
    const json object = world.Get("nodes", "/" + node);
    for (const json& condition : object["status"]["conditions"]) {
      texts.push_back(condition["type"].get<std::string>() + "=" +
                      condition["status"].get<std::string>() + " " + condition.value("reason", ""));
    }
    return texts;
  }
  // A volume that is attached to n1 for a pod.
  void GiveVolume(const std::string& pod) {
    world.api.kinds["/apis/storage.k8s.io/v1"] = {{"volumeattachments", "VolumeAttachment"}};
    const auto put = [&](const std::string& plural, const char* text) {
      world.server.Put(plural, json::parse(absl::StrReplaceAll(text, {{"POD", pod}})));
    };
    put("persistentvolumes", R"({"metadata": {"name": "pv-POD"}, "spec": {"csi": {}}})");
    put("persistentvolumeclaims", R"({"metadata": {"namespace": "shop", "name": "POD"},
        "spec": {"volumeName": "pv-POD", "accessModes": ["ReadWriteOnce"]}})");
    Attach(pod, "n1");
    Use(pod, pod);
  }
  void Attach(const std::string& claim, const std::string& node) {
    world.server.Put("volumeattachments",
                     {{"metadata", {{"name", "va-" + claim}}},
                      {"spec",
                       {{"attacher", "csi"},
                        {"nodeName", node},
                        {"source", {{"persistentVolumeName", "pv-" + claim}}}}},
                      {"status", {{"attached", true}}}});
  }
  void Use(const std::string& pod, const std::string& claim) {
    json object = world.Get("pods", "shop/" + pod);
    object["spec"]["volumes"] = json::parse(absl::StrReplaceAll(
        R"([{"name": "data", "persistentVolumeClaim": {"claimName": "CLAIM"}}])",
        {{"CLAIM", claim}}));
    world.server.Put("pods", object);
  }
  // The successor of `pod` gets its volume.
  std::string TakeOver(const std::string& pod) {
    const std::string app = pod.substr(0, pod.find('-'));
    for (const auto& [key, other] : world.server.Objects("pods")) {
      if (other["metadata"]["labels"]["app"] != app) continue;
      Use(other["metadata"]["name"], pod);
      return other["metadata"]["name"];
    }
    return "nobody";
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

TEST_F(DrainOptions, NobodyGoesInsteadOfALeaderWhoMayNotGoItself) {
  Nodes();
  world.StatefulSet("db", 3, /*parallel=*/false, {"n1", "n2", "n1"});
  world.Live(absl::Seconds(4));
  Annotate("db-0", {{"role", "leader"}});
  world.Edit("pods", "shop/db-2", {{"spec", {{"nodeSelector", {{"disk", "none"}}}}}});
  Begin({{"leaderWhen", "it.metadata.?annotations.role.orValue('') == 'leader'"}});
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.evicted, ElementsAre("db-0")) << world.Message("n1");
}

TEST_F(DrainOptions, ALeaderWaitsForWhomTheServerHasPutOff) {
  Nodes();
  world.StatefulSet("db", 3, /*parallel=*/false, {"n2", "n1", "n1"});
  world.Live(absl::Seconds(4));
  Annotate("db-2", {{"role", "leader"}});
  int asked = 0;
  bool blocked = true;
  world.api.block_eviction = [&](const std::string& pod) {
    ++asked;
    return pod == "db-1" && blocked ? "not now" : "";
  };
  Begin({{"leaderWhen", "it.metadata.?annotations.role.orValue('') == 'leader'"}});
  world.Live(absl::Seconds(30));
  EXPECT_THAT(world.evicted, IsEmpty());
  EXPECT_THAT(asked, ::testing::AllOf(::testing::Ge(2), ::testing::Le(4))) << "with pauses";
  EXPECT_THAT(world.Message("n1"),
              HasSubstr("Pod shop/db-2: it leads, and Pod shop/db-1 goes first: "));
  blocked = false;
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_THAT(world.evicted, ElementsAre("db-1", "db-2"));
}

// Stuck in ContainerCreating on the node that is drained: the budget counts on nobody.
TEST_F(DrainOptions, APodThatNeverStartedIsNotHeldByItsBudget) {
  Nodes();
  world.ReplicaSet("web", 2, {"n1", "n2"});
  world.Budget("web", 0);
  world.Live(absl::Seconds(4));
  const std::string stuck = world.PodsOn("n1").at(0);
  world.pods_start = false;
  world.Edit("pods", "shop/" + stuck, {{"status", {{"phase", "Pending"}}}});
  world.Edit("pods", "shop/" + stuck,
             {{"status", {{"conditions", {{{"type", "Ready"}, {"status", "False"}}}}}}});
  Begin({{"timeout", "5m"}});
  world.Live(absl::Seconds(20));
  EXPECT_THAT(world.evicted, ElementsAre(stuck)) << world.Message("n1");
}

// By the label that Cluster API has for it.
TEST_F(DrainOptions, APodThatAsksToCompleteIsWaitedFor) {
  Nodes();
  world.ReplicaSet("job", 1, {"n1"});
  world.Live(absl::Seconds(4));
  const std::string job = world.PodsOn("n1").at(0);
  world.Edit("pods", "shop/" + job,
             {{"metadata", {{"labels", {{"cluster.x-k8s.io/drain", "wait-completed"}}}}}});
  Begin({{"timeout", "30m"}});
  world.Live(absl::Minutes(6));
  EXPECT_THAT(world.evicted, IsEmpty());
  EXPECT_THAT(world.Message("n1"), HasSubstr("wait-completed"));
  world.Edit("pods", "shop/" + job, {{"status", {{"phase", "Succeeded"}}}});
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_THAT(world.evicted, IsEmpty());
}

// Its DaemonSet is gone, so nobody would bring it back.
TEST_F(DrainOptions, WhatIsLeftOfADaemonSetIsNoPodOfADaemonSet) {
  Nodes();
  DaemonPods();
  Begin(json::object());
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  EXPECT_THAT(Step().value("message", ""),
              AllOf(StartsWith("DrainRefused: "), HasSubstr("Pod net/gone-pod: DaemonSet gone is"),
                    ::testing::Not(HasSubstr("agent-pod"))));
  EXPECT_THAT(PlannedOf("gone-pod"), HasSubstr("blocked: DaemonSet gone is gone"));
  EXPECT_THAT(PlannedOf("agent-pod"), StartsWith("stays: it belongs to DaemonSet net/agent"));
}

TEST_F(DrainOptions, ObserveKnowsWhatIsLeftOfADaemonSet) {
  Nodes();
  DaemonPods();
  world.Start();
  json spec = DrainSpec();
  spec["mode"] = "Observe";
  world.Policy(spec);
  world.Sick("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Observed") << world.Message("n1");
  EXPECT_THAT(PlannedOf("gone-pod"), HasSubstr("blocked: DaemonSet gone is gone"));
  EXPECT_THAT(PlannedOf("agent-pod"), StartsWith("stays: it belongs to DaemonSet net/agent"));
}

// The plan is shown again at the first eviction, long after the DaemonSets were listed.
TEST_F(DrainOptions, ThePlanKnowsWhatIsLeftOfADaemonSetLaterAsWell) {
  Nodes();
  DaemonPods();
  world.pods_start = false;
  world.StatefulSet("db", 2, /*parallel=*/true, {"n1", "n2"});
  Begin({{"unmanaged", "Skip"}});
  world.Live(absl::Minutes(3));
  EXPECT_THAT(world.evicted, IsEmpty());
  world.pods_start = true;
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_THAT(PlannedOf("gone-pod"), StartsWith("stays: DaemonSet gone is gone"));
}

TEST_F(DrainOptions, TheNodeTellsHowItsDrainGoes) {
  Nodes();
  world.ReplicaSet("web", 1, {"n1"});
  world.StatefulSet("db", 2, /*parallel=*/false, {"n1", "n2"});
  world.Budget("db", 0);
  Begin({{"timeout", "1h"}});
  world.Live(absl::Seconds(30));
  EXPECT_THAT(
      ConditionsOf("n1"),
      IsSupersetOf({"DrainInProgress=True KubeRemedyDrain", "Drained=False KubeRemedyNotDrained",
                    "MaintenanceInProgress=True KubeRemedyRemediation"}));
  EXPECT_THAT(world.told, Contains(StartsWith("DrainStarted: ")));
  EXPECT_THAT(world.told, Contains(AllOf(StartsWith("DrainBlocked: "), HasSubstr("shop/db-0"))));
  world.Budget("db", 1);
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  world.Live(absl::Seconds(10));
  EXPECT_THAT(world.told, Contains("DrainSucceeded: policy policy: drained: 2 pods were evicted"));
  EXPECT_THAT(ConditionsOf("n1"), IsSupersetOf({"DrainInProgress=False KubeRemedyDrainEnded",
                                                "Drained=True KubeRemedyDrained"}));
}

TEST_F(DrainOptions, ADrainThatIsRefusedSaysSoOnItsNodeAndShowsWhatItMeant) {
  Nodes();
  world.ReplicaSet("web", 1, {"n1"});
  world.ReplicaSet("cache", 1, {"n1"});
  world.Live(absl::Seconds(4));
  std::string cache;
  for (const std::string& pod : world.PodsOn("n1")) {
    if (pod.starts_with("cache")) cache = pod;
  }
  json object = world.Get("pods", "shop/" + cache);
  object["spec"]["volumes"] = {{{"name", "tmp"}, {"emptyDir", json::object()}}};
  world.server.Put("pods", object);
  Begin(json::object());
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  world.Live(absl::Seconds(10));
  EXPECT_THAT(world.evicted, IsEmpty());
  EXPECT_THAT(world.told,
              Contains(AllOf(StartsWith("DrainFailed: policy policy: nothing was evicted"),
                             HasSubstr("shop/" + cache))));
  EXPECT_THAT(ConditionsOf("n1"), IsSupersetOf({"DrainInProgress=False KubeRemedyDrainEnded",
                                                "Drained=False KubeRemedyNotDrained"}));
  EXPECT_THAT(PlannedOf(cache), HasSubstr("blocked: it has data in an emptyDir"));
  const json remediation = world.Of("n1");
  EXPECT_THAT(remediation["status"]["plan"], SizeIs(4)) << "two steps, two pods";
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

TEST_F(DrainOptions, TheNextVolumeMovesWhenTheOneBeforeItIsAttachedElsewhere) {
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
  const std::string successor = TakeOver(world.evicted[0]);
  world.Live(absl::Minutes(2));
  EXPECT_THAT(world.Message("n1"), HasSubstr(" for Pod shop/" + successor + " first"));
  world.Restart();
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.evicted, SizeIs(1)) << "the next process knows as well";
  Attach(world.evicted[0], world.Get("pods", "shop/" + successor)["spec"]["nodeName"]);
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

TEST_F(DrainOptions, DeletionsThatAreRefusedAreNotAskedForWithoutAPause) {
  Nodes();
  world.ReplicaSet("web", 2, {"n1"});
  world.Budget("web", 0);
  int asked = 0;
  world.api.fault = [&asked](const FakeApi::Request& request) {
    const bool deletes =
        request.method == "DELETE" && request.target.find("/pods/") != std::string::npos;
    asked += deletes;
    return deletes ? FakeApi::Fault::kForbidden : FakeApi::Fault::kNone;
  };
  Begin({{"timeout", "1m"}, {"onTimeout", "DeletePods"}});
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  EXPECT_THAT(world.PodsOn("n1"), SizeIs(2));
  EXPECT_THAT(Step().value("message", ""),
              AllOf(StartsWith("DrainTimeout"), HasSubstr("the API server says: ")));
  EXPECT_THAT(asked, AllOf(Ge(2), Le(2 * 6)));
}

}  // namespace
}  // namespace kr::remediation
