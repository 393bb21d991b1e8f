#include "tests/bench/data/cluster_data.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/bench/data/dice.h"

namespace kr::bench {
namespace {

constexpr int kSample = 500;

size_t AverageLine(const ClusterData& data, bool pods) {
  size_t bytes = 0;
  for (int i = 0; i < kSample; ++i) {
    bytes += WatchLine(pods ? data.ServedPod(i * 60) : data.ServedNode(i * 2)).size() + 1;
  }
  return bytes / kSample;
}

TEST(ClusterDataTest, TheSameSeedMakesTheSameObjects) {
  const ClusterData a({.seed = 7});
  const ClusterData b({.seed = 7});
  const ClusterData c({.seed = 8});
  EXPECT_EQ(a.ServedPod(123).dump(), b.ServedPod(123).dump());
  EXPECT_EQ(a.ServedNode(123).dump(), b.ServedNode(123).dump());
  EXPECT_NE(a.ServedPod(123).dump(), c.ServedPod(123).dump());
  EXPECT_NE(a.ServedPod(123).dump(), a.ServedPod(124).dump());
}

// The sizes that the published figures were measured with.
TEST(ClusterDataTest, ObjectsHaveTheirDeclaredSize) {
  const ClusterData uniform({.set = DataSet::kUniform});
  const ClusterData realistic({.set = DataSet::kRealistic});
  EXPECT_NEAR(static_cast<double>(AverageLine(uniform, true)), 7'200, 200);
  EXPECT_NEAR(static_cast<double>(AverageLine(realistic, true)), 8'100, 200);
  EXPECT_NEAR(static_cast<double>(AverageLine(realistic, false)), 6'900, 200);
}

TEST(ClusterDataTest, RealisticPodsComeFromManyOwners) {
  const ClusterData data({});
  std::set<std::string> names;
  std::set<std::string> owners;
  const std::vector<std::string> namespaces = data.Namespaces();
  size_t sidecars = 0;
  for (int i = 0; i < kSample; ++i) {
    const nlohmann::ordered_json pod = data.Pod(i);
    names.insert(pod["metadata"]["namespace"].get<std::string>() + "/" +
                 pod["metadata"]["name"].get<std::string>());
    EXPECT_THAT(namespaces, ::testing::Contains(pod["metadata"]["namespace"].get<std::string>()));
    owners.insert(pod["metadata"]["ownerReferences"][0]["uid"].get<std::string>());
    sidecars += pod["spec"]["containers"].size() - 1;
    EXPECT_EQ(pod["metadata"]["labels"].size(), 8U);
    EXPECT_EQ(pod["spec"]["containers"].size(), pod["status"]["containerStatuses"].size());
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kSample));
  EXPECT_EQ(owners.size(), static_cast<size_t>(kSample) / 5);
  EXPECT_GT(sidecars, static_cast<size_t>(kSample) / 2);
}

// Two pods of one owner with the same random suffix would be one object to an API server.
TEST(ClusterDataTest, NoTwoPodsHaveTheSameSuffix) {
  std::set<std::string> suffixes;
  for (int i = 0; i < 100'000; ++i) suffixes.insert(UniqueSuffix(i));
  EXPECT_EQ(suffixes.size(), 100'000U);
}

TEST(ClusterDataTest, ItemsOfAPageLackApiVersionAndKind) {
  const ClusterData data({});
  const auto page =
      nlohmann::json::parse(ListPage({data.ServedPod(0), data.ServedPod(1)}, "5", "c"));
  EXPECT_EQ(page["kind"], "PodList");
  EXPECT_EQ(page["metadata"]["resourceVersion"], "5");
  EXPECT_EQ(page["metadata"]["continue"], "c");
  ASSERT_EQ(page["items"].size(), 2U);
  EXPECT_FALSE(page["items"][0].contains("kind"));
  EXPECT_TRUE(page["items"][0]["metadata"].contains("managedFields"));
  EXPECT_FALSE(data.Pod(0)["metadata"].contains("managedFields"));
}

}  // namespace
}  // namespace kr::bench
