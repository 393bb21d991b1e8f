// Drains by the whole controller, with everybody around them playing their part.
#include <functional>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/workloads.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Drain : public ::testing::Test {
 protected:
  // Nodes n1 to n`nodes`, with one of every kind of owner.
  void Populate(int nodes = 6) {
    for (int i = 1; i <= nodes; ++i) world.Node("n" + std::to_string(i));
    world.StatefulSet("db", 3, /*parallel=*/false, {"n1", "n2", "n3"});
    world.StatefulSet("mq", 3, /*parallel=*/true, {"n1", "n1", "n2"});
    world.StatefulSet("free", 3, /*parallel=*/false, {"n2", "n1", "n1"});
    world.Budget("db", 1);
    world.ReplicaSet("web", 8);
    world.ReplicaSet("api", 4, {"n1"});
    world.Live(absl::Seconds(4));
    world.Start();
    world.evictions.clear();
  }
  void Begin(const std::string& node) {
    world.Cordon(node);
    world.Sick(node);
  }
  size_t WritesTo(const std::string& part) const {
    size_t count = 0;
    for (const FakeApi::Request& write : world.api.writes()) {
      count += write.target.find(part) != std::string::npos;
    }
    return count;
  }

  Workloads world;
};

TEST_F(Drain, MovesEverythingAndHurtsNobody) {
  Populate();
  world.Policy(DrainSpec());
  Begin("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding");
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty()) << world.Message("n1");
  EXPECT_THAT(world.hurt, IsEmpty());
  const json step = world.Of("n1")["status"]["steps"][0];
  EXPECT_EQ(step["state"], "Succeeded") << step;
  EXPECT_THAT(step.value("message", ""), StartsWith("drained: "));
  EXPECT_EQ(step["memo"]["result"], "Complete");
}

TEST_F(Drain, ThePlanIsThereBeforeTheFirstEviction) {
  Populate();
  world.Policy(DrainSpec());
  std::vector<std::string> at_first;
  world.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/eviction") != std::string::npos && at_first.empty()) {
      const json seen = world.Of("n1");
      for (const json& line : seen["status"]["plan"]) {
        if (line.contains("object") && line["object"]["kind"] == "Pod") {
          at_first.push_back(line["object"]["name"].get<std::string>() + ": " +
                             line.value("text", "") + "; " + line.value("message", ""));
        }
      }
    }
    return FakeApi::Fault::kNone;
  };
  Begin("n1");
  world.Live(absl::Seconds(3));
  EXPECT_THAT(at_first, Contains(StartsWith("db-0: evict; could go to n2, n3, n4 or others")));
  EXPECT_THAT(at_first, SizeIs(9));
}

TEST_F(Drain, WhatItDoesIsNotCalledAWait) {
  Populate();
  world.Policy(DrainSpec());
  std::set<std::string> reasons;
  world.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/eviction") != std::string::npos) {
      reasons.insert(world.Of("n1")["status"].value("reason", ""));
    }
    return FakeApi::Fault::kNone;
  };
  Begin("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding");
  EXPECT_THAT(reasons, ElementsAre("Running"));
}

TEST_F(Drain, TwoNodesAtOnceNeverTakeTwoOfASet) {
  Populate();
  world.Policy(DrainSpec());
  Begin("n1");
  Begin("n2");
  world.AwaitEnd("n1");
  world.AwaitEnd("n2");
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty()) << world.Message("n1");
  EXPECT_THAT(world.PodsOn("n2"), IsEmpty()) << world.Message("n2");
  EXPECT_THAT(world.hurt, IsEmpty());
}

TEST_F(Drain, OpposingDrainsMakeProgress) {
  Populate(4);
  // Each node has a member of each set; three drains want them in another order.
  world.Policy(DrainSpec());
  for (const char* node : {"n1", "n2", "n3"}) Begin(node);
  for (const char* node : {"n1", "n2", "n3"}) {
    world.AwaitEnd(node);
    EXPECT_THAT(world.PodsOn(node), IsEmpty()) << world.Message(node);
  }
  EXPECT_THAT(world.hurt, IsEmpty());
}

