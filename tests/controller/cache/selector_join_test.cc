#include "controller/cache/selector_join.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/random.h"

namespace kr::cache {
namespace {

using crds::LabelSelector;
using Operator = LabelSelector::Operator;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ids = std::vector<ObjectId>;

LabelSelector Match(std::map<std::string, std::string> labels) {
  return {.match_labels = std::move(labels)};
}
LabelSelector Where(std::string key, Operator op, std::vector<std::string> values = {}) {
  return {.match_expressions = {{std::move(key), op, std::move(values)}}};
}

// Objects with labels (ids below 100) and objects with selectors (from 100 on), and the join
// between them, computed both ways.
class World {
 public:
  explicit World(SelectorJoin::Selected selected)
      : related_have_labels_(selected == SelectorJoin::Selected::kRelated),
        join(selected, [this](ObjectId id) { return sides_[id].labels; }) {}

  void Put(ObjectId id, JoinSide side) {
    const JoinSide before = sides_[id];
    sides_[id] = side;  // stores are changed before indexes hear of it
    const bool related = HasLabels(id) == related_have_labels_;
    for (const auto& [other, has] : sides_) {
      if (related && HasLabels(other) != HasLabels(id) &&
          (Join(id, before, other, has) || Join(id, side, other, has))) {
        expected_woken_.insert(other);
      }
    }
    if (related) {
      join.ChangeRelated(id, before, side);
    } else {
      // Whoever changes itself is judged for that, whatever it joins with now.
      expected_woken_.erase(id);
      join.ChangeTarget(id, before, side);
    }
  }
  void Labelled(ObjectId id, Labels labels, std::string scope = "") {
    Put(id, {.scope = std::move(scope), .labels = std::move(labels)});
  }
  void Selecting(ObjectId id, std::vector<LabelSelector> selectors, std::string scope = "") {
    Put(id, {.scope = std::move(scope), .selectors = std::move(selectors)});
  }

  Ids Woken(size_t slice = 3) {
    std::set<ObjectId> woken;
    size_t looked_at = 0;
    do {
      looked_at = join.Expand(slice, [&](ObjectId id) { woken.insert(id); });
    } while (looked_at == slice);
    EXPECT_FALSE(join.woken());
    return {woken.begin(), woken.end()};
  }
  Ids ExpectedWoken() {
    const Ids ids(expected_woken_.begin(), expected_woken_.end());
    expected_woken_.clear();
    return ids;
  }
  Ids JoinedWith(ObjectId id) const {
    return HasLabels(id) == related_have_labels_ ? join.TargetsOf(sides_.at(id))
                                                 : join.RelatedOf(sides_.at(id));
  }
  Ids ExpectedWith(ObjectId id) const {
    Ids ids;
    for (const auto& [other, side] : sides_) {
      if (HasLabels(other) != HasLabels(id) && Join(id, sides_.at(id), other, side)) {
        ids.push_back(other);
      }
    }
    return ids;
  }
  const std::map<ObjectId, JoinSide>& sides() const { return sides_; }

 private:
  static bool HasLabels(ObjectId id) { return id < 100; }
  static bool Join(ObjectId a_id, const JoinSide& a, ObjectId, const JoinSide& b) {
    const JoinSide& labels = HasLabels(a_id) ? a : b;
    const JoinSide& selectors = HasLabels(a_id) ? b : a;
    return labels.labels && labels.scope == selectors.scope &&
           std::any_of(selectors.selectors.begin(), selectors.selectors.end(),
                       [&](const LabelSelector& s) { return Selects(s, *labels.labels); });
  }

  const bool related_have_labels_;
  std::map<ObjectId, JoinSide> sides_;
  std::set<ObjectId> expected_woken_;

