#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reconcilers/policy/watches.h"
#include "tests/reconcilers/policy/policy_world.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using State = Watches::Readiness::State;

// The ConfigMaps take little, the 200 Pods some 800 KiB when all of them is kept.
class WatchesMemory : public ::testing::Test {
 protected:
  static constexpr size_t kMax = size_t{400} << 10;

  WatchesMemory() {
    for (int i = 0; i < 20; ++i) {
      world.server.Put("configmaps",
                       {{"metadata", {{"namespace", "a"}, {"name", "c" + std::to_string(i)}}}});
    }
    for (int i = 0; i < 200; ++i) Pod(i, 4000);
  }
  void Pod(int i, size_t size) {
    const std::string name = "p" + std::to_string(i);
    world.server.Put("pods", {{"metadata", {{"namespace", "a"}, {"name", name}}},
                              {"spec", {{"note", name + std::string(size, 'x')}}},
                              {"status", {{"phase", "Running"}}}});
  }
  void Policy(const std::string& name, const std::string& kind, const std::string& expression,
              int generation = 1) {
    world.server.Put(
        "remediationpolicies",
        {{"apiVersion", "kube-remedy.io/v1alpha1"},
         {"kind", "RemediationPolicy"},
         {"metadata",
          {{"name", name},
           {"generation", generation},
           {"creationTimestamp",
            absl::FormatTime(absl::RFC3339_sec, world.clock.Now(), absl::UTCTimeZone())}}},
         {"spec",
          {{"target", {{"apiVersion", "v1"}, {"kind", kind}, {"all", true}}},
           {"triggers",
            {{{"name", "t"}, {"match", {{{"name", "m"}, {"expression", expression}}}}}}},
           {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}}});
  }
  // Lets time pass and watches how much is kept.
  void Pass(absl::Duration duration) {
    for (; duration > absl::ZeroDuration(); duration -= absl::Seconds(1)) {
      stack.Advance(std::min(duration, absl::Seconds(1)));
      most = std::max(most, stack.watches.cache_bytes());
    }
  }
  const CompiledPolicy& Compiled(const std::string& name) const {
    for (const CompiledPolicyPtr& policy : stack.policies.Compiled()) {
      if (policy->name == name) return *policy;
    }
    ADD_FAILURE() << name;
    return *stack.policies.Compiled().at(0);
  }
  State StateOf(const std::string& name) const {
    return stack.watches.ReadinessOf(Compiled(name)).state;
  }
  std::vector<std::string> Open() const {
    std::vector<std::string> scopes;
    stack.watches.informers().ForEach([&](const cache::Informer& informer) {
      scopes.push_back(informer.spec().scope.ToString());
    });
    return scopes;
  }
  // Both policies, the second an hour later.
  void Both() {
    Policy("old", "ConfigMap", "object.metadata.name == 'c1'");
    Pass(absl::Seconds(5));
    world.clock.Advance(absl::Hours(1));
    Policy("young", "Pod", kWide);
    Pass(absl::Seconds(5));
  }

  static constexpr char kWide[] = "object.spec.note == '' && object.status.phase == ''";
  static constexpr char kNarrow[] = "object.status.phase == ''";

  PolicyWorld world{7};
  PolicyStack stack{world, {.max_bytes = kMax}};
  size_t most = 0;
};

TEST_F(WatchesMemory, ThePolicyThatDoesNotFitGivesWayAndSaysSo) {
  Both();
  EXPECT_EQ(StateOf("old"), State::kReady);
  ASSERT_EQ(StateOf("young"), State::kTooLarge);
  EXPECT_THAT(Open(), Not(Contains("pods")));
  EXPECT_LT(stack.watches.cache_bytes(), kMax);
  EXPECT_EQ(stack.watches.dismissed(), 1u);
  const auto stale = stack.watches.Stale(Compiled("young"));
  ASSERT_TRUE(stale.has_value());
  EXPECT_EQ(stale->reason, limits::Reason::kCacheBudgetExceeded);
  EXPECT_THAT(stale->message, HasSubstr("at most 400 KiB are allowed (watches.maxBytes)"));
  EXPECT_THAT(stale->message, HasSubstr("it needs the watch of pods ("));
  EXPECT_EQ(stack.watches.ReadinessOf(Compiled("young")).message, stale->message);
  EXPECT_EQ(stack.watches.Stale(Compiled("old")), std::nullopt);
  // The other one goes on.
  world.server.Put("configmaps", {{"metadata", {{"namespace", "a"}, {"name", "c1"}}},
                                  {"data", {{"changed", "yes"}}}});
  Pass(absl::Seconds(1));
  EXPECT_EQ(stack.symptoms.Find(Compiled("old"))->sick.size(), 1u);
}

TEST_F(WatchesMemory, AListThatIsTooLargeIsNotReadToItsEnd) {
  world.server.max_piece = 4096;
  Both();
  ASSERT_EQ(StateOf("young"), State::kTooLarge);
  EXPECT_LT(most, kMax + kMax / 4) << "of 800 KiB";
}

TEST_F(WatchesMemory, ItIsTriedAgainWithGrowingPauses) {
  Both();
  const int before = world.server.watches + world.server.streaming_lists;
  Pass(absl::Minutes(9));
  EXPECT_EQ(StateOf("young"), State::kTooLarge);
  Pass(absl::Minutes(2));
  const int second = world.server.watches + world.server.streaming_lists;
  EXPECT_GT(second, before) << "tried";
  EXPECT_EQ(StateOf("young"), State::kTooLarge);
  for (int i = 0; i < 200; ++i) Pod(i, 10);
  Pass(absl::Minutes(15));
  EXPECT_EQ(StateOf("young"), State::kTooLarge) << "20 minutes this time";
  Pass(absl::Minutes(5));
  EXPECT_EQ(StateOf("young"), State::kReady);
  EXPECT_EQ(stack.watches.dismissed(), 0u);
  EXPECT_EQ(stack.watches.Stale(Compiled("young")), std::nullopt);
}

TEST_F(WatchesMemory, AnEditIsTriedAtOnce) {
  Both();
  Policy("young", "Pod", kNarrow, 2);
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf("young"), State::kReady);
}