TEST_F(Drain, ABudgetThatAllowsNothingHoldsUpItsPodOnlyAndIsNamed) {
  Populate();
  world.Budget("db", 0);
  world.Live(absl::Seconds(1));
  world.Policy(DrainSpec({{"timeout", "10m"}}));
  Begin("n1");
  world.Live(absl::Minutes(2));
  EXPECT_THAT(world.PodsOn("n1"), ElementsAre("db-0"));
  EXPECT_THAT(world.Message("n1"),
              AllOf(HasSubstr("Pod shop/db-0"), HasSubstr("PodDisruptionBudget shop/db"),
                    HasSubstr("never allows a disruption")));
  EXPECT_THAT(world.told, Contains(AllOf(StartsWith("DrainBlocked"), HasSubstr("shop/db-0"))));
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  EXPECT_THAT(world.PodsOn("n1"), ElementsAre("db-0")) << "never bypassed";
  EXPECT_THAT(world.Of("n1")["status"]["steps"][0].value("message", ""),
              StartsWith("DrainTimeout: after 10m"));
}

// A drain of n1, with pods of a set and of a ReplicaSet on it, and something that happens at one of
// its writes.
class DisturbedDrain {
 public:
  using Disturb = std::function<FakeApi::Fault(Workloads&)>;
  DisturbedDrain(size_t at, const Disturb& disturb) {
    for (int i = 1; i <= 4; ++i) w.Node("n" + std::to_string(i));
    w.StatefulSet("db", 3, false, {"n1", "n1", "n2"});
    w.ReplicaSet("api", 4, {"n1", "n2"});
    w.Live(absl::Seconds(4));
    w.Start();
    w.Policy(DrainSpec());
    w.evictions.clear();
    w.api.fault = [this, at, disturb](const FakeApi::Request& request) {
      const bool ours = request.target.find("/remediations") != std::string::npos ||
                        request.target.find("/eviction") != std::string::npos;
      if (!ours || writes++ != at) return FakeApi::Fault::kNone;
      disturbed = true;
      return disturb(w);
    };
    w.Cordon("n1");
    w.Sick("n1");
    for (int i = 0; i < 200 && !disturbed; ++i) w.Live(absl::Milliseconds(200));
  }

  Workloads w;
  size_t writes = 0;
  bool disturbed = false;
};

