// What becomes of each pod of a node, as a person reads it before anything is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/drain/shop.h"

namespace kr::drain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(DrainPlan, SaysWhereAReplicatedPodCouldGo) {
  Shop shop(6);
  shop.Replicas("web", {"n1", "n2"});
  EXPECT_EQ(shop.Planned("web-a"), "evict; could go to n2, n3, n4 or others");
}

TEST(DrainPlan, LeavesWhatTheNodeMakesAgain) {
  Shop shop;
  shop.DaemonPod("agent-x", "n1");
  shop.Lonely("etcd-n1", "n1");
  shop.EditPod("etcd-n1", [](Pod& pod) { pod.mirror = true; });
  shop.Lonely("job", "n1");
  shop.EditPod("job", [](Pod& pod) { pod.phase = "Succeeded"; });
  EXPECT_EQ(shop.Planned("agent-x"), "stays: it belongs to DaemonSet shop/agent");
  EXPECT_EQ(shop.Planned("etcd-n1"), "stays: it mirrors a file on the node");
  EXPECT_EQ(shop.Planned("job"), "stays: it has finished");
}

TEST(DrainPlan, ANodeWithAStaticControlPlaneIsRefused) {
  struct Case {
    const char* name;
    std::map<std::string, std::string> labels;
    bool is;
  };
  const Case cases[] = {{"etcd-n1", {}, true},
                        {"kube-apiserver-n1", {}, true},
                        {"store-n1", {{"component", "etcd"}}, true},
                        {"kube-proxy-n1", {{"component", "kube-proxy"}}, false},
                        {"etcd-backup-n1", {}, false}};
  for (const Case& c : cases) {
    Shop shop;
    shop.Replicas("web", {"n1", "n2"});
    Pod pod = *shop.cluster.FindPod({"shop", "web-a"});
    pod.key = {"kube-system", c.name};
    pod.uid = "mirror";
    pod.owner = Owner{"", "Node", "n1", "n1-uid"};
    pod.labels = c.labels;
    pod.mirror = true;
    shop.cluster.Put(pod);
    for (const auto on_timeout :
         {crds::DrainOnTimeout::kKeepCordoned, crds::DrainOnTimeout::kDeletePods}) {
      shop.rules.on_timeout = on_timeout;
      if (!c.is) {
        EXPECT_EQ(shop.Asked(), "web-a") << c.name;
        continue;
      }
      EXPECT_THAT(shop.Asked(), AllOf(StartsWith("DrainRefused"), HasSubstr(c.name),
                                      HasSubstr("includeControlPlane: true")));
    }
    Situation meant = shop.Drain();
    meant.control_plane = true;
    EXPECT_EQ(Shop::Text(shop.Ask(meant)), "web-a") << c.name;
  }
}

TEST(DrainPlan, WhatIsLeftOfADaemonSetNobodyBringsBack) {
  Shop shop;
  shop.DaemonPod("agent-x", "n1");
  shop.rules.unmanaged = crds::DrainUnmanaged::kBlock;
  Situation situation = shop.Drain();
  situation.orphaned = {"agent-uid"};
  EXPECT_THAT(Shop::Text(shop.Ask(situation)),
              AllOf(StartsWith("DrainRefused"), HasSubstr("DaemonSet agent is gone: it has no")));
  shop.rules.unmanaged = crds::DrainUnmanaged::kEvict;
  EXPECT_THAT(shop.Asked(), StartsWith("complete:")) << "not known to be gone";
  EXPECT_EQ(Shop::Text(shop.Ask(situation)), "agent-x");
}

TEST(DrainPlan, ALabelSaysWhatAPodAsksOfDrains) {
  Shop shop;
  for (const char* name : {"keep", "job"}) shop.Lonely(name, "n1");
  const auto label = [&](const char* pod, const char* value) {
    shop.EditPod(pod, [&](Pod& p) { p.labels["cluster.x-k8s.io/drain"] = value; });
  };
  label("keep", "skip");
  label("job", "wait-completed");
  EXPECT_EQ(shop.Planned("keep"), "stays: it asks for that (cluster.x-k8s.io/drain: skip)");
  EXPECT_EQ(shop.Planned("job"),
            "waited for: it asks to be left to complete (cluster.x-k8s.io/drain: wait-completed)");
  shop.EditNode("n1", [](Node& node) { node.ready = false; });
  EXPECT_THAT(shop.Planned("job"), StartsWith("stays: "));
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("partial:"), HasSubstr("shop/keep")));
  shop.EditNode("n1", [](Node& node) { node.ready = true; });
  shop.rules.do_not_disrupt = crds::DrainOptOut::kIgnore;
  shop.rules.unmanaged = crds::DrainUnmanaged::kEvict;
  EXPECT_EQ(shop.Asked(), "job keep");
}

