#include "reconcilers/policy/watches.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/policy/policy_world.h"
#include "tests/support/documents.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::_;
using testing::StatusIs;
using State = Watches::Readiness::State;

class WatchesTest : public ::testing::Test {
 protected:
  WatchesTest() {
    world.server.Put("configmaps", {{"metadata", {{"namespace", "a"}, {"name", "c"}}}});
    world.server.Put(
        "pods", {{"metadata", {{"namespace", "a"}, {"name", "p"}}}, {"spec", {{"config", "c"}}}});
  }
  void Put(const std::string& expression, int generation = 1, const json& patch = json::object(),
           const std::string& name = "p") {
    json spec = {
        {"target", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"all", true}}},
        {"related",
         {{{"name", "pods"},
           {"apiVersion", "v1"},
           {"kind", "Pod"},
           {"key", "it.spec.config"},
           {"equals", "target.name"}}}},
        {"triggers", {{{"name", "t"}, {"match", {{{"name", "m"}, {"expression", expression}}}}}}},
        {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}};
    spec.merge_patch(patch);
    world.server.Put("remediationpolicies",
                     {{"apiVersion", "kube-remedy.io/v1alpha1"},
                      {"kind", "RemediationPolicy"},
                      {"metadata", {{"name", name}, {"generation", generation}}},
                      {"spec", spec}});
  }
  const CompiledPolicy& Policy() const { return *stack.policies.Compiled().at(0); }
  State Readiness() const { return stack.watches.ReadinessOf(Policy()).state; }
  size_t Sick() const { return stack.symptoms.policies().begin()->second.sick.size(); }

  PolicyWorld world{7};
  PolicyStack stack{world};
};

// A join that is not listed yet has no objects, which is no news about the objects.
TEST_F(WatchesTest, AnUnsyncedJoinIsUnknownNotEmpty) {
  Put("related.pods.size() == 0");
  stack.Run();
  for (int i = 0; i < 20; ++i) world.server.refusals.push_back({.code = 429, .body = "no"});
  stack.Advance(absl::Seconds(1));
  ASSERT_EQ(Readiness(), State::kSyncing);
  const auto target = testing::Doc(json{{"metadata", {{"namespace", "a"}, {"name", "c"}}}});
  EXPECT_THAT(stack.watches.Around(Policy()).Related(0, *target),
              StatusIs(absl::StatusCode::kUnavailable, _));
  world.server.refusals.clear();
  stack.Advance(absl::Minutes(2));
  EXPECT_EQ(Readiness(), State::kReady);
  EXPECT_EQ(Sick(), 0u);
}

// A new leader ends what has no policy any more: it has to have heard of all of them.
TEST_F(WatchesTest, AListIsSyncedWhenItsLastObjectIsDelivered) {
  Put("true", 1, {}, "a");
  Put("true", 1, {}, "b");
  Put("true", 1, {}, "c");
  stack.Run();
  EXPECT_THAT(stack.synced_at_delivery, ::testing::ElementsAre(false, false, true));
}

TEST_F(WatchesTest, AnEditInTheFirstPassIsJudgedWhole) {
  for (int i = 0; i < 300; ++i) {
    world.server.Put("configmaps",
                     {{"metadata", {{"namespace", "a"}, {"name", "c" + std::to_string(i)}}}});
  }
  Put("target.name == 'c'");
  stack.Advance(absl::Seconds(5));
  ASSERT_EQ(Sick(), 1u);
  // Both at once: the second edit comes while the first is being listed and judged.
  Put("target.name != 'c'", 2);
  Put("object.?data.?x.orValue('') == ''", 3);
  stack.Advance(absl::Seconds(10));
  EXPECT_EQ(Readiness(), State::kReady);
  EXPECT_EQ(Sick(), 301u);
}

