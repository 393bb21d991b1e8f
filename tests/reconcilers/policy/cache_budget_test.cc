#include "reconcilers/policy/cache_budget.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/documents.h"

namespace kr::policy {
namespace {

using cache::Need;
using ::kr::testing::ProjectionOf;
using Who = std::vector<size_t>;
using Needs = std::vector<Need>;

constexpr size_t kMiB = size_t{1} << 20;

Need All(const std::string& plural, const std::vector<std::string>& paths = {"spec"}) {
  return {.resource = {{"", "v1", plural}, plural, true}, .projection = ProjectionOf(paths)};
}

class CacheBudgetTest : public ::testing::Test {
 protected:
  GivingWay Ask(const std::vector<Needs>& youngest_first) const {
    return WhoGivesWay(budget, youngest_first, others, [&](const cache::WatchScope& scope) {
      const auto size = sizes.find(scope.ToString());
      return size == sizes.end() ? 0 : size->second;
    });
  }

  CacheBudget budget{.max_bytes = 100 * kMiB};
  Needs others = {All("remediations")};
  std::map<std::string, size_t> sizes = {
      {"pods", 80 * kMiB}, {"configmaps", 30 * kMiB}, {"nodes", kMiB}, {"remediations", kMiB}};
};

TEST_F(CacheBudgetTest, TheYoungestWhoseWatchTakesMuchGivesWay) {
  const GivingWay gives = Ask({{All("nodes")}, {All("configmaps")}, {All("pods")}});
  EXPECT_EQ(gives.who, Who{1}) << "without the youngest hardly less would be kept";
  EXPECT_EQ(gives.watch, "configmaps");
  EXPECT_EQ(gives.bytes, 30 * kMiB);
  EXPECT_TRUE(gives.closed);
}

TEST_F(CacheBudgetTest, WhereAllAreSmallTheYoungestGivesWay) {
  sizes = {{"nodes", 3 * kMiB}, {"configmaps", 2 * kMiB}};
  EXPECT_EQ(Ask({{All("configmaps")}, {All("nodes")}}).who, Who{0});
}

TEST_F(CacheBudgetTest, WhatSeveralShareIsGivenUpByAllOfThem) {
  EXPECT_EQ(Ask({{All("pods")}, {All("nodes")}, {All("pods")}}).who, (Who{0, 2}));
}

TEST_F(CacheBudgetTest, WhoMakesNoDifferenceStays) {
  // Half of the pods' fields are needed by the second only.
  const Needs narrow = {All("pods", {"spec.nodeName"})};
  const GivingWay gives = Ask({narrow, {All("pods", {"spec", "status"})}, narrow});
  EXPECT_EQ(gives.who, Who{1});
  EXPECT_EQ(gives.watch, "pods");
  EXPECT_FALSE(gives.closed);
}

TEST_F(CacheBudgetTest, OneThatWidensAnOldWatchGivesWayAndNotWhoHadIt) {
  EXPECT_EQ(Ask({{All("pods", {"spec", "status"})}, {All("pods")}}).who, Who{0});
}

TEST_F(CacheBudgetTest, WhatOurselvesNeedIsNobodysToGive) {
  others.push_back(All("pods"));
  const GivingWay gives = Ask({{All("pods")}});
  EXPECT_TRUE(gives.who.empty());
  EXPECT_EQ(gives.bytes, 0u);
  EXPECT_TRUE(Ask({}).who.empty());
}

TEST_F(CacheBudgetTest, BytesAreShownAsPeopleReadThem) {
  EXPECT_EQ(BytesText(0), "0 KiB");
  EXPECT_EQ(BytesText(1), "1 KiB");
  EXPECT_EQ(BytesText(734 * 1024), "734 KiB");
  EXPECT_EQ(BytesText(12 * kMiB + kMiB / 2), "12.5 MiB");
}

}  // namespace
}  // namespace kr::policy
