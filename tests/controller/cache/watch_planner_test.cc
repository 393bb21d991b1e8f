#include "controller/cache/watch_planner.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using ::kr::testing::ProjectionOf;
using ::testing::ElementsAre;
using Names = std::vector<std::string>;

kube::Resource Secrets() {
  return {{"", "v1", "Secret"}, "secrets", true};
}

Need PodNeed(Names namespaces, Names names, const Names& paths = {"spec.nodeName"}) {
  return {.resource = Pods(),
          .namespaces = std::move(namespaces),
          .names = std::move(names),
          .projection = ProjectionOf(paths)};
}

Need Labelled(Need need, std::string selector) {
  need.label_selector = std::move(selector);
  return need;
}

// "pods in a [spec.nodeName]", "*" behind metadata-only watches.
std::vector<std::string> Plan(std::vector<Need> needs) {
  std::vector<std::string> plan;
  for (const WatchSpec& spec : PlanWatches(needs)) {
    std::string text = spec.scope.ToString() + " [";
    for (const std::string& path : spec.projection->Paths()) text += path + ",";
    if (text.back() == ',') text.pop_back();
    plan.push_back(text + "]" + (spec.metadata_only ? "*" : ""));
  }
  return plan;
}

Names Numbered(const std::string& prefix, int count) {
  Names names;
  for (int i = 0; i < count; ++i) names.push_back(prefix + std::to_string(i));
  return names;
}

TEST(WatchPlanner, NothingNeededNothingWatched) {
  EXPECT_THAT(Plan({}), ElementsAre());
}

TEST(WatchPlanner, OneNameOrFewNamespacesAreNarrow) {
  EXPECT_THAT(Plan({PodNeed({}, {})}), ElementsAre("pods [spec.nodeName]"));
  EXPECT_THAT(Plan({PodNeed({"b", "a", "a"}, {})}),
              ElementsAre("pods in a [spec.nodeName]", "pods in b [spec.nodeName]"));
  EXPECT_THAT(Plan({PodNeed({"a"}, {"x"})}),
              ElementsAre("pods in a (metadata.name=x) [spec.nodeName]"));
  EXPECT_THAT(Plan({PodNeed({}, {"x"})}), ElementsAre("pods (metadata.name=x) [spec.nodeName]"));
  EXPECT_THAT(Plan({PodNeed({"a"}, {"x", "y"})}), ElementsAre("pods in a [spec.nodeName]"));
  EXPECT_EQ(Plan({PodNeed(Numbered("ns", 10), {})}).size(), 10u);
  EXPECT_THAT(Plan({PodNeed(Numbered("ns", 11), {})}), ElementsAre("pods [spec.nodeName]"));
}

TEST(WatchPlanner, EqualScopesAreMerged) {
  EXPECT_THAT(Plan({PodNeed({"a"}, {}), PodNeed({"a"}, {}, {"status.phase"})}),
              ElementsAre("pods in a [spec.nodeName,status.phase]"));
}

TEST(WatchPlanner, WideCoversNarrowWhenItIsNeededAnyway) {
  EXPECT_THAT(Plan({PodNeed({"a"}, {}, {"status.phase"}), PodNeed({}, {})}),
              ElementsAre("pods [spec.nodeName,status.phase]"));
  EXPECT_THAT(Plan({PodNeed({"a"}, {"x"}, {"status.phase"}), PodNeed({"a"}, {})}),
              ElementsAre("pods in a [spec.nodeName,status.phase]"));
  EXPECT_THAT(Plan({PodNeed({"a"}, {}), PodNeed({}, {"x"}, {"status.phase"})}),
              ElementsAre("pods (metadata.name=x) [status.phase]", "pods in a [spec.nodeName]"))
      << "neither holds the other";
}

TEST(WatchPlanner, LabelSelectorsNarrowToo) {
  EXPECT_THAT(Plan({Labelled(PodNeed({}, {}), "app=x"), Labelled(PodNeed({}, {}), "app=x"),
                    Labelled(PodNeed({}, {}), "app=y")}),
              ElementsAre("pods (app=x) [spec.nodeName]", "pods (app=y) [spec.nodeName]"));
  EXPECT_THAT(Plan({Labelled(PodNeed({}, {}), "app=x"), PodNeed({}, {}, {"status.phase"})}),
              ElementsAre("pods [spec.nodeName,status.phase]"));
}