TEST_F(Drain, CrashBetweenEveryTwoWritesEndsTheSame) {
  // How many writes there are is seen in the first run.
  for (size_t at = 0, writes = 1; at <= writes; ++at) {
    for (const FakeApi::Fault fault : {FakeApi::Fault::kLostBefore, FakeApi::Fault::kLostAfter}) {
      DisturbedDrain drain(at, [fault](Workloads&) { return fault; });
      Workloads& w = drain.w;
      if (drain.disturbed) w.Restart();
      w.AwaitEnd("n1");
      EXPECT_THAT(w.PodsOn("n1"), IsEmpty()) << at << ": " << w.Message("n1");
      EXPECT_THAT(w.hurt, IsEmpty()) << at;
      writes = std::max(writes, drain.writes);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST_F(Drain, ASetClockEvictsNobodyTwice) {
  for (size_t at = 0, writes = 1; at <= writes; ++at) {
    for (const absl::Duration jump : {absl::Hours(3), -absl::Minutes(5)}) {
      DisturbedDrain drain(at, [jump](Workloads& w) {
        w.clock.JumpWall(jump);
        return FakeApi::Fault::kNone;
      });
      Workloads& w = drain.w;
      const std::string end = w.AwaitEnd("n1", absl::Hours(1));
      EXPECT_THAT(w.hurt, IsEmpty()) << at << " " << jump;
      EXPECT_THAT(w.evictions, Each(Pair(_, 1))) << at << " " << jump;
      if (end == "Failed") {  // the time of the drain is over at once
        EXPECT_GT(jump, absl::Minutes(5));
        EXPECT_THAT(w.Message("n1"), HasSubstr("DrainTimeout"));
      } else {
        EXPECT_THAT(w.PodsOn("n1"), IsEmpty()) << at << " " << jump << ": " << end;
      }
      writes = std::max(writes, drain.writes);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST_F(Drain, SetLockSurvivesFailoverMidEviction) {
  for (const FakeApi::Fault fault : {FakeApi::Fault::kLostBefore, FakeApi::Fault::kLostAfter}) {
    Workloads w;
    for (int i = 1; i <= 4; ++i) w.Node("n" + std::to_string(i));
    w.StatefulSet("db", 3, /*parallel=*/true, {"n1", "n2", "n3"});
    w.Live(absl::Seconds(4));
    w.Start();
    w.Policy(DrainSpec());
    w.evictions.clear();
    bool crash = false;
    w.api.fault = [&](const FakeApi::Request& request) {
      if (crash || request.target.find("/eviction") == std::string::npos) {
        return FakeApi::Fault::kNone;
      }
      crash = true;
      return fault;
    };
    w.pods_start = false;  // the successor is not ready for long
    for (const char* node : {"n1", "n2"}) {
      w.Cordon(node);
      w.Sick(node);
    }
    for (int i = 0; i < 100 && !crash; ++i) w.Live(absl::Milliseconds(200));
    ASSERT_TRUE(crash);
    w.Restart();
    w.Live(absl::Minutes(2));
    EXPECT_THAT(w.evictions, SizeIs(1));
    w.pods_start = true;
    w.AwaitEnd("n1");
    w.AwaitEnd("n2");
    EXPECT_THAT(w.evictions, SizeIs(2));
    EXPECT_THAT(w.hurt, IsEmpty());
  }
}

TEST_F(Drain, ALostAnswerIsSettledByLookingNotByAskingAgain) {
  Populate();
  world.Policy(DrainSpec());
  int lost = 0;
  world.api.fault = [&](const FakeApi::Request& request) {
    const bool evicts = request.target.find("/eviction") != std::string::npos;
    return evicts && lost++ < 3 ? FakeApi::Fault::kLostAfter : FakeApi::Fault::kNone;
  };
  Begin("n1");
  world.AwaitEnd("n1");
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty()) << world.Message("n1");
  EXPECT_THAT(world.hurt, IsEmpty());
}

TEST_F(Drain, F5AFailedDrainIsNoDeadEnd) {
  Populate();
  world.Budget("db", 0);
  world.Policy(DrainSpec({{"timeout", "30s"}}));
  Begin("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  world.Budget("db", 1);
  for (int i = 0; i < 300 && !world.PodsOn("n1").empty(); ++i) world.Live(absl::Seconds(1));
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty()) << world.Message("n1");
  EXPECT_THAT(world.Remediations(), SizeIs(2));
}

TEST_F(Drain, OnTimeoutAbortTakesTheCordonBackAndKeepCordonedDoesNot) {
  for (const bool abort : {false, true}) {
    Workloads w;
    for (const char* node : {"n1", "n2"}) w.Node(node);
    w.ReplicaSet("web", 1, {"n1"});
    w.Budget("web", 0);
    w.Live(absl::Seconds(3));
    w.Start();
    json drain = {{"timeout", "20s"}};
    if (abort) drain["onTimeout"] = "Abort";
    json spec = DrainSpec();
    spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}, {{"drain", drain}}};
    spec["remedies"][0].erase("matchConditions");
    w.Policy(spec);
    // Not by Edit: then its fields would be somebody else's, and so would our cordon.
    json node = w.Get("nodes", "/n1");
    node["metadata"]["annotations"]["sick"] = "yes";
    w.server.Put("nodes", node);
    EXPECT_EQ(w.AwaitEnd("n1"), "Failed");
    EXPECT_EQ(w.server.Objects("nodes").at("/n1")["spec"].value("unschedulable", false), !abort)
        << w.Message("n1");
  }
}

TEST_F(Drain, FailedDrainsDoNotCordonFleet) {
  constexpr int kNodes = 8;
  for (int i = 1; i <= kNodes; ++i) {
    const std::string node = "n" + std::to_string(i);
    world.Node(node);
    world.ReplicaSet("on-" + node, 1, {node});
    world.Budget("on-" + node, 0);
  }
  world.Live(absl::Seconds(3));
  world.Start();
  json spec = DrainSpec({{"timeout", "20s"}});
  spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}, {{"drain", {{"timeout", "20s"}}}}};
  spec["remedies"][0].erase("matchConditions");
  spec["limits"]["maxConcurrent"] = 2;
  world.Policy(spec);
  for (int i = 1; i < kNodes; ++i) world.Sick("n" + std::to_string(i));
  size_t most = 0, failed = 0;
  for (int i = 0; i < 60; ++i) {
    world.Live(absl::Seconds(2));
    size_t cordoned = 0;
    for (const auto& [key, node] : world.server.Objects("nodes")) {
      cordoned += node["spec"].value("unschedulable", false);
    }
    most = std::max(most, cordoned);
  }
  for (const json& remediation : world.Remediations()) {
    failed += remediation["status"].value("phase", "") == "Failed";
  }
  EXPECT_EQ(most, 2u);
  EXPECT_GT(failed, 0u);
}

// A set that is not whole keeps waiting whoever wants to evict a member of it.
class HeldUpBySet : public Drain {
 protected:
  HeldUpBySet() {
    for (const char* node : {"n1", "n2", "n3", "n4"}) world.Node(node);
    world.pods_start = false;
    world.StatefulSet("db", 3, /*parallel=*/true, {"n1", "n2", "n3"});
    world.Live(absl::Seconds(3));
    world.Start();
    json spec = DrainSpec();
    spec["remedies"][0].erase("matchConditions");
    spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}, {{"drain", {{"timeout", "1h"}}}}};
    world.Policy(spec);
    world.Sick("n1");
    world.Live(absl::Seconds(2));
    json node = world.Get("nodes", "/n1");
    node["metadata"]["managedFields"] = {
        {{"manager", "kube-remedy"},
         {"operation", "Update"},
         {"fieldsV1", {{"f:spec", {{"f:unschedulable", json::object()}}}}}}};
    world.server.Put("nodes", node);
  }
  bool cordoned() const { return world.Get("nodes", "/n1")["spec"].value("unschedulable", false); }
};

