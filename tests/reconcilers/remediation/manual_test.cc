// Remediations that a person makes to run a policy by hand, and `retry`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Manual : public ::testing::Test {
 protected:
  void Begin(const json& patch = json::object()) {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.Policy(FelixSpec(patch));
    s.Start();
  }
  void Run(const std::string& name = "by-hand", const json& spec = json::object(),
           const json& metadata = json::object()) {
    json object = {{"metadata",
                    {{"name", name},
                     {"generation", 1},
                     {"creationTimestamp",
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", s.clock.Now(), absl::UTCTimeZone())}}},
                   {"spec",
                    {{"policyRef", {{"name", "policy"}}},
                     {"targetRef",
                      {{"apiVersion", "apps/v1"},
                       {"kind", "DaemonSet"},
                       {"namespace", "net"},
                       {"name", "calico-node"}}},
                     {"requestedBy", "alice"}}}};
    object["spec"].merge_patch(spec);
    object["metadata"].merge_patch(metadata);
    s.server.Put("remediations", object);
    s.Advance(absl::Seconds(1));
  }
  void ProbesFail(const std::string& prefix) {
    for (const char* name : {"1", "2", "3"}) s.Event("calico-1", prefix + name);
    s.Advance(absl::Seconds(1));
  }
  json Of(const std::string& name = "by-hand") { return s.Get("remediations", "/" + name); }
  std::string Phase(const std::string& name = "by-hand") {
    return Of(name).value(json::json_pointer("/status/phase"), "");
  }
  std::string Reason(const std::string& name = "by-hand") {
    return Of(name).value(json::json_pointer("/status/reason"), "");
  }
  std::string Text(const std::string& name = "by-hand") {
    return Of(name).value(json::json_pointer("/status/message"), "");
  }
  Simulation s;
};

TEST_F(Manual, OneThatMayNotBeTakenUpSaysSo) {
  s.api.fault = [](const FakeApi::Request& request) {
    return request.target.find("/remediations/by-hand?") != std::string::npos
               ? FakeApi::Fault::kForbidden
               : FakeApi::Fault::kNone;
  };
  Begin();
  Run();
  EXPECT_EQ(Phase(), "Failed");
  EXPECT_EQ(Reason(), "PermissionDenied");
  EXPECT_THAT(Text(), HasSubstr("refuses to note which policy and target it is about: "));
}

TEST_F(Manual, NeedsNoSymptom) {
  Begin();
  Run();
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
  EXPECT_EQ(Of()["metadata"]["labels"]["kube-remedy.io/manual"], "true");
  EXPECT_EQ(Of()["spec"]["targetRef"]["uid"],
            s.Get("daemonsets", "net/calico-node")["metadata"]["uid"]);
  EXPECT_THAT(s.told, ::testing::Contains(HasSubstr("run by hand, by alice")));
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(Phase(), "Succeeded");
}

// Where the controller acts by itself, a rung ends when its symptom goes away in the middle of it;
// a person's run goes on to its last step.
TEST_F(Manual, LaterStepsNeedNoSymptomEither) {
  const auto set = [](const char* name) {
    return json{
        {"setEnv", {{"container", "calico-node"}, {"env", {{{"name", name}, {"value", "1"}}}}}}};
  };
  Begin({{"remedies",
          {{{"name", "both"},
            {"steps", {set("FIRST"), set("SECOND")}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}},
            {"cureWithin", "20m"}}}}});
  Run();
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Patches(), 2u) << Of()["status"]["steps"].dump(2);
}

TEST_F(Manual, APolicyWithoutTriggersRunsOnlyByHand) {
  json patch = {{"triggers", json::array()}};
  Begin(patch);
  ProbesFail("e");
  EXPECT_EQ(s.Remediations().size(), 0u);
  Run();
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
}

