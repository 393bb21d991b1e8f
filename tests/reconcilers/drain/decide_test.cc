// What a drain does next: never more than owners, budgets and quorums can miss.
#include "reconcilers/drain/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/drain/shop.h"

namespace kr::drain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Said = Answer::Said;

TEST(DrainDecides, ReplicatedPodsGoAtOnceWithinTheirLimits) {
  Shop shop(4);
  shop.Replicas("web", {"n1", "n1", "n1", "n1", "n2", "n2", "n3", "n3"});  // 25 % are two
  shop.Replicas("api", {"n1", "n2"});                                      // one at least
  EXPECT_EQ(shop.Asked(), "api-a web-a web-b");
}

TEST(DrainDecides, ABudgetSaysHowManyGoAtOnce) {
  Shop shop(4);
  shop.Replicas("web", {"n1", "n1", "n1", "n2"});
  shop.Limit("web", 2);
  EXPECT_EQ(shop.Asked(), "web-a web-b");
  shop.Limit("web", 0);
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait: 0 of 3 pods are gone"),
                                  HasSubstr("PodDisruptionBudget shop/web-budget allows no"),
                                  HasSubstr("minAvailable 2; 3 of 3 healthy, 2 needed")));
}

TEST(DrainDecides, ABudgetThatNeverAllowsItIsNamedAsSuch) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  shop.Limit("db", 0, 3, 3);
  shop.Replicas("web", {"n1", "n2"});
  EXPECT_EQ(shop.Asked(), "web-a") << "everything else moves";
  shop.cluster.RemovePod({"shop", "web-a"});
  EXPECT_THAT(shop.Asked(), HasSubstr("db-budget never allows a disruption"));
}

TEST(DrainDecides, F6AnUnreadyPodDoesNotWaitForItsOwnBudget) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2", "n3"});
  shop.EditPod("web-a", [](Pod& pod) { pod.ready = false; });
  shop.Limit("web", 0, 2, 2);  // enough without it
  EXPECT_EQ(shop.Asked(), "web-a");
  shop.Limit("web", 0, 1, 2);  // somebody else is missing, too
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  Budget budget = *shop.cluster.BudgetsOf(*shop.cluster.FindPod({"shop", "web-a"})).front();
  budget.always_allow_unhealthy = true;
  shop.cluster.Put(budget);
  EXPECT_EQ(shop.Asked(), "web-a");
}

// Nor does the server ask: a pod that never started is nobody's availability.
TEST(DrainDecides, APendingPodAsksNoBudget) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Limit("web", 0, 1, 2);
  const auto is = [&](const char* phase) {
    shop.EditPod("web-a", [&](Pod& pod) {
      pod.phase = phase;
      pod.ready = false;
    });
  };
  is("Running");
  EXPECT_THAT(shop.Asked(), HasSubstr("PodDisruptionBudget shop/web-budget"));
  is("Pending");  // ContainerCreating
  EXPECT_EQ(shop.Asked(), "web-a");
  shop.cluster.Put(Budget{.key = {"shop", "second"},
                          .selector = crds::LabelSelector{.match_labels = {{"app", "web"}}}});
  EXPECT_EQ(shop.Asked(), "web-a") << "two budgets are as little asked as one";
  is("Running");
  EXPECT_THAT(shop.Asked(), StartsWith("DrainRefused"));
}

TEST(DrainDecides, TwoBudgetsOverOnePodAreSaidBeforeAnythingIsEvicted) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Replicas("api", {"n1", "n2"});
  shop.Limit("web", 1);
  Budget second{.key = {"shop", "second"},
                .selector = crds::LabelSelector{.match_labels = {{"app", "web"}}},
                .allowed = 1};
  shop.cluster.Put(second);
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("DrainRefused"), HasSubstr("shop/second and"),
                                  HasSubstr("does not support")));
}

TEST(DrainDecides, SetsGoOneByOneAndTheHighestOrdinalFirst) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n1"});
  EXPECT_EQ(shop.Asked(), "db-2");
  const Pod db2 = *shop.cluster.FindPod({"shop", "db-2"});
  shop.cluster.Reserve(db2.key, db2.uid, "drain-n1", shop.now);
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  shop.cluster.Settle(db2.key, db2.uid, shop.now);
  shop.evicted[db2.uid] = db2.key;
  EXPECT_THAT(shop.Asked(), HasSubstr("its pod db-2 is going"));
  shop.cluster.RemovePod(db2.key);
  EXPECT_THAT(shop.Asked(), HasSubstr("its pod db-2 is missing"));
  Pod successor = db2;
  successor.uid = "new";
  successor.node = "n3";
  successor.ready = false;
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), HasSubstr("its pod db-2 is not ready"));
  successor.ready = true;
  successor.ready_since = shop.now;
  shop.cluster.Put(successor);
  EXPECT_EQ(shop.Asked(), "db-0");
}