TEST_F(WatchesTest, OfAnotherKindNothingIsRemembered) {
  Put("true");
  stack.Advance(absl::Seconds(5));
  ASSERT_EQ(Sick(), 1u);
  Put("true", 2, {{"target", {{"apiVersion", "later.example/v1"}, {"kind", "Gadget"}}}});
  stack.Advance(absl::Seconds(5));
  EXPECT_EQ(Readiness(), State::kInactive);
  EXPECT_EQ(Sick(), 0u);
}

TEST_F(WatchesTest, AKindThatComesLaterIsFound) {
  Put("true", 1, {{"target", {{"apiVersion", "later.example/v1"}, {"kind", "Gadget"}}}});
  world.server.Put("gadgets", {{"metadata", {{"namespace", "a"}, {"name", "g"}}}});
  stack.Advance(absl::Minutes(1));
  ASSERT_EQ(Readiness(), State::kInactive);
  EXPECT_THAT(stack.watches.ReadinessOf(Policy()).message, ::testing::HasSubstr("Gadget"));
  stack.discovery.kinds["/apis/later.example/v1"] = {{"gadgets", "Gadget"}};
  stack.Advance(absl::Minutes(3));
  EXPECT_EQ(Readiness(), State::kReady);
  EXPECT_EQ(Sick(), 1u);
}

TEST_F(WatchesTest, EventsThatMayNotBeReadAreSaidAndHeal) {
  Put("true", 1, {{"events", {{{"name", "e"}, {"within", "10m"}}}}});
  stack.Advance(absl::Seconds(5));
  ASSERT_EQ(Readiness(), State::kReady);
  world.server.CutAll(Unavailable("reset"));
  for (int i = 0; i < 40; ++i) world.server.refusals.push_back({.code = 403, .body = "forbidden"});
  stack.Advance(absl::Seconds(10));
  EXPECT_EQ(Readiness(), State::kDenied);
  EXPECT_FALSE(stack.symptoms.policies().begin()->second.settled);
  world.server.Delete("configmaps", "a", "c");
  world.server.refusals.clear();
  stack.Advance(absl::Minutes(2));
  EXPECT_EQ(Readiness(), State::kReady);
  EXPECT_TRUE(stack.symptoms.policies().begin()->second.settled);
  EXPECT_EQ(Sick(), 0u);
}

// Another policy needs pods everywhere, so the watch of those in one namespace is closed.
TEST_F(WatchesTest, AJoinMovesToAWiderWatchWithoutDoublesOrHoles) {
  const auto open = [&] {
    std::vector<std::string> scopes;
    stack.watches.informers().ForEach([&](const cache::Informer& informer) {
      scopes.push_back(informer.spec().scope.ToString());
    });
    return scopes;
  };
  Put("related.pods.size() != 1", 1,
      {{"target", {{"all", nullptr}, {"namespaces", {"a"}}}},
       {"related",
        {{{"name", "pods"},
          {"apiVersion", "v1"},
          {"kind", "Pod"},
          {"sameNamespace", true},
          {"key", "it.spec.config"},
          {"equals", "target.name"}}}}});
  stack.Advance(absl::Seconds(5));
  ASSERT_THAT(open(), ::testing::Contains("pods in a"));
  EXPECT_EQ(Sick(), 0u);

  world.server.Put(
      "remediationpolicies",
      {{"apiVersion", "kube-remedy.io/v1alpha1"},
       {"kind", "RemediationPolicy"},
       {"metadata", {{"name", "wide"}, {"generation", 1}}},
       {"spec",
        {{"target", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"all", true}}},
         {"triggers", {{{"name", "t"}, {"match", {{{"name", "m"}, {"expression", "false"}}}}}}},
         {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}}});
  stack.Advance(absl::Seconds(10));
  ASSERT_THAT(open(), ::testing::Not(::testing::Contains("pods in a")));
  for (const char* value : {"1", "2"}) {
    world.server.Put("configmaps", {{"metadata", {{"namespace", "a"}, {"name", "c"}}},
                                    {"data", {{"changed", value}}}});
    stack.Run();
    EXPECT_EQ(Sick(), 0u);
    world.server.Put("pods", {{"metadata", {{"namespace", "a"}, {"name", "p"}}},
                              {"spec", {{"config", "c"}, {"changed", value}}}});
    stack.Run();
    EXPECT_EQ(Sick(), 0u);
  }
  world.server.Delete("pods", "a", "p");
  stack.Run();
  EXPECT_EQ(Sick(), 1u);
}