TEST_F(Manual, ManualRunCannotEscapeSelector) {
  Begin();
  s.DaemonSet("calico-node", "kube-system");
  s.Advance(absl::Seconds(1));
  Run("elsewhere", {{"targetRef", {{"namespace", "kube-system"}}}});
  Run("nothing", {{"targetRef", {{"name", "missing"}}}});
  Run("kind", {{"targetRef", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}}}});
  s.Advance(absl::Seconds(10));
  for (const char* name : {"elsewhere", "nothing", "kind"}) {
    EXPECT_EQ(Phase(name), "Failed") << name;
    EXPECT_EQ(Reason(name), "NotSelected") << name;
  }
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Manual, WhatCannotBeIsRefusedAndSaysWhy) {
  Begin();
  Run("policy", {{"policyRef", {{"name", "polciy"}}}});
  Run("uid", {{"policyRef", {{"uid", "another"}}}});
  Run("object", {{"targetRef", {{"uid", "another"}}}});
  Run("params", {{"params", {{"minReady", 3}}}});
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(Text("policy"), HasSubstr("there is no RemediationPolicy polciy"));
  EXPECT_THAT(Text("uid"), HasSubstr("policyRef.uid"));
  EXPECT_THAT(Text("object"), HasSubstr("targetRef.uid"));
  EXPECT_THAT(Text("params"), HasSubstr("spec.params"));
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Manual, ARunMayHaveItsOwnParameters) {
  Begin({{"params", {{{"name", "on"}, {"type", "boolean"}, {"default", false}}}},
         {"triggers", json::array()},
         {"remedies",
          {{{"name", "set"},
            {"matchConditions", {{{"name", "on"}, {"expression", "params.on"}}}},
            {"steps", FelixSpec()["remedies"][0]["steps"]},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  Run("wrong", {{"params", {{"on", 3}}}});
  s.Advance(absl::Seconds(2));
  EXPECT_THAT(Text("wrong"), HasSubstr("spec.params.on: expected true or false, found 3"));
  Run("off");
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Patches(), 0u) << "the default";
  Run("on", {{"params", {{"on", true}}}});
  s.Advance(absl::Milliseconds(100));
  s.Restart();  // it keeps the values that it began with
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
}

TEST_F(Manual, SkipsTheCooldown) {
  Begin({{"limits", {{"cooldown", "10h"}, {"rate", {{"count", 1}, {"within", "10h"}}}}}});
  ProbesFail("e");
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(4));
  ASSERT_EQ(s.Phase(), "Succeeded");
  s.DaemonSet("calico-node");  // as if it had been installed anew
  s.Advance(absl::Seconds(1));
  Run();
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
}

TEST_F(Manual, LimitsHold) {
  s.DaemonSet("other");
  Begin({{"limits", {{"maxConcurrent", 1}}}});
  ProbesFail("e");
  ASSERT_EQ(s.Phase(), "Running");
  Run("by-hand", {{"targetRef", {{"name", "other"}}}});
  EXPECT_EQ(Phase(), "Pending");
  EXPECT_EQ(Reason(), "MaxConcurrent");
  EXPECT_EQ(s.HealthHost("other"), "");
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.HealthHost("other"), "127.0.0.1");
}

TEST_F(Manual, APausedPolicyKeepsItWaiting) {
  Begin({{"paused", true}});
  Run();
  EXPECT_EQ(Phase(), "Pending");
  EXPECT_EQ(Reason(), "Paused");
  s.Policy(FelixSpec());
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
}

TEST_F(Manual, ThePolicysModeHolds) {
  Begin({{"mode", "Observe"}});
  Run();
  EXPECT_EQ(Phase(), "Observed");
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(Of()["status"]["plan"].size(), 2u);
}

TEST_F(Manual, ItMayBeMoreCarefulThanThePolicy) {
  Begin();
  Run("look", {{"mode", "Observe"}});
  EXPECT_EQ(Phase("look"), "Observed");
  EXPECT_FALSE(Of("look")["status"]["ledger"].contains("cooldownUntil"));
  Run("ask", {{"mode", "Approve"}});
  EXPECT_EQ(Phase("ask"), "AwaitingApproval");
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Manual, OneThatIsAtWorkAlreadyGoesOn) {
  Begin();
  ProbesFail("e");
  ASSERT_EQ(s.Phase(), "Running");
  s.Advance(absl::Seconds(2));
  Run();
  EXPECT_EQ(Phase(), "Cancelled");
  EXPECT_EQ(Reason(), "Duplicate");
}

// Times of creation are whole seconds: who was first is not decided by names.
TEST_F(Manual, OneOfTheSameSecondDoesNotPushIn) {
  Begin({{"limits", {{"maxConcurrent", 10}}}});
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Milliseconds(100));
  ASSERT_EQ(s.Phase(), "Running");
  Run("a-first-by-name", json::object(),
      {{"creationTimestamp", s.Remediations()[0]["metadata"]["creationTimestamp"]}});
  EXPECT_EQ(Phase("a-first-by-name"), "Cancelled");
  EXPECT_EQ(Reason("a-first-by-name"), "Duplicate");
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Manual, ItCountsInTheLineage) {
  Begin();
  Run("run-20261121");  // no number of ours
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(4));
  ASSERT_EQ(Phase("run-20261121"), "Succeeded");
  EXPECT_EQ(Of("run-20261121")["status"]["ledger"]["n"], 1);
  EXPECT_TRUE(Of("run-20261121")["status"]["ledger"].contains("cooldownUntil"));
}

