// What went wrong with other remediators, as their issue trackers tell it, and must not here. The
// numbers are only names; what has its own tests elsewhere is told there: F04 and F30 with the
// actions that they are about.
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "crds/v1alpha1/codec.h"
#include "tests/reconcilers/remediation/sick_sets.h"
#include "tests/support/status_matchers.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Stories : public SickSets {
 protected:
  // A remedy that never helps.
  json Useless() {
    return {{{"name", "useless"},
             {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"tried", "x"}}}}}}}}}}}},
             {"verify", {{{"name", "v"}, {"expression", "false"}}}},
             {"cureWithin", "10s"}}};
  }
};

// An empty selector meant every node.
TEST_F(Stories, F01_AnEmptySelectorIsNoWishForEverything) {
  json policy = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                 {"kind", "RemediationPolicy"},
                 {"metadata", {{"name", "p"}}},
                 {"spec", AnnotatedSpec()}};
  policy["spec"]["target"] = {{"apiVersion", "v1"}, {"kind", "Node"}, {"selector", json::object()}};
  EXPECT_THAT(crds::FromJson<crds::RemediationPolicy>(policy),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("all: true")));
}

// 75 % of the nodes were cordoned in one outage.
TEST_F(Stories, F02_AnOutageIsNotAThousandIncidents) {
  Sets(50);
  s.Policy(AnnotatedSpec());
  s.Start();
  for (int i = 0; i < 45; ++i) Sick(i);
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(s.PolicyStatus()["targets"]["waiting"], 45);
  EXPECT_EQ(s.PolicyStatus()["waitingReasons"],
            json::parse(R"([{"reason": "BreakerOpen", "count": 45}])"));
}