TEST(DrainPlan, BlocksWhatWouldBeLostUnlessThePolicySaysOtherwise) {
  Shop shop;
  shop.Lonely("alone", "n1");
  shop.Replicas("cache", {"n1", "n2"});
  shop.EditSpec("cache-a", [](PodSpec& spec) { spec.empty_dir = true; });
  shop.Replicas("batch", {"n1", "n2"});
  shop.EditPod("batch-a",
               [](Pod& pod) { pod.do_not_disrupt = "karpenter.sh/do-not-disrupt: true"; });
  EXPECT_THAT(shop.Planned("alone"), HasSubstr("no controller"));
  EXPECT_THAT(shop.Planned("cache-a"), HasSubstr("emptyDir: Block"));
  EXPECT_THAT(shop.Planned("batch-a"), HasSubstr("karpenter.sh/do-not-disrupt"));
  EXPECT_THAT(shop.Asked(),
              AllOf(StartsWith("DrainRefused: nothing was evicted"), HasSubstr("Pod shop/alone"),
                    HasSubstr("Pod shop/cache-a"), HasSubstr("Pod shop/batch-a")));
  shop.rules.unmanaged = crds::DrainUnmanaged::kEvict;
  shop.rules.empty_dir = crds::DrainEmptyDir::kDelete;
  shop.rules.do_not_disrupt = crds::DrainOptOut::kIgnore;
  EXPECT_THAT(shop.Planned("alone"), HasSubstr("nobody brings it back"));
  EXPECT_THAT(shop.Planned("cache-a"), HasSubstr("the data in an emptyDir is lost"));
  EXPECT_EQ(shop.Asked(), "alone batch-a cache-a");
}

TEST(DrainPlan, AFinishedPodsEmptyDirIsNobodysLoss) {
  Shop shop;
  shop.Replicas("batch", {"n1"});
  shop.EditSpec("batch-a", [](PodSpec& spec) { spec.empty_dir = true; });
  shop.EditPod("batch-a", [](Pod& pod) { pod.phase = "Failed"; });
  EXPECT_THAT(shop.Asked(), StartsWith("complete:"));
}

TEST(DrainPlan, AVolumeTiesAPodToItsNode) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  shop.GiveVolume("db-0", "disk-0", {"n1"});
  EXPECT_THAT(shop.Planned("db-0"),
              AllOf(HasSubstr("2 cannot have its volume disk-0"), HasSubstr("immovable: Block")));
  EXPECT_THAT(shop.Asked(), StartsWith("DrainRefused"));
  shop.rules.immovable = crds::DrainImmovable::kSkip;
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("partial:"), HasSubstr("shop/db-0")));
  shop.rules.immovable = crds::DrainImmovable::kEvictAnyway;
  EXPECT_THAT(shop.Planned("db-0"), HasSubstr("it waits until this node is back"));
  EXPECT_EQ(shop.Asked(), "db-0");
}

TEST(DrainPlan, KnowsWhatTheSchedulerWouldSay) {
  struct Case {
    const char* what;
    std::function<void(Shop&)> make;
    const char* says;
  };
  const Case cases[] = {
      {"a node selector",
       [](Shop& s) { s.EditSpec("web-a", [](PodSpec& p) { p.node_selector["disk"] = "ssd"; }); },
       "2 do not match its node selector"},
      {"affinity to a zone",
       [](Shop& s) {
         s.EditSpec("web-a", [](PodSpec& p) {
           p.node_terms =
               NodeTerms{{{.key = "topology.kubernetes.io/zone", .op = "In", .values = {"z1"}}}};
         });
       },
       "2 do not match its node selector or affinity"},
      {"taints",
       [](Shop& s) {
         for (const char* n : {"n2", "n3"}) {
           s.EditNode(n, [](Node& node) { node.taints.push_back({"gpu", "", "NoSchedule"}); });
         }
       },
       "2 have taints that it does not tolerate"},
      {"no schedulable node",
       [](Shop& s) {
         s.EditNode("n2", [](Node& node) { node.ready = false; });
         s.EditNode("n3", [](Node& node) { node.unschedulable = true; });
       },
       "2 are not ready or not schedulable"},
      {"anti-affinity over hosts",
       [](Shop& s) {
         s.EditSpec("web-a", [](PodSpec& p) {
           p.apart_from.push_back({.match_labels = {{"app", "web"}}});
         });
       },
       "2 have a pod that it must be kept apart from"},
  };
  for (const Case& c : cases) {
    Shop shop;
    shop.Replicas("web", {"n1", "n2", "n3"});
    c.make(shop);
    EXPECT_THAT(shop.Planned("web-a"), HasSubstr(c.says)) << c.what;
  }
}

TEST(DrainPlan, AToleratedTaintAndAPreferenceAreNoObstacle) {
  Shop shop(2);
  shop.Replicas("web", {"n1"});
  shop.EditNode("n2", [](Node& node) {
    node.taints = {{"gpu", "yes", "NoSchedule"}, {"old", "", "PreferNoSchedule"}};
  });
  shop.EditSpec("web-a", [](PodSpec& p) { p.tolerations.push_back({"gpu", "Equal", "yes", ""}); });
  EXPECT_EQ(shop.Planned("web-a"), "evict; could go to n2");
}