// A crash between any two writes of it.
TEST_F(Manual, ACrashAnywhereEndsTheSame) {
  size_t writes = 0;
  for (size_t at = 1; at < 40; ++at) {
    Simulation world;
    std::swap(world.options, s.options);
    Simulation& w = world;
    w.DaemonSet("calico-node");
    w.Pod("calico-1", "calico-node");
    w.Policy(FelixSpec());
    w.Start();
    size_t seen = 0;
    bool crash = false;
    w.api.fault = [&](const FakeApi::Request& request) {
      if (request.target.find("remediationpolicies") != std::string::npos) {
        return FakeApi::Fault::kNone;
      }
      if (++seen != at) return FakeApi::Fault::kNone;
      crash = true;
      return FakeApi::Fault::kLostAfter;
    };
    w.server.Put("remediations", {{"metadata", {{"name", "by-hand"}, {"generation", 1}}},
                                  {"spec",
                                   {{"policyRef", {{"name", "policy"}}},
                                    {"targetRef",
                                     {{"apiVersion", "apps/v1"},
                                      {"kind", "DaemonSet"},
                                      {"namespace", "net"},
                                      {"name", "calico-node"}}}}}});
    for (int i = 0; i < 600; ++i) {
      if (crash) {
        crash = false;
        w.Restart();
      }
      w.Advance(absl::Seconds(1));
      w.RollOut("calico-node");
    }
    const json done = w.Get("remediations", "/by-hand");
    EXPECT_EQ(done["status"]["phase"], "Succeeded") << "crash at write " << at << done.dump(2);
    EXPECT_EQ(w.Patches(), 1u) << at;
    if (seen < at) break;
    writes = at;
  }
  EXPECT_GT(writes, 3u);
}

TEST_F(Manual, RetryForgetsFailures) {
  Begin({{"limits", {{"cooldown", "1h"}}}});
  for (int i = 0; i < 3; ++i) {
    ProbesFail("e" + std::to_string(i));
    s.Advance(absl::Minutes(40));  // never rolled out
    s.DaemonSet("calico-node");
    s.Advance(absl::Hours(i < 2 ? 5 : 1));
  }
  ProbesFail("again");
  ASSERT_THAT(s.Waiting(), HasSubstr("Exhausted"));
  const size_t before = s.Remediations().size();
  json newest = s.Remediations().back();
  newest["spec"]["retry"] = true;
  s.server.Put("remediations", newest);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Remediations().size(), before + 1);
}

}  // namespace
}  // namespace kr::remediation