// That of an open remediation, which keeps to the policy that it started with.
TEST_F(WatchesTest, AnOlderCompilationThatIsStillServedCountsNothing) {
  Put("true");
  stack.Advance(absl::Seconds(5));
  const CompiledPolicyPtr old = stack.policies.Compiled().at(0);
  Put("true", 2);
  stack.Advance(absl::Seconds(5));
  stack.watches.Serve({old, stack.policies.Compiled().at(0)});
  stack.Advance(absl::Seconds(5));
  world.server.Put("configmaps", {{"metadata", {{"namespace", "a"}, {"name", "d"}}}});
  stack.Run();
  EXPECT_EQ(stack.symptoms.policies().begin()->second.selected, 2);
  EXPECT_EQ(Sick(), 2u);
}

// The right to watch was taken away, after the list.
TEST_F(WatchesTest, AStaleViewSaysWhatIsWrong) {
  Put("true");
  stack.Advance(absl::Seconds(5));
  ASSERT_EQ(stack.watches.Stale(Policy()), std::nullopt);
  world.server.CutAll(Unavailable("reset"));
  for (int i = 0; i < 40; ++i) world.server.refusals.push_back({.code = 403, .body = "forbidden"});
  stack.Advance(absl::Minutes(1));
  const auto stale = stack.watches.Stale(Policy());
  ASSERT_TRUE(stale.has_value());
  EXPECT_EQ(stale->reason, limits::Reason::kStaleView);
  EXPECT_THAT(stale->message, ::testing::HasSubstr("has been without connection"));
  EXPECT_THAT(stale->message, ::testing::HasSubstr("forbidden"));
  world.server.refusals.clear();
  stack.Advance(absl::Minutes(2));
  EXPECT_EQ(stack.watches.Stale(Policy()), std::nullopt);
}

// Events may be read, and no more when some of the targets have been judged.
TEST_F(WatchesTest, APassThatIsInterruptedBeginsAnew) {
  for (int i = 0; i < 300; ++i) {
    world.server.Put("configmaps",
                     {{"metadata", {{"namespace", "a"}, {"name", "c" + std::to_string(i)}}}});
  }
  Put("true", 1, {{"events", {{{"name", "e"}, {"within", "10m"}}}}});
  stack.Advance(absl::Seconds(5));
  ASSERT_EQ(Sick(), 301u);
  const auto deny = [&] {
    for (size_t i = world.transport.opened(); i-- > 0;) {
      auto& stream = world.transport.stream(i);
      if (!stream.open || stream.request.target.find("/events?") == std::string::npos) continue;
      return world.transport.End(stream, kube::ToStatus({.code = 403}));
    }
    FAIL() << "Events are not watched";
  };
  deny();
  stack.Run();
  ASSERT_EQ(Readiness(), State::kDenied);
  world.clock.Advance(*world.transport.NextDue());
  world.transport.RunDue();
  stack.engine.RunUntilIdle();
  world.transport.RunDue();
  world.server.Serve();  // well again, which the engine has not heard
  deny();                // and no more
  stack.Run();
  ASSERT_EQ(Readiness(), State::kDenied);
  stack.Advance(absl::Minutes(2));
  EXPECT_EQ(Readiness(), State::kReady);
  EXPECT_TRUE(stack.symptoms.policies().begin()->second.settled);
  EXPECT_EQ(Sick(), 301u);
}

}  // namespace
}  // namespace kr::policy