TEST(DrainDecides, ASetIsLeftAloneWhileItIsNotWhole) {
  struct Case {
    const char* what;
    std::function<void(Shop&)> make;
    const char* says;
  };
  const auto edit = [](Shop& shop, auto change) {
    StatefulSet set = *shop.cluster.FindSet({"shop", "db"});
    change(set);
    shop.cluster.Put(set);
  };
  const Case cases[] = {
      {"another member is not ready",
       [](Shop& s) { s.EditPod("db-1", [](Pod& p) { p.ready = false; }); }, "db-1 is not ready"},
      {"another member is missing",
       [](Shop& s) {
         s.cluster.RemovePod({"shop", "db-2"});
       },
       "db-2 is missing"},
      {"another member is going",
       [](Shop& s) { s.EditPod("db-1", [&](Pod& p) { p.deleted = s.now; }); }, "db-1 is going"},
      {"ready, but not for long enough",
       [&](Shop& s) {
         edit(s, [](StatefulSet& set) { set.min_ready = absl::Minutes(1); });
         s.EditPod("db-1", [&](Pod& p) { p.ready_since = s.now - absl::Seconds(20); });
       },
       "not for minReadySeconds"},
      {"it is being rolled out",
       [&](Shop& s) {
         edit(s, [](StatefulSet& set) {
           set.update_revision = "r2";
           set.updated_replicas = 1;
         });
       },
       "is being rolled out (1 of 3)"},
      {"its controller has not seen the newest spec",
       [&](Shop& s) { edit(s, [](StatefulSet& set) { set.observed = false; }); }, "not up to date"},
      {"it was scaled up", [&](Shop& s) { edit(s, [](StatefulSet& set) { set.replicas = 4; }); },
       "db-3 is missing"},
  };
  for (const Case& c : cases) {
    Shop shop;
    shop.Set("db", {"n1", "n2", "n3"});
    c.make(shop);
    EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait:"), HasSubstr(c.says))) << c.what;
  }
}

TEST(DrainDecides, ARolloutThatWaitsForAPersonIsNone) {
  for (const bool on_delete : {true, false}) {
    Shop shop;
    shop.Set("db", {"n1", "n2", "n3"});
    StatefulSet set = *shop.cluster.FindSet({"shop", "db"});
    set.update_revision = "r2";
    set.updated_replicas = 0;
    set.on_delete = on_delete;
    set.partition = on_delete ? 0 : 3;
    shop.cluster.Put(set);
    EXPECT_EQ(shop.Asked(), "db-0") << on_delete;
  }
}

TEST(DrainDecides, TheOnlySickMemberOfASetMayGo) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  shop.EditPod("db-0", [](Pod& pod) { pod.ready = false; });
  EXPECT_EQ(shop.Asked(), "db-0");
}

TEST(DrainDecides, AnotherRemediationsEvictionLocksTheSet) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  shop.cluster.Reserve({"shop", "db-1"}, "db-1-uid", "drain-n2", shop.now);
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  // Its pod may be gone before its outcome is written down.
  Pod successor = *shop.cluster.FindPod({"shop", "db-1"});
  successor.uid = "new";
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), HasSubstr("Remediation drain-n2 evicts another pod"));
  shop.cluster.Release("db-1-uid");
  EXPECT_EQ(shop.Asked(), "db-0");
}

TEST(DrainDecides, ARestartOfAHostTakesItsPodsUntilTheyAreBack) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  shop.Replicas("web", {"n1", "n2", "n2"});  // no budget: one may be away
  shop.Replicas("api", {"n1", "n2"});
  shop.Limit("api", 1);
  shop.cluster.SetRestarts("restart-n2", {{"n2", shop.now}});
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  EXPECT_THAT(shop.Asked(), HasSubstr("db-0: Remediation restart-n2 restarts the host of another"));
  EXPECT_THAT(shop.Asked(), HasSubstr("web has 2 of 3 away"));
  EXPECT_THAT(shop.Asked(), HasSubstr("shop/api-budget allows no disruption now"));
  shop.now += absl::Minutes(2);
  for (const Pod* pod : shop.cluster.PodsOn("n2")) {
    shop.EditPod(pod->key.name, [&](Pod& back) { back.ready_since = shop.now; });
  }
  EXPECT_EQ(shop.Asked(), "api-a web-a");
}