TEST(WatchPlanner, TooManyNarrowOnesBecomeAWiderOne) {
  std::vector<Need> by_name, by_namespace;
  for (int i = 0; i < 11; ++i) {
    by_name.push_back(PodNeed({"a"}, {"x" + std::to_string(i)}));
    by_namespace.push_back(PodNeed({"n" + std::to_string(i)}, {}));
  }
  EXPECT_THAT(Plan(by_name), ElementsAre("pods in a [spec.nodeName]"));
  EXPECT_THAT(Plan(by_namespace), ElementsAre("pods [spec.nodeName]"));
  by_namespace.pop_back();
  EXPECT_EQ(Plan(by_namespace).size(), 10u);
}

TEST(WatchPlanner, ClusterScopedKindsHaveNoNamespaces) {
  Need nodes{.resource = Nodes(), .namespaces = {"a", "b"}, .projection = ProjectionOf({"status"})};
  EXPECT_THAT(Plan({nodes}), ElementsAre("nodes [status]"));
}

TEST(WatchPlanner, MetadataOnlyWhenNothingElseIsRead) {
  EXPECT_THAT(Plan({PodNeed({}, {}, {"metadata.labels"})}), ElementsAre("pods [metadata.labels]*"));
  EXPECT_THAT(Plan({PodNeed({}, {}, {"metadata.labels"}), PodNeed({}, {})}),
              ElementsAre("pods [metadata.labels,spec.nodeName]"));
}

TEST(WatchPlanner, SecretsShowTheirDataOnlyToWhoNamesIt) {
  Need curious{.resource = Secrets(), .projection = ProjectionOf({"data", "metadata.labels"})};
  EXPECT_THAT(Plan({curious}), ElementsAre("secrets [metadata.labels]*"));
  Need everything{.resource = Secrets(), .projection = ProjectionOf({""})};
  EXPECT_THAT(Plan({everything}), ElementsAre("secrets [metadata]*"));
  Need entitled{.resource = Secrets(),
                .namespaces = {"a"},
                .names = {"params"},
                .projection = ProjectionOf({"data.limit"}),
                .names_secret_data = true};
  EXPECT_THAT(Plan({curious, entitled}), ElementsAre("secrets [data.limit,metadata.labels]"))
      << "one watch: but no field of data that was not named";
}

// The order in which policies were read must not open other watches.
TEST(WatchPlanner, OrderDoesNotMatter) {
  std::vector<Need> needs = {PodNeed({"a"}, {"x"}), PodNeed({"a", "b"}, {}),
                             Labelled(PodNeed({"c"}, {}), "app=x"),
                             PodNeed({"c"}, {}, {"status.phase"}), PodNeed({}, {"x"})};
  const std::vector<std::string> want = Plan(needs);
  std::vector<size_t> order = {0, 1, 2, 3, 4};
  do {
    std::vector<Need> shuffled;
    for (const size_t i : order) shuffled.push_back(needs[i]);
    ASSERT_EQ(Plan(shuffled), want);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(WatchPlanner, EveryNeedIsServedBySomeWatch) {
  std::vector<Need> needs;
  for (int i = 0; i < 60; ++i) {
    Names namespaces, names;
    for (int n = 0; n < i % 4; ++n) namespaces.push_back("ns" + std::to_string((i * 7 + n) % 5));
    for (int n = 0; n < i % 3; ++n) names.push_back("x" + std::to_string((i * 5 + n) % 6));
    needs.push_back(PodNeed(namespaces, names, {i % 2 == 0 ? "spec.nodeName" : "status.phase"}));
    if (i % 5 == 0) needs.back().label_selector = "app=" + std::to_string(i % 3);

    const std::vector<WatchSpec> plan = PlanWatches(needs);
    EXPECT_LE(plan.size(), kMaxNarrowWatches);
    for (const Need& need : needs) {
      for (const WatchScope& scope : ScopesOf(need)) {
        EXPECT_TRUE(std::any_of(plan.begin(), plan.end(), [&](const WatchSpec& spec) {
          return spec.scope.Covers(scope) && spec.projection->Covers(*need.projection);
        })) << scope.ToString();
      }
    }
  }
}

}  // namespace
}  // namespace kr::cache
