// Random clusters, drains, lost answers and restarts: whatever happens, nobody is hurt, and it
// ends.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/workloads.h"
#include "tests/support/sanitized.h"

namespace kr::remediation {
namespace {

using ::testing::IsEmpty;

class RandomDrain : public ::testing::TestWithParam<int> {};

TEST_P(RandomDrain, HurtsNobodyAndEnds) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  Workloads world;
  const int nodes = 4 + below(4);
  const auto node = [&](int i) { return "n" + std::to_string(i + 1); };
  for (int i = 0; i < nodes; ++i) world.Node(node(i));
  const auto somewhere = [&] {
    return std::vector<std::string>{node(below(nodes)), node(below(nodes))};
  };
  for (int i = 0; i < 2 + below(3); ++i) {
    const std::string name = "set" + std::to_string(i);
    world.StatefulSet(name, 2 + below(4), below(2) == 0, somewhere());
    if (below(3) == 0) world.Budget(name, 1);
  }
  for (int i = 0; i < 2 + below(4); ++i) {
    const std::string name = "web" + std::to_string(i);
    world.ReplicaSet(name, 1 + below(8), somewhere());
    if (below(3) == 0) world.Budget(name, 1 + below(2));
  }
  world.ends_after = absl::Milliseconds(200 + below(3000));
  world.ready_after = absl::Milliseconds(200 + below(3000));
  world.Live(absl::Seconds(20));
  world.Start();
  world.Policy(DrainSpec());
  world.evictions.clear();
  const int unlucky = 3 + below(20);
  world.api.fault = [&](const FakeApi::Request&) {
    switch (below(unlucky * 3)) {
      case 0:
        return FakeApi::Fault::kLostBefore;
      case 1:
        return FakeApi::Fault::kLostAfter;
      case 2:
        return FakeApi::Fault::kThrottled;
      default:
        return FakeApi::Fault::kNone;
    }
  };
  // Never so many that the rest could not take their pods.
  const int bad = 1 + below(nodes - 2);
  for (int i = 0; i < bad; ++i) {
    world.Cordon(node(i));
    world.Sick(node(i));
    world.Live(absl::Milliseconds(200 * below(30)));
  }
  for (int round = 0; round < 6; ++round) {
    world.Live(absl::Seconds(1 + below(10)));
    if (below(3) == 0) world.Restart();
  }
  world.api.fault = nullptr;
  for (int i = 0; i < bad; ++i) {
    world.AwaitEnd(node(i));
    EXPECT_THAT(world.PodsOn(node(i)), IsEmpty()) << node(i) << ": " << world.Message(node(i));
  }
  EXPECT_THAT(world.hurt, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDrain, ::testing::Range(1, 1 + kr::testing::Repetitions(12)));

}  // namespace
}  // namespace kr::remediation