 public:
  SelectorJoin join;
};

TEST(SelectorJoin, APodWakesTheServicesThatSelectItBeforeOrAfter) {
  World world(SelectorJoin::Selected::kRelated);
  world.Selecting(100, {Match({{"app", "web"}, {"env", "prod"}})}, "a");
  world.Selecting(101, {Match({{"app", "db"}, {"env", "prod"}})}, "a");
  world.Selecting(102, {Match({{"app", "web"}, {"env", "prod"}})}, "b");
  world.Labelled(1, {{"app", "web"}, {"env", "prod"}}, "a");
  EXPECT_THAT(world.Woken(), ElementsAre(100));
  EXPECT_THAT(world.JoinedWith(100), ElementsAre(1));
  EXPECT_THAT(world.JoinedWith(102), IsEmpty()) << "the other namespace";
  world.Labelled(1, {{"app", "db"}, {"env", "prod"}}, "a");
  EXPECT_THAT(world.Woken(), ElementsAre(100, 101));
  EXPECT_THAT(world.JoinedWith(1), ElementsAre(101));
}

TEST(SelectorJoin, ABudgetWakesThePodsThatItCoveredOrCovers) {
  World world(SelectorJoin::Selected::kTargets);
  for (ObjectId id = 1; id <= 9; ++id) world.Labelled(id, {{"app", id % 2 == 0 ? "web" : "db"}});
  EXPECT_THAT(world.Woken(), IsEmpty()) << "nobody depends on the labels of targets";
  world.Selecting(100, {Match({{"app", "web"}})});
  EXPECT_THAT(world.Woken(), ElementsAre(2, 4, 6, 8));
  world.Selecting(100, {Where("app", Operator::kNotIn, {"web"})});
  EXPECT_THAT(world.Woken(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(world.JoinedWith(3), ElementsAre(100));
  world.Selecting(100, {});
  EXPECT_THAT(world.Woken(), ElementsAre(1, 3, 5, 7, 9));
}

TEST(SelectorJoin, EmptySelectsAllAndNoLabelsAreLabelsToo) {
  World world(SelectorJoin::Selected::kRelated);
  world.Selecting(100, {LabelSelector()}, "a");
  world.Selecting(101, {Where("x", Operator::kDoesNotExist)}, "a");
  world.Selecting(102, {}, "a");
  world.Labelled(1, {}, "a");
  EXPECT_THAT(world.Woken(), ElementsAre(100, 101));
  EXPECT_THAT(world.JoinedWith(1), ElementsAre(100, 101));
  world.Put(1, {});
  EXPECT_THAT(world.JoinedWith(100), IsEmpty()) << "takes no part";
}

// A thousand services beside it cost a pod nothing: each waits under its own label.
TEST(SelectorJoin, AsksOnlySelectorsThatMayMatch) {
  SelectorSet set;
  for (ObjectId id = 0; id < 1000; ++id) {
    // The common label comes first in the alphabet.
    set.Add(id, "a", Match({{"a-team", "shop"}, {"name", "s" + std::to_string(id)}}));
  }
  size_t visited = 0;
  const Labels labels = {{"a-team", "shop"}, {"name", "s500"}};
  set.ForEachSelecting("a", labels, [&](const SelectorSet::Entry&) { ++visited; });
  EXPECT_EQ(visited, 1u);
  std::map<std::string, size_t> waiting;
  for (ObjectId id = 0; id < 1000; ++id) {
    const auto* entry = set.Find(
        SelectorSet::KeyOf("a", Match({{"a-team", "shop"}, {"name", "s" + std::to_string(id)}})));
    ++waiting[entry->anchor];
  }
  for (const auto& [anchor, count] : waiting) EXPECT_LE(count, 2u) << anchor;
}

class SelectorJoinProperty : public ::testing::TestWithParam<unsigned long> {};

TEST_P(SelectorJoinProperty, EqualsComparingEachWithEach) {
  SeededRandom random(GetParam());
  const auto pick = [&](size_t below) {
    return static_cast<size_t>(random.Uniform() * static_cast<double>(below));
  };
  const auto text = [&](const char* prefix, size_t below) {
    return prefix + std::to_string(pick(below));
  };
  const auto selector = [&] {
    LabelSelector s;
    for (size_t i = pick(3); i > 0; --i) s.match_labels[text("k", 4)] = text("v", 3);
    for (size_t i = pick(3); i > 0; --i) {
      const auto op = static_cast<Operator>(pick(4));
      LabelSelector::Requirement requirement{text("k", 4), op, {}};
      if (op == Operator::kIn || op == Operator::kNotIn) {
        for (size_t v = 1 + pick(2); v > 0; --v) requirement.values.push_back(text("v", 3));
      }
      s.match_expressions.push_back(std::move(requirement));
    }
    return s;
  };
  World world(pick(2) == 0 ? SelectorJoin::Selected::kRelated : SelectorJoin::Selected::kTargets);
  for (int step = 0; step < 600; ++step) {
    const std::string scope = text("ns", 2);
    if (pick(2) == 0) {
      std::map<std::string, std::string> labels;
      for (size_t i = pick(4); i > 0; --i) labels[text("k", 4)] = text("v", 3);
      JoinSide side{.scope = scope, .labels = Labels(labels.begin(), labels.end())};
      world.Put(static_cast<ObjectId>(pick(30)), pick(4) == 0 ? JoinSide{} : side);
    } else {
      std::vector<LabelSelector> selectors;
      for (size_t i = pick(3); i > 0; --i) selectors.push_back(selector());
      world.Selecting(static_cast<ObjectId>(100 + pick(12)), selectors, scope);
    }
    if (pick(5) != 0) continue;
    const Ids woken = world.Woken(1 + pick(20));
    for (const ObjectId id : world.ExpectedWoken()) {
      ASSERT_TRUE(std::find(woken.begin(), woken.end(), id) != woken.end()) << id << " sleeps";
    }
    for (const auto& [id, side] : world.sides()) {
      ASSERT_EQ(world.JoinedWith(id), world.ExpectedWith(id)) << "step " << step << ", " << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SelectorJoinProperty, ::testing::Range(0ul, 30ul));

}  // namespace
}  // namespace kr::cache