TEST_F(WatchesMemory, WhatAnotherLeavesMayBeEnough) {
  Both();
  for (int i = 0; i < 200; ++i) Pod(i, 10);
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf("young"), State::kTooLarge);
  world.server.Delete("remediationpolicies", "", "old");
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf("young"), State::kReady);
}

// Let back before its time and gone again: what counts is the time that it was told last.
TEST_F(WatchesMemory, AnEarlierTimeToTryAgainIsForgotten) {
  Both();
  Pass(absl::Minutes(5));
  world.server.Delete("remediationpolicies", "", "old");
  Pass(absl::Seconds(5));
  ASSERT_EQ(StateOf("young"), State::kTooLarge) << "for 20 minutes now";
  for (int i = 0; i < 200; ++i) Pod(i, 10);
  Pass(absl::Minutes(15));
  EXPECT_EQ(StateOf("young"), State::kTooLarge);
  Pass(absl::Minutes(6));
  EXPECT_EQ(StateOf("young"), State::kReady);
}

// Whoever was there first keeps what it had, although the objects are the same.
TEST_F(WatchesMemory, AnEditThatAsksForMoreGivesWayAndNotWhoSharesTheWatch) {
  Policy("first", "Pod", kNarrow);
  Policy("other", "Pod", kNarrow);
  Pass(absl::Seconds(5));
  ASSERT_EQ(StateOf("first"), State::kReady);
  world.clock.Advance(absl::Hours(2));
  Policy("first", "Pod", kWide, 2);
  Pass(absl::Seconds(30));
  EXPECT_EQ(StateOf("first"), State::kTooLarge);
  EXPECT_THAT(stack.watches.ReadinessOf(Compiled("first")).message,
              HasSubstr("more fields of the objects in the watch of pods"));
  EXPECT_EQ(StateOf("other"), State::kReady);
  EXPECT_LT(stack.watches.cache_bytes(), kMax);
}

// Objects grow under a policy that was fine.
TEST_F(WatchesMemory, WhatGrowsLaterIsNoticed) {
  for (int i = 0; i < 200; ++i) Pod(i, 10);
  Both();
  ASSERT_EQ(StateOf("young"), State::kReady);
  for (int i = 0; i < 200; ++i) Pod(i, 4000);
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf("young"), State::kTooLarge);
  EXPECT_EQ(StateOf("old"), State::kReady);
  EXPECT_LT(stack.watches.cache_bytes(), kMax);
}

TEST_F(WatchesMemory, WithoutALimitEverythingIsKept) {
  PolicyStack unlimited(world);
  Policy("young", "Pod", kWide);
  unlimited.Advance(absl::Seconds(5));
  EXPECT_GT(unlimited.watches.cache_bytes(), size_t{700} << 10);
  EXPECT_EQ(unlimited.watches.ReadinessOf(*unlimited.policies.Compiled().at(0)).state,
            State::kReady);
}

}  // namespace
}  // namespace kr::policy