TEST(DrainPlan, ADrainThatOnlyMakesPendingPodsSaysSo) {
  Shop shop(2);
  shop.Replicas("web", {"n1", "n1", "n1"});
  shop.Replicas("big", {"n2"});
  shop.EditSpec("big-a", [](PodSpec& spec) { spec.requests["cpu"] = 7; });
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait: 0 of 3"), HasSubstr("lack 0.5 cpu")));
  shop.rules.headroom = crds::DrainHeadroom::kIgnore;
  EXPECT_EQ(shop.Asked(), "web-a");
}

TEST(DrainPlan, RoomIsCountedForAllOpenDrainsTogether) {
  Shop shop(3);
  for (const char* node : {"n1", "n2"}) {
    shop.Replicas(std::string("on-") + node, {node});
    shop.EditSpec(std::string("on-") + node + "-a", [](PodSpec& s) { s.requests["cpu"] = 5; });
  }
  EXPECT_EQ(shop.Asked(), "on-n1-a");
  shop.cluster.Open("n2", "another", shop.now);
  shop.EditNode("n2", [](Node& node) { node.unschedulable = true; });
  EXPECT_THAT(shop.Asked(), HasSubstr("lack 2 cpu for the pods of all nodes"));
}

// n4 is the only other node of the zone: it takes one of them, and the rest of the cluster none.
TEST(DrainPlan, RoomIsCountedWhereVolumesCanBe) {
  Shop shop(4);
  for (const char* name : {"api", "web"}) {
    shop.Replicas(name, {"n1", "n2"});
    shop.GiveVolume(std::string(name) + "-a", std::string("disk-") + name, {"n1", "n4"});
  }
  EXPECT_EQ(shop.Asked(), "api-a web-a");
  shop.Replicas("big", {"n4"});
  shop.EditSpec("big-a", [](PodSpec& spec) { spec.requests["cpu"] = 7.25; });
  EXPECT_THAT(shop.Asked(), HasSubstr("lack 0.25 cpu (where volume disk-api can be) for"));
  shop.rules.headroom = crds::DrainHeadroom::kIgnore;
  EXPECT_EQ(shop.Asked(), "api-a web-a");
}

TEST(DrainPlan, WhatWaitsForItsNodeTakesNoRoom) {
  Shop shop(2);
  shop.rules.immovable = crds::DrainImmovable::kEvictAnyway;
  shop.Replicas("web", {"n1"});
  shop.EditSpec("web-a", [](PodSpec& spec) { spec.requests["cpu"] = 7; });
  shop.GiveVolume("web-a", "disk-w", {"n1"});
  shop.Replicas("big", {"n2"});
  shop.EditSpec("big-a", [](PodSpec& spec) { spec.requests["cpu"] = 7; });
  EXPECT_EQ(shop.Asked(), "web-a");
}

TEST(DrainPlan, ANodeHasRoomForSoManyVolumes) {
  Shop shop;
  for (const char* name : {"api", "web"}) {
    shop.Replicas(name, {"n1", "n2"});
    shop.GiveVolume(std::string(name) + "-a", std::string("disk-") + name);
  }
  EXPECT_EQ(shop.Asked(), "api-a") << "no driver sets a limit";
  shop.cluster.LimitVolumes("n2", {{"disks", 3}});
  shop.cluster.LimitVolumes("n3", {{"disks", 0}, {"other", 5}});
  shop.cluster.Put(Attachment{"disk-x", "n2", "disks", true});
  shop.cluster.Put(Attachment{"share", "n2", "other", true});
  EXPECT_EQ(shop.Asked(), "api-a");
  shop.cluster.Put(Attachment{"disk-y", "n2", "disks", true});
  EXPECT_THAT(shop.Asked(), HasSubstr("lack 1 volumes of disks for"));
  shop.cluster.Put(Attachment{"disk-z", "n2", "disks", true});
  EXPECT_THAT(shop.Planned("web-a"), HasSubstr("none of the nodes that would take it has room"));
  shop.cluster.Detach("disk-x", "n2");
  shop.cluster.RemoveVolumeLimits("n3");
  EXPECT_EQ(shop.Asked(), "api-a");
}

TEST(DrainPlan, WhatAnotherDrainedNodeKeepsTakesNoRoom) {
  Shop shop(3);
  for (const char* node : {"n1", "n2"}) {
    shop.Replicas(std::string("on-") + node, {node});
    shop.EditSpec(std::string("on-") + node + "-a", [](PodSpec& s) { s.requests["cpu"] = 5; });
  }
  shop.GiveVolume("on-n2-a", "disk-2", {"n2"});
  shop.cluster.Open("n2", "another", shop.now);
  EXPECT_EQ(shop.Asked(), "on-n1-a");
}

TEST(DrainPlan, OnANodeThatIsNotReadyOnlyWhatStartsElsewhereMeanwhileGoes) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Set("db", {"n1", "n2", "n3"});
  shop.EditNode("n1", [](Node& node) { node.ready = false; });
  EXPECT_THAT(shop.Planned("db-0"), StartsWith("stays: the node is not ready"));
  EXPECT_EQ(shop.Asked(), "web-a");
  shop.evicted["web-a-uid"] = {"shop", "web-a"};
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("partial: 1 pods"), HasSubstr("shop/db-0")));
}

}  // namespace
}  // namespace kr::drain