// It drained a node that had recovered while it was queued.
TEST_F(Stories, F03_WhatRecoversWhileItWaitsIsLeftAlone) {
  Sets(10);
  s.Policy(AnnotatedSpec({{"limits", {{"maxConcurrent", 1}, {"maxUnhealthy", "100%"}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(6));
  Sick(1);
  s.Advance(absl::Seconds(6));
  ASSERT_THAT(s.Waiting(), HasSubstr("MaxConcurrent"));
  Sick(1, false);
  Sick(0, false);
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Waiting(), "");
}

// The clock began anew when the condition went from Unknown to False during a reboot.
TEST_F(Stories, F12_TheClockGoesOnThroughAllStatusesOfTheTrigger) {
  s.DaemonSet("ds-0");
  s.Policy(
      AnnotatedSpec({{"triggers",
                      {{{"name", "down"},
                        {"for", "3m"},
                        {"condition", {{"type", "Up"}, {"status", {"Unknown", "False"}}}}}}}}));
  s.Start();
  const auto report = [&](const std::string& status) {
    json set = s.Get("daemonsets", "net/ds-0");
    set["status"]["conditions"] = {
        {{"type", "Up"},
         {"status", status},
         {"lastTransitionTime",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", s.clock.Now(), absl::UTCTimeZone())}}};
    s.server.Put("daemonsets", set);
  };
  report("Unknown");
  for (int i = 0; i < 175; ++i) {
    s.Advance(absl::Seconds(1));
    if (i == 60) report("False");
    if (i == 120) report("Unknown");
    // Nor does an object that is written all the time, be it with nothing new.
    s.server.Put("daemonsets", s.Get("daemonsets", "net/ds-0"));
  }
  EXPECT_EQ(s.Patches(), 0u);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
}

// The same remediation ran 39 times without effect.
TEST_F(Stories, F13_WhatDoesNotHelpIsNotRepeatedForEver) {
  Sets(1);
  s.Policy(AnnotatedSpec({{"remedies", Useless()}, {"limits", {{"cooldown", "1m"}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Hours(48));
  EXPECT_EQ(s.Remediations().size(), 3u);
  EXPECT_THAT(s.Waiting(), HasSubstr("Exhausted: 3 remediations in a row did not help"));
  EXPECT_EQ(s.PolicyStatus()["targets"]["exhausted"], 1);
}

// Success was reported while the symptom persisted.
TEST_F(Stories, F14_SuccessIsProvedFirst) {
  Sets(1);
  s.Policy(AnnotatedSpec({{"recovery", {{"stableFor", "1m"}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Minutes(3));
  EXPECT_NE(s.Phase(), "Succeeded") << "the symptom is still there";
  Sick(0, false);
  s.Advance(absl::Seconds(30));
  EXPECT_NE(s.Phase(), "Succeeded") << "it has to stay away";
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

// Nothing happened, and nobody could tell why.
TEST_F(Stories, F15_WhoeverWaitsIsToldWhyAndUntilWhen) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(6));
  Sick(0, false);
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Phase(), "Succeeded");
  Sick(0);
  s.Advance(absl::Seconds(8));
  const json waiting = s.PolicyStatus()["waiting"][0];
  EXPECT_EQ(waiting["target"]["name"], "ds-0");
  EXPECT_EQ(waiting["reason"], "CoolingDown");
  EXPECT_TRUE(waiting.contains("nextCheck"));
}

// An open breaker kept nodes cordoned for ever.
TEST_F(Stories, F16_ABreakerNeverBlocksTheTakingBack) {
  Sets(20);
  s.Policy(
      AnnotatedSpec({{"remedies",
                      {{{"name", "set"},
                        {"steps",
                         {{{"setEnv",
                            {{"container", "calico-node"},
                             {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}},
                          {{"waitFor", {{"expression", "false"}, {"timeout", "1m"}}},
                           {"onFailure", "Rollback"}}}}}}}}));
  s.Start();
  json set = s.Get("daemonsets", "net/ds-0");  // nobody else owns a field of it
  set["metadata"]["annotations"] = {{"sick", "yes"}};
  s.server.Put("daemonsets", set);
  s.Advance(absl::Seconds(10));
  ASSERT_EQ(s.HealthHost("ds-0"), "127.0.0.1");
  for (int i = 1; i < 18; ++i) Sick(i);
  s.Advance(absl::Seconds(10));
  ASSERT_THAT(s.Waiting(), HasSubstr("BreakerOpen"));
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.HealthHost("ds-0"), "") << "the breaker is open, and the change is taken back";
  EXPECT_EQ(s.Patches(), 2u);
  EXPECT_EQ(s.Phase(), "Failed");
}

// After a reset of the breaker, old events were replayed.
TEST_F(Stories, F17_AfterAStormOnlyThePresentCounts) {
  Sets(20);
  s.Policy(AnnotatedSpec());
  s.Start();
  for (int i = 0; i < 15; ++i) Sick(i);
  s.Advance(absl::Minutes(5));
  for (int i = 0; i < 14; ++i) Sick(i, false);
  s.Advance(absl::Minutes(15));
  EXPECT_EQ(s.Patches(), 1u) << "only the one that is still sick";
}

// Every event made another custom resource for the same incident.
TEST_F(Stories, F18_OneEpisodeIsOneRemediation) {
  s.DaemonSet("calico-node");
  s.Pod("calico-node-a", "calico-node");
  s.Policy(FelixSpec());
  s.Start();
  for (int i = 0; i < 20; ++i) s.Event("calico-node-a", "e" + std::to_string(i), 5);
  s.Restart();
  for (int i = 20; i < 40; ++i) s.Event("calico-node-a", "e" + std::to_string(i), 5);
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Patches(), 1u);
}

// One node told its story a thousand times, and the others waited.
TEST_F(Stories, F21_ANoisyTargetStarvesNobody) {
  s.DaemonSet("noisy");
  s.Pod("noisy-pod", "noisy");
  s.DaemonSet("quiet");
  s.Pod("quiet-pod", "quiet");
  s.Policy(FelixSpec({{"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 5}}}}));
  s.Start();
  s.Advance(absl::Seconds(5));
  // The noisy one is being treated, so that every Event of its is news to somebody.
  s.Event("noisy-pod", "first", 3);
  s.Advance(absl::Seconds(1));
  ASSERT_EQ(s.Patches(), 1u);
  const absl::Time begin = absl::Now();
  for (int i = 0; i < 1000; ++i) s.Event("noisy-pod", "e-" + std::to_string(i), i);
  s.Event("quiet-pod", "q", 3);
  s.Advance(absl::Milliseconds(500));
  EXPECT_EQ(s.HealthHost("quiet"), "127.0.0.1");
  // Also of the processor's time, of which it takes 0.2 s, and 1.2 s with sanitizers.
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

// Old custom resources filled etcd.
TEST_F(Stories, F22_HistoryIsBounded) {
  s.options.prune_interval = absl::Minutes(1);
  s.options.limits.relapse = absl::ZeroDuration();
  Sets(1);
  s.Policy(AnnotatedSpec(
      {{"limits", {{"cooldown", "0s"}}}, {"history", {{"succeeded", 3}, {"failed", 2}}}}));
  s.Start();
  for (int i = 0; i < 20; ++i) {
    Sick(0);
    s.Advance(absl::Seconds(6));
    Sick(0, false);
    s.Advance(absl::Minutes(2));
  }
  EXPECT_LE(s.Remediations().size(), 4u);
}

// A lock was held by somebody who was gone.
TEST_F(Stories, F23_TheEndOfARemediationFreesWhatItHeld) {
  Sets(1);
  s.Policy(AnnotatedSpec(), "first");
  s.Policy(AnnotatedSpec(
               {{"triggers",
                 {{{"name", "later"},
                   {"for", "10s"},
                   {"match",
                    {{{"name", "m"},
                      {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}}}),
           "second");
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(12));
  ASSERT_THAT(s.Waiting("second"), HasSubstr("TargetBusy"));
  // Somebody deletes the Remediation itself: nothing is left that could release anything.
  s.server.Delete("remediations", "", s.Remediations()[0]["metadata"]["name"].get<std::string>());
  s.server.Delete("remediationpolicies", "", "first");
  s.Advance(absl::Seconds(5));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Remediations()[0]["spec"]["policyRef"]["name"], "second");
}

// A write was lost, or never made, because somebody else wrote to the same object all the time.
TEST_F(Stories, F24_SomebodyWhoWritesAllTheTimeKeepsNobodyOut) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  const auto write = [&](int n) {
    s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"annotations", {{"n", std::to_string(n)}}}}}});
  };
  // Between our read and our write, the first time; then every 50 ms.
  bool late = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    const bool ours =
        request.method == "PATCH" && absl::StrContains(request.target, "/daemonsets/");
    if (ours && !std::exchange(late, true)) write(0);
    return FakeApi::Fault::kNone;
  };
  Sick(0);
  for (int n = 1; n <= 200; ++n) {
    s.Advance(absl::Milliseconds(50));
    write(n);
  }
  EXPECT_TRUE(late);
  EXPECT_EQ(s.Patches(), 1u);
}

// An engine triggered itself by its own writes.
TEST_F(Stories, F25_OurOwnWritesStartNothing) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(8));
  Sick(0, false);
  s.Advance(absl::Hours(5));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Patches(), 1u);
}

// Ten thousand targets did not fit into a status.
TEST_F(Stories, F27_TheStatusOfHundredsOfSickTargetsIsSmall) {
  Sets(200);
  for (int i = 0; i < 200; ++i) Sick(i);
  s.Policy(AnnotatedSpec());
  s.Start();
  s.Advance(absl::Seconds(10));
  const json status = s.PolicyStatus();
  EXPECT_EQ(status["targets"]["waiting"], 200);
  EXPECT_EQ(status["waiting"].size(), 50u);
  EXPECT_EQ(status["waitingReasons"][0]["count"], 200);
  EXPECT_LT(status.dump().size(), 64u * 1024);
}

// Two controllers worked on one machine.
TEST_F(Stories, F28_WhatAnotherToolRemediatesIsLeftToIt) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Edit("daemonsets", "net/ds-0",
         {{"metadata",
           {{"annotations", {{"cluster.x-k8s.io/skip-remediation", ""}, {"sick", "yes"}}}}}});
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("ForeignMaintenance"));
}

// A patch was fought back and forth with the operator that owned the object.
TEST_F(Stories, F29_AFightIsStoppedAndTheOtherNamed) {
  Sets(1);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "t"},
          {"for", "1s"},
          {"match",
           {{{"name", "m"},
             {"expression", "object.metadata.?labels['size'].orValue('') != 'small'"}}}}}}},
       {"remedies",
        {{{"name", "r"},
          {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"size", "small"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  for (int i = 0; i < 20; ++i) {
    s.Advance(absl::Minutes(20));
    s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"labels", {{"size", "large"}}}}}}, "argocd");
  }
  s.Advance(absl::Minutes(1));
  EXPECT_LE(s.Patches(), 3u);
  EXPECT_THAT(s.Waiting(), HasSubstr("Contended: \"argocd\" set our change of DaemonSet net/ds-0 "
                                     "back 2 times"));
}

// It went on acting while it could not see.
TEST_F(Stories, F32_AStaleViewFreezesEverything) {
  s.options.watches.stale_after = absl::Seconds(30);
  Sets(2);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "t"},
          {"for", "3m"},
          {"match",
           {{{"name", "m"},
             {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(1));
  // From now on nothing is heard, but the clock goes on past `for`.
  for (int i = 0; i < 300; ++i)
    s.server.refusals.push_back({.code = 503, .headers = {}, .body = "{}"});
  s.server.CutAll(Unavailable("the network is gone"));
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_TRUE(s.Remediations().empty());
  s.server.refusals.clear();
  s.Advance(absl::Minutes(6));
  EXPECT_EQ(s.Patches(), 1u) << "and goes on when it sees again";
}

}  // namespace
}  // namespace kr::remediation
