// What the evaluations of many healthy targets leave behind: nothing. That their verdicts are right
// is what oracle_test.cc is about.
#include "reconcilers/policy/symptoms.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/policy/policy_world.h"

namespace kr::policy {
namespace {

using nlohmann::json;

constexpr size_t kPods = 500;

class ManyHealthyTargets : public ::testing::Test {
 protected:
  ManyHealthyTargets() {
    for (size_t i = 0; i < kPods; ++i) Put("pod-" + std::to_string(i), 0);
  }

  void Put(const std::string& name, int x) {
    world_.server.Put("pods", {{"metadata", {{"namespace", "a"}, {"name", name}}},
                               {"spec", {{"x", x}, {"since", "2020-01-01T00:00:00Z"}}}});
  }
  void Watch(const std::string& expression, int generation = 1) {
    world_.server.Put(
        "remediationpolicies",
        {{"apiVersion", "kube-remedy.io/v1alpha1"},
         {"kind", "RemediationPolicy"},
         {"metadata", {{"name", "p"}, {"generation", generation}}},
         {"spec",
          {{"target", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"all", true}}},
           {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
           {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}},
           {"triggers",
            {{{"name", "t"}, {"match", {{{"name", "m"}, {"expression", expression}}}}}}}}}});
  }
  const PolicyTargets& Targets() const { return stack_.symptoms.policies().begin()->second; }

  PolicyWorld world_{1};
  PolicyStack stack_{world_};
};

TEST_F(ManyHealthyTargets, AreEvaluatedOnceAndNeverRemembered) {
  Watch("object.spec.x > 5");
  stack_.Advance(absl::Seconds(5));
  EXPECT_TRUE(Targets().settled);
  EXPECT_EQ(Targets().selected, static_cast<int64_t>(kPods));
  EXPECT_TRUE(Targets().sick.empty());
  EXPECT_EQ(stack_.symptoms.evaluations(), kPods);

  // Once more, because the policy was edited, and with an eye on it all the time.
  size_t most = 0;
  std::function<void()> look = [&] {
    most = std::max(most, stack_.symptoms.remembered());
    if (stack_.symptoms.evaluations() < 2 * kPods) stack_.engine.Post(0, look);
  };
  Watch("object.spec.x > 4", 2);
  world_.server.Serve();
  stack_.engine.Post(0, look);
  stack_.Advance(absl::Seconds(5));
  EXPECT_EQ(stack_.symptoms.evaluations(), 2 * kPods);
  EXPECT_EQ(most, 0u);
}

// now - t leaves the range of durations in 292 years, so that is until when the answer holds.
TEST_F(ManyHealthyTargets, WhoseAnswerHoldsForCenturiesHaveNoTimer) {
  Watch("now - timestamp(object.spec.since) < duration('1h')");
  stack_.Advance(absl::Seconds(5));
  EXPECT_TRUE(Targets().settled);
  EXPECT_EQ(stack_.symptoms.remembered(), 0u);
}

TEST_F(ManyHealthyTargets, WhoseAnswerHoldsForAnHourHaveOne) {
  Watch(
      "now - timestamp(object.spec.since) > duration('" +
      std::to_string(
          absl::ToInt64Seconds(world_.clock.Now() - absl::FromUnixSeconds(1'577'836'800)) + 3600) +
      "s')");
  stack_.Advance(absl::Seconds(5));
  EXPECT_EQ(stack_.symptoms.remembered(), kPods);
  stack_.Advance(absl::Hours(1));
  EXPECT_EQ(Targets().sick.size(), kPods);
}

// A pass goes through the targets that there were: what comes, changes or goes meanwhile, before or
// after its turn, is not lost.
TEST_F(ManyHealthyTargets, ThatChangeDuringAPassAreSeen) {
  Watch("object.spec.x > 5");
  stack_.Advance(absl::Seconds(5));
  const uint64_t before = stack_.symptoms.evaluations();
  std::function<void()> half_way = [&] {
    if (stack_.symptoms.evaluations() < before + kPods / 2) {
      stack_.engine.Post(0, half_way);
      return;
    }
    EXPECT_FALSE(Targets().settled);
    for (size_t i = 0; i < kPods; i += 10) Put("pod-" + std::to_string(i), 9);
    for (size_t i = 5; i < kPods; i += 10) {
      world_.server.Delete("pods", "a", "pod-" + std::to_string(i));
    }
    for (int i = 0; i < 7; ++i) Put("new-" + std::to_string(i), 9);
    world_.server.Serve();
  };
  Watch("object.spec.x > 4", 2);
  world_.server.Serve();
  stack_.engine.Post(0, half_way);
  stack_.Advance(absl::Seconds(5));
  EXPECT_TRUE(Targets().settled);
  EXPECT_EQ(Targets().selected, static_cast<int64_t>(kPods - kPods / 10 + 7));
  EXPECT_EQ(Targets().sick.size(), kPods / 10 + 7);
}

}  // namespace
}  // namespace kr::policy