// Who leads is known by a live list only: so those that may go in its place go along.
TEST(DrainDecides, OfASetOthersMayGoInstead) {
  Shop shop;
  shop.Set("db", {"n1", "n1", "n1", "n1", "n2"});
  const auto names = [](const std::vector<const Pod*>& pods) {
    std::string text;
    for (const Pod* pod : pods) text += (text.empty() ? "" : " ") + pod->key.name;
    return text;
  };
  Evict evict = std::get<Evict>(shop.Ask());
  EXPECT_EQ(names(evict.pods), "db-3");
  EXPECT_EQ(names(evict.instead), "db-2 db-1 db-0");
  EXPECT_EQ(names(evict.put_off), "");

  shop.EditSpec("db-2", [](PodSpec& spec) { spec.node_selector["disk"] = "none"; });
  shop.answers["db-1-uid"] = {.answer = {Said::kBusy, "slow down"}, .at = shop.now};
  evict = std::get<Evict>(shop.Ask());
  EXPECT_EQ(names(evict.instead), "db-0") << "one has nowhere to go, one was put off";
  EXPECT_EQ(names(evict.put_off), "db-1");
  EXPECT_EQ(evict.later, shop.now + absl::Seconds(1));
}

// Nobody but its operator knows how many it wants, and that may be down.
TEST(DrainDecides, WhatAnOperatorHasNotReplacedIsMissedAsLongAsAnybodyDrains) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n1", "n2"});
  shop.cluster.Open("n1", "drain-n1", shop.now);
  shop.Evicted("kafka-1");
  shop.now += absl::Hours(9);
  EXPECT_THAT(shop.Asked(), HasSubstr("kafka has 1 of 3 away"));
  shop.cluster.Close("drain-n1", shop.now);
  shop.now += absl::Minutes(59);
  EXPECT_THAT(shop.Asked(), HasSubstr("kafka has 1 of 3 away"));
  shop.now += absl::Minutes(2);
  EXPECT_EQ(shop.Asked(), "kafka-0");
  shop.cluster.Open("n3", "another", shop.now);
  EXPECT_EQ(shop.Asked(), "kafka-0") << "what was forgotten is";
}

TEST(DrainDecides, WhatAnotherProcessHasEvictedIsMissedAsWell) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n2"});
  shop.Replicas("web", {"n1"});
  shop.cluster.Recall("kafka-uid", 3, shop.now - absl::Minutes(40));
  shop.cluster.Recall("web-uid", 2, shop.now - absl::Minutes(1));
  EXPECT_THAT(shop.Asked(),
              AllOf(HasSubstr("kafka has 1 of 3 away"), HasSubstr("web has 1 of 2 away")));
}

TEST(DrainDecides, WhatWasReplacedIsNotMissedAgain) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n1", "n2"});
  const Pod old = *shop.cluster.FindPod({"shop", "kafka-1"});
  shop.Evicted("kafka-1");
  Pod successor = old;
  successor.uid = "new";
  successor.node = "n3";
  shop.cluster.Put(successor);
  shop.cluster.RemovePod(successor.key);  // its operator has scaled it down
  EXPECT_EQ(shop.Asked(), "kafka-0");
}

TEST(DrainDecides, WhatAnOperatorOwnsGoesLikeASetAndIsNeverDeleted) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n1", "n2"});
  EXPECT_EQ(shop.Asked(), "kafka-1");
  shop.Evicted("kafka-1");
  EXPECT_THAT(shop.Asked(), HasSubstr("kafka has 1 of 3 away"));
  shop.rules.on_timeout = crds::DrainOnTimeout::kDeletePods;
  shop.now += shop.rules.timeout;
  Situation late = shop.Drain();
  late.started = shop.now - shop.rules.timeout;
  shop.cluster.Reserve({"shop", "kafka-2"}, "kafka-2-uid", "other", shop.now);
  EXPECT_THAT(Shop::Text(shop.Ask(late)), StartsWith("wait:"));
}