// Nobody is served by a cordon that only waits.
TEST_F(HeldUpBySet, AfterFiveMinutesTheNodeIsGivenBackForAWhile) {
  world.Live(absl::Minutes(4));
  EXPECT_TRUE(cordoned());
  EXPECT_THAT(world.Message("n1"), HasSubstr("StatefulSet shop/db is not whole"));
  world.Live(absl::Seconds(70));
  EXPECT_FALSE(cordoned());
  EXPECT_EQ(world.Of("n1")["status"]["phase"], "Pending");
  EXPECT_EQ(world.Of("n1")["status"]["reason"], "TargetBusy");
  EXPECT_THAT(world.Message("n1"),
              HasSubstr("gives the node back and queues again, after 5m without an eviction: "));
  world.pods_start = true;
  world.Live(absl::Minutes(4));
  EXPECT_FALSE(cordoned());
  world.Live(absl::Minutes(2));
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding");
  EXPECT_TRUE(cordoned());
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty()) << world.Message("n1");
  EXPECT_EQ(world.Of("n1")["status"]["remedies"][0]["attempt"], 1) << "waiting is no attempt";
}

TEST_F(HeldUpBySet, AnotherObstacleDoesNotBeginTheWaitAnew) {
  world.Live(absl::Minutes(2));
  EXPECT_THAT(world.Message("n1"), HasSubstr("StatefulSet shop/db is not whole"));
  for (const auto& [key, pod] : world.server.Objects("pods")) {
    json large = pod;
    large["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "49";
    world.server.Put("pods", large);
  }
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.Message("n1"), HasSubstr("the other nodes lack"));
  world.Restart();
  world.Live(absl::Minutes(1));
  EXPECT_TRUE(cordoned());
  world.Live(absl::Seconds(70));
  EXPECT_FALSE(cordoned()) << world.Message("n1");
  EXPECT_EQ(world.Of("n1")["status"]["reason"], "TargetBusy");
}

TEST_F(HeldUpBySet, ThePlanIsShownBeforeThereIsAnEviction) {
  world.Live(absl::Seconds(30));
  const json remediation = world.Of("n1");
  std::string line;
  for (const json& planned : remediation["status"]["plan"]) {
    if (planned.contains("object") && planned["object"]["name"] == "db-0") {
      line += planned.value("text", "") + "; " + planned.value("message", "");
    }
  }
  EXPECT_THAT(line, AllOf(StartsWith("evict; could go to "),
                          HasSubstr("blocked: StatefulSet shop/db is not whole")));
}

TEST_F(HeldUpBySet, WhatRecoversWhileItIsQueuedIsLeftAlone) {
  world.Live(absl::Minutes(6));
  world.Restart();
  EXPECT_FALSE(cordoned()) << "the next process waits as long";
  world.Sick("n1", false);
  world.Live(absl::Seconds(5));
  EXPECT_EQ(world.Of("n1")["status"]["phase"], "Cancelled");
  EXPECT_EQ(world.Of("n1")["status"]["reason"], "SymptomGone");
  EXPECT_FALSE(cordoned());
  EXPECT_THAT(world.evictions, IsEmpty());
}

