#include "reconcilers/limits/budget.h"

#include <vector>

#include <gtest/gtest.h>

#include "reconcilers/limits/ledger.h"
#include "reconcilers/limits/priority.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using crds::IntOrPercent;

crds::ObjectReference Node(const std::string& name) {
  return {.api_version = "v1", .kind = "Node", .name = name};
}

void Take(BudgetRoom& room, const std::string& node, const std::string& remediation) {
  room.held[LockKey(Node(node))] = {Node(node), remediation, remediation.empty() ? "" : "reboot"};
}

BudgetRoom Nodes(IntOrPercent limit, int64_t matching) {
  return {.name = "budget nodes", .max_concurrent = limit, .matching = matching};
}

TEST(BudgetTest, SaysWhoHoldsIt) {
  BudgetRoom room = Nodes(IntOrPercent::Percent(20), 10);
  const std::vector wanted{Node("c")};
  EXPECT_EQ(CheckBudget(room, wanted), std::nullopt);
  Take(room, "a", "reboot-a-1");
  EXPECT_EQ(CheckBudget(room, wanted), std::nullopt);
  Take(room, "b", "");
  EXPECT_EQ(NameOf(CheckBudget(room, wanted)), "BudgetExhausted");
  EXPECT_EQ(MessageOf(CheckBudget(room, wanted)),
            "budget nodes allows 2 (20% of 10) at a time, and 2 are taken: Node a (Remediation "
            "reboot-a-1 of policy reboot), Node b (out of service)");
}

// A node counts once: to work on one that is out of service already takes no other one away.
TEST(BudgetTest, WhatIsHeldTakesNothingMore) {
  BudgetRoom room = Nodes(IntOrPercent::Count(1), 10);
  Take(room, "a", "");
  EXPECT_EQ(CheckBudget(room, std::vector{Node("a")}), std::nullopt);
  Take(room, "b", "");
  EXPECT_EQ(NameOf(CheckBudget(room, std::vector{Node("a")})), "BudgetExhausted")
      << "but too much is too much";
}

TEST(BudgetTest, AllObjectsOfARungFitOrNone) {
  const BudgetRoom room = Nodes(IntOrPercent::Count(2), 10);
  EXPECT_EQ(CheckBudget(room, std::vector{Node("a"), Node("b"), Node("a")}), std::nullopt);
  EXPECT_EQ(MessageOf(CheckBudget(room, std::vector{Node("a"), Node("b"), Node("c")})),
            "budget nodes allows 2 at a time, and 0 are taken, 3 more are needed");
}

TEST(BudgetTest, AShareIsAtLeastOneAndZeroIsNothing) {
  EXPECT_EQ(Nodes(IntOrPercent::Percent(10), 3).Allowed(), 1);
  EXPECT_EQ(Nodes(IntOrPercent::Percent(10), 30).Allowed(), 3);
  EXPECT_EQ(Nodes(IntOrPercent::Count(0), 30).Allowed(), 0);
  EXPECT_EQ(BudgetRoom().Allowed(), std::nullopt);
  EXPECT_EQ(NameOf(CheckBudget(Nodes(IntOrPercent::Count(0), 3), std::vector{Node("a")})),
            "BudgetExhausted");
}

TEST(BudgetTest, TooManySickObjectsStopAllPolicies) {
  BudgetRoom room{.name = "budget shop",
                  .max_unhealthy = IntOrPercent::Percent(20),
                  .matching = 10,
                  .unhealthy = 2};
  EXPECT_EQ(CheckBudget(room, std::vector{Node("a")}), std::nullopt);
  room.unhealthy = 3;
  EXPECT_EQ(MessageOf(CheckBudget(room, std::vector{Node("a")})),
            "budget shop: 3 objects are sick, at most 2 (20% of 10) may be");
  room.matching = room.unhealthy = 1;
  EXPECT_EQ(CheckBudget(room, std::vector{Node("a")}), std::nullopt) << "one alone is no storm";
}

TEST(PriorityTest, WaitingCounts) {
  EXPECT_EQ(EffectivePriority(5, absl::Minutes(9), absl::Minutes(10)), 5);
  EXPECT_EQ(EffectivePriority(5, absl::Minutes(25), absl::Minutes(10)), 7);
  EXPECT_EQ(EffectivePriority(-3, absl::Hours(1), absl::Minutes(10)), 3);
  EXPECT_EQ(EffectivePriority(1, absl::Hours(1), absl::ZeroDuration()), 1);
}

}  // namespace
}  // namespace kr::limits