TEST(DrainDecides, ADeletionThatIsRefusedPausesAndEndsWithTheDrain) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.rules.on_timeout = crds::DrainOnTimeout::kDeletePods;
  Situation late = shop.Drain();
  late.started = shop.now - shop.rules.timeout;
  const Tried eviction{.answer = {Said::kRefused, "may not evict", {}}, .at = shop.now};
  late.answers["web-a-uid"] = eviction;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "delete: web-a") << "that may be allowed";
  Tried deletion{.answer = {Said::kRefused, "may not delete", {}}, .at = shop.now, .removal = true};
  late.answers["web-a-uid"] = deletion;
  EXPECT_THAT(Shop::Text(shop.Ask(late)), AllOf(StartsWith("wait:"), HasSubstr("may not delete")));
  deletion.at -= absl::Seconds(6);
  late.answers["web-a-uid"] = deletion;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "web-a") << "its budget may have room by now";
  late.answers["web-a-uid"].at = shop.now;
  late.started -= absl::Minutes(1);
  EXPECT_THAT(Shop::Text(shop.Ask(late)),
              AllOf(StartsWith("DrainTimeout:"), HasSubstr("may not delete")));
}

TEST(DrainDecides, DoneOnlyWhenAnOperatorHasReplacedItsPod) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n2", "n3"});
  shop.Operated("build", {"n1"});
  const Pod old = *shop.cluster.FindPod({"shop", "kafka-0"});
  for (const char* owner : {"kafka", "build"}) {
    shop.operated[std::string(owner) + "-uid"] = std::string("Thing shop/") + owner;
    shop.Evicted(std::string(owner) + "-0");
  }
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait: 2 of 2"), HasSubstr("kafka has 1 of 3 away")));
  Pod successor = old;
  successor.uid = "new";
  successor.node = "n2";
  successor.ready = false;
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), HasSubstr("kafka has 1 of 3 away")) << "it is not ready";
  successor.ready = true;
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), StartsWith("complete:")) << "a single pod is no quorum";
  successor.node = "";
  successor.ready = false;
  successor.spec = std::make_shared<PodSpec>(PodSpec{.node_selector = {{"disk", "none"}}});
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  shop.rules.immovable = crds::DrainImmovable::kEvictAnyway;
  EXPECT_THAT(shop.Asked(), StartsWith("complete:")) << "it waits until the node is back";
}

TEST(DrainDecides, OfTwoSickMembersThatAnOperatorOwnsNoneGoes) {
  Shop shop;
  shop.Operated("kafka", {"n1", "n2", "n3"});
  const auto sick = [](Pod& pod) { pod.ready = false; };
  shop.EditPod("kafka-0", sick);
  EXPECT_EQ(shop.Asked(), "kafka-0") << "the only sick one may go";
  shop.EditPod("kafka-1", sick);
  EXPECT_THAT(shop.Asked(), HasSubstr("kafka has 1 of 3 away"));
}

TEST(DrainDecides, ThePodsBeforeOurOwnEvictionCount) {
  Shop shop;
  shop.Replicas("web", {"n1", "n1"});
  // Gone before its owner has noticed: there is one pod, and it is well.
  shop.Evicted("web-a");
  EXPECT_THAT(shop.Asked(), HasSubstr("has 1 of 2 away"));
  shop.Replicas("web", {"n3"});
  EXPECT_EQ(shop.Asked(), "web-b");
}

TEST(DrainDecides, AScaleDownIsNotWaitedForForEver) {
  Shop shop;
  shop.Replicas("web", {"n1", "n1"});
  shop.Evicted("web-a");
  shop.now += absl::Minutes(6);
  EXPECT_EQ(shop.Asked(), "web-b");
}

// A quota or a webhook may keep it from making pods.
TEST(DrainDecides, AnOwnerThatStillWantsItsPodIsWaitedFor) {
  Shop shop;
  shop.Replicas("web", {"n1", "n1", "n1"});
  shop.Evicted("web-a");
  const auto doubted = [&] {
    return shop.cluster.IsInDoubt(*shop.cluster.FindPod({"shop", "web-b"}), shop.now);
  };
  EXPECT_FALSE(doubted()) << "its successor may be under way";
  shop.now += absl::Minutes(6);
  EXPECT_TRUE(doubted());
  shop.wants["web-uid"] = 3;
  EXPECT_THAT(shop.Asked(), HasSubstr("ReplicaSet shop/web has 1 of 3 away"));
  shop.wants["web-uid"] = 2;
  EXPECT_EQ(shop.Asked(), "web-b");
  shop.wants["web-uid"] = 0;  // it is gone
  EXPECT_EQ(shop.Asked(), "web-b");
}

