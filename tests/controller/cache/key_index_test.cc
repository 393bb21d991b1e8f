#include "controller/cache/key_index.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kr::cache {
namespace {

using Ids = std::vector<KeyIndex::Id>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Ids Expand(KeyIndex& index, size_t max = 1000) {
  Ids ids;
  index.Expand(max, [&](KeyIndex::Id id) { ids.push_back(id); });
  return ids;
}

TEST(KeyIndex, KeepsIdsSortedAndUnique) {
  KeyIndex index;
  for (const KeyIndex::Id id : {5u, 1u, 9u, 1u, 7u}) index.Add("k", id);
  EXPECT_THAT(index.Find("k"), ElementsAre(1, 5, 7, 9));
  EXPECT_FALSE(index.Add("k", 5));
  EXPECT_TRUE(index.Remove("k", 5));
  EXPECT_FALSE(index.Remove("k", 5));
  EXPECT_FALSE(index.Remove("other", 5));
  EXPECT_THAT(index.Find("k"), ElementsAre(1, 7, 9));
  EXPECT_THAT(index.Find(""), IsEmpty());
}

TEST(KeyIndex, EmptyKeysCostNothing) {
  KeyIndex index;
  for (KeyIndex::Id id = 0; id < 1000; ++id) index.Add("key-" + std::to_string(id % 10), id);
  EXPECT_EQ(index.keys(), 10u);
  const size_t full = index.bytes();
  for (KeyIndex::Id id = 0; id < 1000; ++id) index.Remove("key-" + std::to_string(id % 10), id);
  EXPECT_EQ(index.keys(), 0u);
  EXPECT_LT(index.bytes(), full / 4);
}

TEST(KeyIndex, WokenKeysComeOutOnceAndInSlices) {
  KeyIndex index;
  for (KeyIndex::Id id = 0; id < 5; ++id) index.Add("a", id);
  index.Add("b", 9);
  index.Wake("a");
  index.Wake("b");
  index.Wake("a");
  index.Wake("nobody");
  EXPECT_TRUE(index.woken());
  EXPECT_THAT(Expand(index, 2), ElementsAre(0, 1));
  EXPECT_THAT(Expand(index, 4), ElementsAre(2, 3, 4, 9));
  EXPECT_THAT(Expand(index), IsEmpty());
  EXPECT_FALSE(index.woken());
}

TEST(KeyIndex, WakingWhatIsBeingExpandedStartsOver) {
  KeyIndex index;
  for (KeyIndex::Id id = 0; id < 4; ++id) index.Add("a", id);
  index.Wake("a");
  EXPECT_THAT(Expand(index, 3), ElementsAre(0, 1, 2));
  index.Wake("a");
  EXPECT_THAT(Expand(index), ElementsAre(0, 1, 2, 3));
}

TEST(KeyIndex, WakingAgainAfterTheEndOfASliceIsNotLost) {
  KeyIndex index;
  index.Add("a", 1);
  index.Wake("a");
  EXPECT_THAT(Expand(index, 1), ElementsAre(1));
  index.Wake("a");
  EXPECT_THAT(Expand(index), ElementsAre(1));
}

TEST(KeyIndex, MayChangeWhileItIsExpanded) {
  KeyIndex index;
  for (KeyIndex::Id id = 0; id < 6; id += 2) index.Add("a", id);
  index.Wake("a");
  EXPECT_THAT(Expand(index, 1), ElementsAre(0));
  index.Remove("a", 2);
  index.Add("a", 3);
  for (KeyIndex::Id id = 100; id < 200; ++id) index.Add("a", id);  // moves its list
  for (KeyIndex::Id id = 100; id < 200; ++id) index.Remove("a", id);
  EXPECT_THAT(Expand(index, 1), ElementsAre(3));
  index.Remove("a", 4);
  EXPECT_THAT(Expand(index), IsEmpty());

  index.Add("b", 1);
  index.Wake("b");
  index.Remove("b", 1);
  EXPECT_THAT(Expand(index), IsEmpty());
  index.Add("b", 2);
  EXPECT_THAT(Expand(index), IsEmpty()) << "what was woken is over";
}

TEST(KeyIndex, VisitsMayChangeIt) {
  KeyIndex index;
  for (KeyIndex::Id id = 0; id < 50; ++id) index.Add("a", id);
  index.Wake("a");
  Ids seen;
  index.Expand(1000, [&](KeyIndex::Id id) {
    seen.push_back(id);
    index.Remove("a", id);
    index.Remove("a", id + 1);
  });
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(index.keys(), 0u);
}

TEST(KeyIndex, EqualsAMapOfSets) {
  std::mt19937 random(11);
  KeyIndex index;
  std::map<std::string, std::set<KeyIndex::Id>> model;
  for (int step = 0; step < 40'000; ++step) {
    const std::string key(random() % 20, static_cast<char>('a' + random() % 5));
    const auto id = static_cast<KeyIndex::Id>(random() % 60);
    if (random() % 5 < 3) {
      ASSERT_EQ(index.Add(key, id), model[key].insert(id).second);
    } else {
      ASSERT_EQ(index.Remove(key, id), model[key].erase(id) == 1);
    }
    if (model[key].empty()) model.erase(key);
    ASSERT_EQ(index.keys(), model.size());
    const auto found = index.Find(key);
    ASSERT_EQ(std::set<KeyIndex::Id>(found.begin(), found.end()),
              model.contains(key) ? model[key] : std::set<KeyIndex::Id>());
  }
}

}  // namespace
}  // namespace kr::cache
