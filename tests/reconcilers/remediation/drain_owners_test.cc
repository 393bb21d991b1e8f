// Drains of pods whose owners do not make new ones: what nobody replaces, no drain takes twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/workloads.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DrainOwners : public ::testing::Test {
 protected:
  DrainOwners() {
    for (int i = 1; i <= 4; ++i) world.Node("n" + std::to_string(i));
  }
  // The drain of n1.
  void Begin() {
    world.Live(absl::Seconds(4));
    world.Policy(DrainSpec({{"timeout", "3h"}}));
    world.Start();
    Drain("n1");
  }
  void Drain(const std::string& node) {
    world.Cordon(node);
    world.Sick(node);
  }

  Workloads world;
};

TEST_F(DrainOwners, NoQuorumIsLostWhileAnOperatorIsDown) {
  world.Operated("kafka", 3, {"n1", "n1", "n2"});
  world.owners_make_pods = false;
  Begin();
  world.Live(absl::Minutes(6));
  ASSERT_THAT(world.evicted, ElementsAre("kafka-1")) << world.Message("n1");
  EXPECT_THAT(world.Message("n1"), HasSubstr("kafka has 1 of 3 away"));
  world.Restart();
  Drain("n2");
  world.Live(absl::Minutes(7));
  EXPECT_THAT(world.evicted, SizeIs(1)) << "the next leader knows it, too";
  EXPECT_THAT(world.Message("n2"), HasSubstr("kafka has 1 of 3 away"));
  world.owners_make_pods = true;
  EXPECT_EQ(world.AwaitEnd("n1"), "Holding") << world.Message("n1");
  EXPECT_EQ(world.AwaitEnd("n2"), "Holding") << world.Message("n2");
  EXPECT_THAT(world.PodsOn("n1"), IsEmpty());
  EXPECT_THAT(world.hurt, IsEmpty());
}

// Its operator is still down when the next node is drained.
TEST_F(DrainOwners, WhatAnEndedDrainHasTakenIsMissedByTheNextLeader) {
  world.Operated("kafka", 3, {"n1", "n3", "n2"});
  world.owners_make_pods = false;
  world.Live(absl::Seconds(4));
  world.Policy(DrainSpec({{"timeout", "2m"}}));
  world.Start();
  Drain("n1");
  EXPECT_EQ(world.AwaitEnd("n1"), "Failed");
  EXPECT_THAT(world.Message("n1"), HasSubstr("1 of 1 pods are gone; StrimziPodSet shop/kafka"));
  world.Restart();
  Drain("n2");
  world.Live(absl::Seconds(100));
  EXPECT_THAT(world.Message("n2"), HasSubstr("kafka has 1 of 3 away"));
  EXPECT_THAT(world.evicted, ElementsAre("kafka-0"));
}

// A quota, or a webhook that is down.
TEST_F(DrainOwners, AReplicaSetThatCannotMakePodsIsNotDrainedToNothing) {
  world.ReplicaSet("web", 4, {"n1"});
  world.owners_make_pods = false;
  Begin();
  world.Live(absl::Minutes(12));
  EXPECT_THAT(world.evicted, SizeIs(1)) << "25 %";
  EXPECT_THAT(world.Message("n1"), HasSubstr("ReplicaSet shop/web has 1 of 4 away"));
  EXPECT_GT(world.api.reads["replicasets"], 0);
  EXPECT_LT(world.api.reads["replicasets"], 30) << "not polled";
  world.Restart();
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.evicted, SizeIs(1));
  world.Scale("web", 3);  // it was not wanted any more
  world.Live(absl::Minutes(1));
  EXPECT_THAT(world.evicted, SizeIs(2));
}

}  // namespace
}  // namespace kr::remediation