TEST(DrainDecides, F8VolumesAreDetachedOneAfterTheOther) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Replicas("api", {"n1", "n2"});
  shop.GiveVolume("web-a", "disk-w");
  shop.GiveVolume("api-a", "disk-a");
  EXPECT_EQ(shop.Asked(), "api-a");
  shop.EditPod("api-a", [&](Pod& pod) { pod.deleted = shop.now; });
  EXPECT_THAT(shop.Asked(), HasSubstr("has to be detached from this node first"));
  shop.cluster.RemovePod({"shop", "api-a"});
  EXPECT_THAT(shop.Asked(), HasSubstr("volume disk-a has to be detached"));
  shop.cluster.Detach("disk-a", "n1");
  EXPECT_EQ(shop.Asked(), "web-a");
}

TEST(DrainDecides, TheNextVolumeMovesWhenTheOneBeforeItIsAttachedElsewhere) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Replicas("api", {"n1", "n2"});
  shop.GiveVolume("web-a", "disk-w");
  shop.GiveVolume("api-a", "disk-a");
  shop.Evicted("api-a");
  const auto asked = [&](int seconds) {
    Situation situation = shop.Drain();
    situation.moved = {{{"shop", "data-api-a"}}, shop.now - absl::Seconds(seconds)};
    return Shop::Text(shop.Ask(situation));
  };
  EXPECT_THAT(asked(5), HasSubstr("volume disk-a has to be detached from this node first"));
  shop.cluster.Detach("disk-a", "n1");
  EXPECT_THAT(asked(5), HasSubstr("no pod has taken over volume disk-a yet"));
  EXPECT_EQ(asked(90), "web-a") << "nothing is being attached";
  shop.Replicas("api", {"n3"});
  shop.EditPod("api-a", [](Pod& pod) {
    pod.uid = "successor";
    pod.claims = {"data-api-a"};
  });
  EXPECT_THAT(asked(900), HasSubstr("volume disk-a has to be attached to n3 for Pod shop/api-a"));
  shop.cluster.Put(Attachment{"disk-a", "n3", "disks"});
  EXPECT_THAT(asked(900), HasSubstr("has to be attached to n3")) << "it is only wanted there";
  shop.cluster.Put(Attachment{"disk-a", "n3", "disks", /*done=*/true});
  EXPECT_EQ(asked(5), "web-a");
}

// Nobody detaches there before the node is fenced.
TEST(DrainDecides, OnANodeThatIsNotReadyNoVolumeIsWaitedFor) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Replicas("api", {"n1", "n2"});
  shop.GiveVolume("web-a", "disk-w");
  shop.GiveVolume("api-a", "disk-a");
  shop.EditNode("n1", [](Node& node) { node.ready = false; });
  EXPECT_EQ(shop.Asked(), "api-a");
  shop.Evicted("api-a");
  EXPECT_EQ(shop.Asked(), "web-a");
}

TEST(DrainDecides, ASharedVolumeIsNotWaitedFor) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Replicas("api", {"n1", "n2"});
  shop.GiveVolume("web-a", "disk-w");
  shop.cluster.Put(Claim{.key = {"shop", "data-web-a"}, .volume = "disk-w", .shared = true});
  EXPECT_EQ(shop.Asked(), "api-a web-a");
}

TEST(DrainDecides, WhoAsksToCompleteIsWaitedForAndHoldsUpNobody) {
  Shop shop;
  shop.Lonely("import", "n1");
  shop.EditPod("import", [](Pod& pod) { pod.labels["cluster.x-k8s.io/drain"] = "Wait-Completed"; });
  shop.EditSpec("import", [](PodSpec& spec) { spec.empty_dir = true; });
  shop.Replicas("web", {"n1", "n2"});
  EXPECT_EQ(shop.Asked(), "web-a");
  shop.Evicted("web-a");
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait: 1 of 2 pods are gone"),
                                  HasSubstr("Pod shop/import: it asks to be left to")));
  Situation late = shop.Drain();
  late.started = shop.now - shop.rules.timeout;
  EXPECT_THAT(Shop::Text(shop.Ask(late)), StartsWith("DrainTimeout"));
  shop.EditPod("import", [](Pod& pod) { pod.phase = "Succeeded"; });
  EXPECT_EQ(shop.Asked(), "complete: 1 pods were evicted");
}

