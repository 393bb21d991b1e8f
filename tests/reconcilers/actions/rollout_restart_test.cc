#include "reconcilers/actions/rollout_restart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

json Workload(const std::string& changes = "{}") {
  json object = json::parse(R"({
    "metadata": {"name": "web", "uid": "u1", "generation": 4, "resourceVersion": "7"},
    "spec": {"replicas": 3, "template": {}},
    "status": {"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3,
               "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}})");
  ApplyMerge(object, json::parse(changes));
  return object;
}

std::string Asked(const std::string& kind, const std::string& plural, const json& live,
                  const json& memo = nullptr) {
  auto action = *MakeRolloutRestart({}, {}, "p");
  Observed observed = Seeing(live);
  observed.ref = {{{"apps", "v1", kind}, plural, true}, {"shop", "web"}, "u1"};
  return Text(action->Ask(memo, observed));
}

TEST(RolloutRestart, OnlyWhenItMeansSomething) {
  struct Case {
    const char *name, *kind, *changes, *answer;
  };
  const Case cases[] = {
      {"sick pods are no rollout", "Deployment", R"({"status": {"readyReplicas": 0}})", "Write"},
      {"of a deployment", "Deployment", R"({"status": {"updatedReplicas": 1}})",
       "Failed RolloutInProgress: a rollout of Deployment shop/web is under way: 1 of 3 pods are "
       "of "
       "the newest template"},
      {"old pods are still there", "Deployment", R"({"status": {"replicas": 4}})",
       "Failed RolloutInProgress: a rollout of Deployment shop/web is under way: 3 of 4 pods are "
       "of "
       "the newest template"},
      {"not looked at", "DaemonSet", R"({"metadata": {"generation": 5}})",
       "Failed RolloutInProgress: a rollout of DaemonSet shop/web is under way: its controller has "
       "not looked at the last change yet"},
      {"of a daemon set", "DaemonSet", R"({"status": {"updatedNumberScheduled": 2}})",
       "Failed RolloutInProgress: a rollout of DaemonSet shop/web is under way: 2 of 3 pods are of "
       "the newest template"},
      {"of a stateful set", "StatefulSet",
       R"({"status": {"updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}})",
       "Failed RolloutInProgress: a rollout of StatefulSet shop/web is under way: 1 of 3 pods are "
       "of "
       "the newest template"},
      {"as far as the partition", "StatefulSet",
       R"({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
           "status": {"updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}})",
       "Write"},
      {"paused", "Deployment", R"({"spec": {"paused": true}})",
       "Failed RolloutPaused: the rollout of Deployment shop/web is paused"},
      {"nobody would replace a pod", "StatefulSet",
       R"({"spec": {"updateStrategy": {"type": "OnDelete"}}})",
       "Failed OnDelete: StatefulSet shop/web replaces a pod only when somebody deletes it "
       "(strategy "
       "OnDelete); use deletePod"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Asked(c.kind, "x", Workload(c.changes)), c.answer);
  }
}

TEST(RolloutRestart, OnceAcrossACrash) {
  auto action = *MakeRolloutRestart({}, {}, "p");
  FakeObject server(Workload());
  const Outcome once = Drive(*action, server, Seeing(std::nullopt));
  ASSERT_EQ(KindOf(once.last), "Failed") << "another UID was meant";
  Observed observed = Seeing(std::nullopt);
  observed.ref.uid = "u1";
  const Outcome first = Drive(*action, server, observed);
  EXPECT_EQ(KindOf(first.last), "Done");
  observed.now = At(60);
  EXPECT_EQ(KindOf(Drive(*action, server, observed, first.memo).last), "Done");
  EXPECT_EQ(server.writes(), 1);
}

}  // namespace
}  // namespace kr::actions
