#include "reconcilers/limits/ledger.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

crds::ObjectReference Node(const std::string& name, const std::string& uid = "") {
  return {.api_version = "v1", .kind = "Node", .name = name, .uid = uid};
}

Ledger::Holder Holding(const std::string& remediation, const std::string& policy,
                       const crds::ObjectReference& target) {
  return {remediation, policy, policy + "-uid", target};
}

TEST(LedgerTest, ATargetIsItsRemediationsAlone) {
  Ledger ledger;
  ledger.Hold(Holding("r1", "reboot", Node("a", "u1")));
  EXPECT_EQ(ledger.OtherHolder(Node("a"), "r1"), nullptr) << "its own";
  const Ledger::Holder* other = ledger.OtherHolder(Node("a", "u2"), "r2");
  ASSERT_NE(other, nullptr) << "also after it registered again";
  EXPECT_EQ(other->remediation, "r1");
  EXPECT_EQ(ledger.OtherHolder(Node("b"), "r2"), nullptr);
  ledger.Release("r1");
  EXPECT_EQ(ledger.OtherHolder(Node("a"), "r2"), nullptr);
}

TEST(LedgerTest, LocksAreRefusedWithTheObjectAndItsHolder) {
  Ledger ledger;
  ledger.Hold(Holding("r1", "reboot", Node("a")), std::vector{Calico()});
  const std::vector wanted{Node("b"), Calico()};
  EXPECT_EQ(MessageOf(ledger.CheckLocks("r2", wanted)),
            "DaemonSet kube-system/calico-node is being remediated by policy reboot (Remediation "
            "r1)");
  EXPECT_EQ(NameOf(ledger.CheckLocks("r2", wanted)), "TargetBusy");
  EXPECT_EQ(ledger.CheckLocks("r1", wanted), std::nullopt);
  ledger.Release("r1");
  EXPECT_EQ(ledger.CheckLocks("r2", wanted), std::nullopt);
}

TEST(LedgerTest, AnotherVersionOfTheApiIsTheSameObject) {
  Ledger ledger;
  crds::ObjectReference beta = Calico();
  beta.api_version = "apps/v1beta1";
  ledger.Hold(Holding("r1", "p", Calico()));
  EXPECT_NE(ledger.OtherHolder(beta, ""), nullptr);
  beta.api_version = "extensions/v1beta1";
  EXPECT_EQ(ledger.OtherHolder(beta, ""), nullptr);
}

// The watch delivers a state from before the locks were taken: they stay.
TEST(LedgerTest, AnOlderStateTakesNothingBack) {
  Ledger ledger;
  ledger.Hold(Holding("r1", "p", Node("a")), std::vector{Calico()});
  ledger.Hold(Holding("r1", "p", Node("a")));
  EXPECT_NE(ledger.OtherHolder(Calico(), "r2"), nullptr);
  EXPECT_EQ(ledger.SlotsOf("p-uid").size(), 1u);
}

// Two open ones on one object should not be; an older version or a person may have left them.
TEST(LedgerTest, TheLastOfTwoHoldersFreesAnObject) {
  Ledger ledger;
  ledger.Hold(Holding("r1", "p", Node("a")));
  ledger.Hold(Holding("r2", "q", Node("a")));
  ledger.Release("r1");
  EXPECT_EQ(ledger.OtherHolder(Node("a"), "")->remediation, "r2");
  ledger.Release("r2");
  EXPECT_EQ(ledger.OtherHolder(Node("a"), ""), nullptr);
}

TEST(LedgerTest, SlotsAreCountedByPolicy) {
  Ledger ledger;
  ledger.Hold(Holding("r1", "p", Node("a")), std::vector{Calico()});
  ledger.Hold(Holding("r2", "p", Node("b")));
  ledger.Hold(Holding("r3", "q", Node("c")));
  const std::vector<SlotHolder> slots = ledger.SlotsOf("p-uid");
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].remediation, "r1");
  EXPECT_EQ(slots[1].target, "Node b");
  int objects = 0;
  ledger.ForEach([&](const crds::ObjectReference&, const Ledger::Holder&) { ++objects; });
  EXPECT_EQ(objects, 4);
  ledger.Clear();
  EXPECT_TRUE(ledger.SlotsOf("p-uid").empty());
}

}  // namespace
}  // namespace kr::limits