// A node that cannot be emptied is more room than none.
TEST_F(Drain, ADrainWithoutRoomGivesTheNodeBackAsWell) {
  for (const char* node : {"n1", "n2"}) world.Node(node);
  world.ReplicaSet("web", 2, {"n1", "n2"});
  world.Live(absl::Seconds(4));
  for (const auto& [key, pod] : world.server.Objects("pods")) {
    json large = pod;
    large["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "9";
    world.server.Put("pods", large);
  }
  world.Start();
  json spec = DrainSpec();
  spec["remedies"][0].erase("matchConditions");
  spec["remedies"][0]["steps"] = {{{"cordon", json::object()}}, {{"drain", {{"timeout", "1h"}}}}};
  world.Policy(spec);
  world.Sick("n1");
  world.Live(absl::Minutes(4));
  EXPECT_TRUE(world.Get("nodes", "/n1")["spec"].value("unschedulable", false));
  EXPECT_THAT(world.Message("n1"), HasSubstr("the other nodes lack 2 cpu"));
  world.Live(absl::Seconds(80));
  EXPECT_EQ(world.Of("n1")["status"]["reason"], "TargetBusy") << world.Message("n1");
  EXPECT_THAT(world.Message("n1"), HasSubstr("gives the node back and queues again"));
  EXPECT_THAT(world.evictions, IsEmpty());
}

TEST_F(Drain, SomebodyWhoUncordonsInTheMiddleEndsIt) {
  Populate();
  world.Budget("db", 0);
  world.Policy(DrainSpec());
  Begin("n1");
  world.Live(absl::Seconds(20));
  world.Cordon("n1", false);
  world.Live(absl::Seconds(2));
  EXPECT_EQ(world.Of("n1")["status"]["phase"], "Cancelled");
  EXPECT_EQ(world.Of("n1")["status"]["reason"], "Uncordoned");
  EXPECT_THAT(world.Message("n1"), HasSubstr("somebody uncordoned Node n1"));
}

TEST_F(Drain, ANodeThatIsNotReadyIsDrainedOfWhatStartsElsewhere) {
  Populate();
  world.Ready("n1", false);
  world.Policy(DrainSpec());
  Begin("n1");
  world.AwaitEnd("n1");
  EXPECT_THAT(world.PodsOn("n1"), ElementsAre("db-0", "free-1", "free-2", "mq-0", "mq-1"));
  const json step = world.Of("n1")["status"]["steps"][0];
  EXPECT_THAT(step.value("message", ""), StartsWith("partly drained: "));
  EXPECT_EQ(step["memo"]["result"], "Partial");
}

TEST_F(Drain, ObserveShowsEachPodAndWritesNothing) {
  Populate();
  json spec = DrainSpec();
  spec["mode"] = "Observe";
  world.Policy(spec);
  world.Sick("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Observed");
  EXPECT_EQ(WritesTo("/eviction"), 0u);
  std::vector<std::string> lines;
  const json seen = world.Of("n1");
  for (const json& line : seen["status"]["plan"]) {
    lines.push_back(line["object"].value("name", "") + ": " + line.value("text", ""));
  }
  EXPECT_THAT(lines, AllOf(Contains("db-0: evict"), Contains("mq-1: evict")));
}

TEST_F(Drain, NothingIsWatchedForDrainsWhileNobodyDrains) {
  Populate();
  world.Policy(DrainSpec());
  world.Live(absl::Seconds(5));
  const int idle = world.server.watches + world.server.streaming_lists;
  Begin("n1");
  world.AwaitEnd("n1");
  EXPECT_GE(world.server.watches + world.server.streaming_lists, idle + 5);
}

TEST_F(Drain, CallsPerPodStayWithinTwo) {
  for (int i = 1; i <= 4; ++i) world.Node("n" + std::to_string(i));
  for (int i = 0; i < 15; ++i) world.ReplicaSet("w" + std::to_string(i), 1, {"n1"});
  world.Live(absl::Seconds(3));
  world.Start();
  world.Policy(DrainSpec());
  const size_t before = world.api.writes().size();
  Begin("n1");
  world.Live(absl::Seconds(20));
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty());
  EXPECT_LE(world.api.writes().size() - before, 30u);
}

}  // namespace
}  // namespace kr::remediation
