// The leases of a cluster: a hundred renewals a second, and nobody is asked again who knew that the
// lease is fresh.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/policy/policy_world.h"

namespace kr::policy {
namespace {

using nlohmann::json;

constexpr int kNodes = 300;

class ManyLeases : public ::testing::Test {
 protected:
  ManyLeases() {
    stack_.discovery.kinds["/api/v1"]["nodes"] = "Node";
    for (int i = 0; i < kNodes; ++i) {
      world_.server.Put("nodes", {{"metadata", {{"name", Name(i)}}}});
      Renew(i);
    }
    world_.server.Put(
        "remediationpolicies",
        {{"apiVersion", "kube-remedy.io/v1alpha1"},
         {"kind", "RemediationPolicy"},
         {"metadata", {{"name", "p"}, {"generation", 1}}},
         {"spec",
          {{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}}},
           {"triggers", {{{"name", "silent"}, {"for", "0s"}, {"lease", {{"state", "Stale"}}}}}},
           {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}}});
  }

  static std::string Name(int i) { return "n" + std::to_string(i); }
  void Renew(int i) {
    world_.server.Put(
        "leases",
        {{"metadata", {{"namespace", "kube-node-lease"}, {"name", Name(i)}}},
         {"spec",
          {{"renewTime", "2026-01-02T03:04:05." + std::to_string(100000 + ++renewals_) + "Z"}}}});
  }
  // All renew, but the first `silent`.
  void Pass(absl::Duration duration, int silent = 0) {
    for (; duration > absl::ZeroDuration(); duration -= absl::Seconds(10)) {
      stack_.Advance(absl::Seconds(10));
      for (int i = silent; i < kNodes; ++i) Renew(i);
      stack_.Run();
    }
  }
  size_t Sick() const { return stack_.symptoms.policies().begin()->second.sick.size(); }

  PolicyWorld world_{1};
  PolicyStack stack_{world_};
  int renewals_ = 0;
};

TEST_F(ManyLeases, AreNotedAndWakeNobody) {
  stack_.Advance(absl::Seconds(1));
  Pass(absl::Seconds(20));
  ASSERT_EQ(stack_.watches.past().leases.size(), static_cast<size_t>(kNodes));
  const size_t before = stack_.symptoms.evaluations();
  Pass(absl::Seconds(400));  // 40 renewals of each
  // Each looks again when its lease would have become stale, every 30 to 40 seconds.
  EXPECT_LE(stack_.symptoms.evaluations() - before, static_cast<size_t>(kNodes) * 400 / 29);
  EXPECT_EQ(Sick(), 0u);
}

// Nobody reads leases for a moment: the watch is still open, and tells nobody.
TEST_F(ManyLeases, APolicyThatFindsTheWatchOpenSeesWhatIsThere) {
  stack_.Advance(absl::Seconds(1));
  Pass(absl::Seconds(20));
  const json policy = world_.server.Objects("remediationpolicies").begin()->second;
  world_.server.Delete("remediationpolicies", "", "p");
  stack_.Advance(absl::Milliseconds(100));
  Renew(7);
  stack_.Advance(absl::Milliseconds(100));
  json again = policy;
  again["metadata"] = {{"name", "p"}, {"generation", 1}};
  world_.server.Put("remediationpolicies", again);
  stack_.Advance(absl::Seconds(3));
  EXPECT_EQ(stack_.watches.past().leases.size(), static_cast<size_t>(kNodes));
  const auto sight = stack_.watches.past().leases.Find("kube-node-lease", "n7");
  ASSERT_TRUE(sight);
  EXPECT_TRUE(sight->exists);
  EXPECT_EQ(sight->renew_time,
            world_.server.Objects("leases").at("kube-node-lease/n7")["spec"]["renewTime"]);
}

TEST_F(ManyLeases, WatchRotationKeepsLeaseAge) {
  stack_.Advance(absl::Seconds(1));
  Pass(absl::Seconds(20));
  Pass(absl::Seconds(30), 3);
  world_.server.CutAll(OkStatus());
  Pass(absl::Seconds(20), 3);
  EXPECT_EQ(Sick(), 3u) << "in the middle of which the watch was renewed";
  for (int i = 0; i < 5; ++i) {
    world_.server.CutAll(OkStatus());
    Pass(absl::Seconds(10), 3);
    EXPECT_EQ(Sick(), 3u) << "a watch that is renewed makes nobody fresh";
  }
  world_.server.Compact();
  world_.server.CutAll(OkStatus());
  Pass(absl::Seconds(20), 3);
  EXPECT_EQ(Sick(), 3u) << "nor one that is listed again";
  Pass(absl::Seconds(10));
  EXPECT_EQ(Sick(), 0u);
}

}  // namespace
}  // namespace kr::policy
