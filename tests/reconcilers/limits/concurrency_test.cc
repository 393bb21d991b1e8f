#include "reconcilers/limits/concurrency.h"

#include <vector>

#include <gtest/gtest.h>

#include "crds/v1alpha1/common.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using crds::IntOrPercent;

TEST(ConcurrencyTest, SlotsRoundDownAndAPercentageGivesAtLeastOne) {
  struct Case {
    const char* name;
    IntOrPercent limit;
    int64_t selected;
    int64_t want;
  };
  const Case cases[] = {
      {"a number", IntOrPercent::Count(3), 100, 3},
      {"more than there are targets", IntOrPercent::Count(3), 1, 3},
      {"a plain zero is none", IntOrPercent::Count(0), 100, 0},
      {"rounds down", IntOrPercent::Percent(10), 29, 2},
      {"at least one", IntOrPercent::Percent(10), 9, 1},
      {"zero percent is one too", IntOrPercent::Percent(0), 9, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Slots(c.limit, c.selected), c.want);
  }
}

TEST(ConcurrencyTest, TheRefusalNamesWhoHoldsTheSlots) {
  std::vector<SlotHolder> holders = {{"rem-a", "Node a"}, {"rem-b", "Node b"}};
  EXPECT_EQ(CheckConcurrency(IntOrPercent::Count(3), 100, holders), std::nullopt);
  EXPECT_EQ(MessageOf(CheckConcurrency(IntOrPercent::Count(2), 100, holders)),
            "2 of at most 2 remediations of this policy are going on: rem-a (Node a), rem-b "
            "(Node b)");
  for (const char* name : {"c", "d", "e"}) {
    holders.push_back({"rem-" + std::string(name), "Node " + std::string(name)});
  }
  EXPECT_EQ(MessageOf(CheckConcurrency(IntOrPercent::Percent(4), 100, holders)),
            "5 of at most 4 (4% of 100) remediations of this policy are going on: rem-a (Node a), "
            "rem-b (Node b), rem-c (Node c) and 2 more");
  EXPECT_EQ(MessageOf(CheckConcurrency(IntOrPercent::Count(0), 100, {})),
            "0 of at most 0 remediations of this policy are going on");
}

TEST(ConcurrencyTest, ASlotIsHeldUntilNoEffectIsOutstanding) {
  crds::Remediation remediation;
  EXPECT_TRUE(HoldsSlot(remediation)) << "made, not yet looked at";
  remediation.status.phase = crds::Phase::kHolding;
  EXPECT_TRUE(HoldsSlot(remediation));
  remediation.status.phase = crds::Phase::kFailed;
  EXPECT_FALSE(HoldsSlot(remediation));
  remediation.metadata.finalizers = {std::string(crds::kEffectsFinalizer)};
  EXPECT_TRUE(HoldsSlot(remediation)) << "a failed drain that left a cordon";
}

}  // namespace
}  // namespace kr::limits
