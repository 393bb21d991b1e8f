#include "controller/document/plan.h"

#include <gtest/gtest.h>

#include "controller/document/pools.h"
#include "tests/support/documents.h"

namespace kr::document {
namespace {

TEST(SharingGainTest, GivesUpWhatIsHopelessAfterAGlance) {
  SharingGain gain;
  for (uint32_t i = 1; i < SharingGain::kGlance; ++i) {
    gain.Count(i % 20 == 0, 1'000);
    EXPECT_TRUE(gain.worthwhile());
  }
  gain.Count(false, 1'000);
  EXPECT_FALSE(gain.worthwhile());
}

TEST(SharingGainTest, APatientPlaceGetsTheWholeTrial) {
  SharingGain gain(true);
  for (uint32_t i = 0; i < SharingGain::kTrial; ++i) {
    EXPECT_TRUE(gain.worthwhile());
    EXPECT_FALSE(gain.settled());
    // Every other one is new at first, none later.
    gain.Count(i > SharingGain::kTrial / 2, 100);
  }
  EXPECT_TRUE(gain.worthwhile());
  EXPECT_TRUE(gain.settled());
}

TEST(SharingGainTest, SmallSubtreesMustComeBackMoreOften) {
  const struct {
    size_t bytes;
    bool worthwhile;
  } cases[] = {{16, false}, {48, false}, {52, true}, {200, true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.bytes);
    SharingGain gain;
    for (uint32_t i = 0; i < SharingGain::kTrial; ++i) gain.Count(i % 2 == 0, c.bytes);
    EXPECT_EQ(gain.worthwhile(), c.worthwhile);
  }
}

TEST(PlanTest, FindsKeysInAnyOrderAndSkipsWhatIsNotKept) {
  auto* pools = new Pools;
  pools->Ref();
  {
    Plan plan(*pools, testing::ProjectionOf({"a", "b.c", "items[*].x", "open[*]?"}));
    for (int round = 0; round < 3; ++round) {
      for (const char* key : {"a", "b", "z", "items", "y", "open", "a"}) {
        for (uint32_t hint : {0U, 1U, 5U, 99U}) {
          const Plan::Found found = plan.Field(plan.root(), key, hint);
          const bool skipped = *key == 'z' || *key == 'y';
          ASSERT_EQ(found.node == nullptr, skipped) << key;
          ASSERT_LT(found.index, plan.root().children.size());
          EXPECT_EQ(plan.root().children[found.index]->key, key);
        }
      }
    }
    EXPECT_EQ(plan.root().children.size(), 6U);
    PlanNode& items = *plan.Field(plan.root(), "items", 0).node;
    EXPECT_NE(plan.Element(items), nullptr);
    EXPECT_EQ(plan.Element(*plan.Field(plan.root(), "b", 0).node), nullptr);
    EXPECT_TRUE(plan.Element(*plan.Field(plan.root(), "open", 0).node)->presence);
  }
  pools->Unref();
}

TEST(PlanTest, RemembersOnlySoManyKeys) {
  auto* pools = new Pools;
  pools->Ref();
  {
    Plan plan(*pools, Projection::Everything());
    PlanNode& data = *plan.Field(plan.root(), "data", 0).node;
    for (int i = 0; i < 10'000; ++i) {
      EXPECT_NE(plan.Field(data, "key" + std::to_string(i), 0).node, nullptr);
    }
    EXPECT_LT(data.children.size(), 1'000U);
    // Depth is bounded, too.
    PlanNode* node = &data;
    for (int i = 0; i < 20'000; ++i) node = plan.Field(*node, "deeper", 0).node;
    EXPECT_EQ(plan.Field(*node, "a", 0).node, plan.Field(*node, "b", 0).node);
  }
  pools->Unref();
}

}  // namespace
}  // namespace kr::document