TEST(DrainDecides, SystemCriticalPodsAndOurselvesGoLast) {
  Shop shop;
  shop.Replicas("dns", {"n1", "n2"});
  shop.EditSpec("dns-a", [](PodSpec& s) { s.priority_class = "system-cluster-critical"; });
  shop.Replicas("remedy", {"n1", "n2"});
  shop.Replicas("web", {"n1", "n2"});
  Situation situation = shop.Drain();
  situation.own_pod_uid = "remedy-a-uid";
  EXPECT_EQ(Shop::Text(shop.Ask(situation)), "web-a");
  shop.cluster.RemovePod({"shop", "web-a"});
  EXPECT_EQ(Shop::Text(shop.Ask(situation)), "dns-a");
  shop.cluster.RemovePod({"shop", "dns-a"});
  EXPECT_EQ(Shop::Text(shop.Ask(situation)), "remedy-a");
}

TEST(DrainDecides, F31DoneOnlyWhenPodsAreGoneAndSuccessorsServe) {
  Shop shop;
  shop.Set("db", {"n1", "n2", "n3"});
  const Pod old = *shop.cluster.FindPod({"shop", "db-0"});
  shop.evicted[old.uid] = old.key;
  shop.EditPod("db-0", [&](Pod& pod) { pod.deleted = shop.now + absl::Seconds(30); });
  EXPECT_THAT(shop.Asked(), StartsWith("wait: 0 of 1 pods are gone"));
  // F7: the successor has the name of the pod that was evicted, and is none of its leftovers.
  Pod successor = old;
  successor.uid = "new";
  successor.node = "n3";
  successor.ready = false;
  shop.cluster.Put(successor);
  EXPECT_THAT(shop.Asked(), AllOf(StartsWith("wait: 1 of 1"),
                                  HasSubstr("the successor of shop/db-0 is not ready yet")));
  successor.ready = true;
  successor.ready_since = shop.now;
  shop.cluster.Put(successor);
  EXPECT_EQ(shop.Asked(), "complete: 1 pods were evicted");
}

TEST(DrainDecides, AnEmptyNodeIsWatchedForAMomentBeforeItCountsAsDrained) {
  Shop shop;
  Situation situation = shop.Drain();
  situation.started = shop.now;
  EXPECT_THAT(Shop::Text(shop.Ask(situation)), HasSubstr("comes in late"));
}

TEST(DrainDecides, APodThatDoesNotEndIsNamed) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.EditPod("web-a", [&](Pod& pod) { pod.deleted = shop.now - absl::Minutes(2); });
  EXPECT_THAT(shop.Asked(), AllOf(HasSubstr("Pod shop/web-a: it should have ended at"),
                                  HasSubstr("and has not")));
}

TEST(DrainDecides, SomebodyElseTakesTheNodeOver) {
  Shop shop;
  shop.Replicas("web", {"n1"});
  const Situation situation = shop.Drain();
  shop.EditNode("n1", [](Node& node) { node.unschedulable = false; });
  EXPECT_THAT(Shop::Text(Decide(situation, true)), StartsWith("Uncordoned: somebody"));
  EXPECT_THAT(Shop::Text(Decide(situation, false)), StartsWith("NotCordoned"));
  shop.EditNode("n1", [](Node& node) { node.uid = "other"; });
  EXPECT_THAT(Shop::Text(Decide(situation, true)), StartsWith("NodeReplaced"));
  shop.cluster.RemoveNode("n1");
  EXPECT_THAT(Shop::Text(Decide(situation, true)), StartsWith("NodeGone"));
}

TEST(DrainDecides, WhatTheServerPutOffIsTriedAgainWithGrowingPauses) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  const auto said = [&](Said what, int64_t times, absl::Duration ago,
                        std::optional<absl::Duration> after = {}) {
    shop.answers["web-a-uid"] = {
        .answer = {what, "no", after}, .at = shop.now - ago, .times = times};
  };
  said(Said::kBudget, 1, absl::Seconds(4));
  EXPECT_THAT(shop.Asked(), HasSubstr("the API server says: no"));
  said(Said::kBudget, 1, absl::Seconds(6));
  EXPECT_EQ(shop.Asked(), "web-a");
  said(Said::kBudget, 3, absl::Seconds(19));
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  said(Said::kBudget, 30, absl::Seconds(61));
  EXPECT_EQ(shop.Asked(), "web-a");
  said(Said::kOutdated, 1, absl::Seconds(9), absl::Seconds(10));
  EXPECT_THAT(shop.Asked(), StartsWith("wait:"));
  said(Said::kOutdated, 5, absl::Seconds(10), absl::Seconds(10));
  EXPECT_EQ(shop.Asked(), "web-a");
}

}  // namespace
}  // namespace kr::drain
