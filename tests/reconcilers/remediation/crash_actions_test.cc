// kill -9 around every write of every action, and a wall clock that is set there: the end is that
// of the undisturbed run, nothing is done twice.
#include <ostream>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;

struct ActionCase {
  const char* name;
  const char* step;  // JSON
};

const ActionCase kCases[] = {
    {"Scale", R"JSON({"scale": {"replicasExpression": "object.spec.replicas * 2"}})JSON"},
    {"RolloutRestart", R"JSON({"rolloutRestart": {}})JSON"},
    {"Patch", R"JSON({"patch": {
        "set": [{"path": "/spec/replicas", "expression": "object.spec.replicas * 2"}]}})JSON"},
    {"JsonPatch", R"JSON({"patch": {"type": "JSON", "operations": [
        {"op": "replace", "path": "/spec/replicas",
         "valueExpression": "object.spec.replicas * 2"}]}})JSON"},
    {"PatchApply", R"JSON({"patch": {"type": "Apply",
        "set": [{"path": "/spec/replicas", "expression": "object.spec.replicas * 2"}]}})JSON"},
    {"SetEnvExpression", R"JSON({"setEnv": {"container": "main", "env": [
        {"name": "SHARDS", "valueExpression": "string(object.spec.replicas)"}]}})JSON"},
    {"Apply", R"JSON({"apply": {
        "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}},
        "set": [{"path": "/data/n", "expression": "string(object.spec.replicas)"}]}})JSON"},
    {"Evict", R"JSON({"deletePod": {}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "Pod", "nameExpression": "target.name + '-1'"}}})JSON"},
    {"DeletePod", R"JSON({"deletePod": {"mode": "Delete"}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "Pod", "name": "web-1"}}})JSON"},
    {"Delete", R"JSON({"delete": {}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "ConfigMap", "name": "old"}}})JSON"},
};

struct Ending {
  std::string phase;
  std::multiset<std::string> changes;  // of objects that are not ours
  json web, made;
  size_t writes_seen = 0;
  friend std::ostream& operator<<(std::ostream& os, const Ending& e) {
    os << e.phase << ", " << e.web << ", " << e.made;
    for (const std::string& change : e.changes) os << ", " << change;
    return os;
  }
  friend bool operator==(const Ending& a, const Ending& b) {
    return std::tie(a.phase, a.changes, a.web, a.made) ==
           std::tie(b.phase, b.changes, b.web, b.made);
  }
};

bool IsOurs(const FakeApi::Request& request) {
  return request.target.find("/kube-remedy.io/") != std::string::npos;
}

// The remedy with `step` on a sick Deployment, with `fault` at the `nth` write (from 1) and kill
// -9; with a `jump` nobody dies, the wall clock is set instead.
Ending Play(const ActionCase& action, size_t nth, Fault fault,
            absl::Duration jump = absl::ZeroDuration()) {
  Simulation s;
  s.server.Put(
      "deployments",
      {{"metadata",
        {{"namespace", "net"},
         {"name", "web"},
         {"generation", 1},
         {"annotations", {{"sick", "yes"}}}}},
       {"spec",
        {{"replicas", 3}, {"template", {{"spec", {{"containers", {{{"name", "main"}}}}}}}}}},
       {"status", {{"observedGeneration", 1}, {"replicas", 3}, {"updatedReplicas", 3}}}});
  s.server.Put("pods", {{"metadata", {{"namespace", "net"}, {"name", "web-1"}}}});
  s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "old"}}}});
  s.Policy(
      {{"target", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"namespaces", {"net"}}}},
       {"triggers",
        {{{"name", "sick"},
          {"match",
           {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
       {"remedies",
        {{{"name", "cure"}, {"steps", {json::parse(action.step)}}, {"cureWithin", "5m"}}}},
       {"recovery", {{"stableFor", "1s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
       {"limits", {{"maxUnhealthy", "100%"}, {"cooldown", "24h"}}}});
  Ending ending;
  bool crash = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/remediationpolicies/") != std::string::npos) return Fault::kNone;
    if (++ending.writes_seen != nth) return Fault::kNone;
    crash = jump == absl::ZeroDuration();
    s.clock.JumpWall(jump);
    return fault;
  };
  s.Start();
  for (int i = 0; i < 60; ++i) {
    s.Advance(absl::Seconds(1));
    if (crash) s.Restart();
    crash = false;
    if (i == 40) s.Edit("deployments", "net/web", {{"metadata", {{"annotations", nullptr}}}});
  }
  // What was to end at a time of day waits for that time when the clock was set back.
  s.Advance(absl::AbsDuration(jump));
  ending.phase = s.Phase();
  for (const FakeApi::Request& write : s.api.writes()) {
    if (!write.changed || IsOurs(write)) continue;
    ending.changes.insert(write.method + " " + write.target.substr(0, write.target.find('?')));
  }
  ending.web = s.Get("deployments", "net/web")["spec"];
  // The restart is stamped with the time at which its step began.
  ending.web["template"].erase("metadata");
  ending.made = s.Get("configmaps", "net/made")["data"];
  return ending;
}

class CrashOfAction : public ::testing::TestWithParam<ActionCase> {};

TEST_P(CrashOfAction, EndsAsIfNothingHadHappened) {
  const Ending undisturbed = Play(GetParam(), 0, Fault::kNone);
  ASSERT_EQ(undisturbed.phase, "Succeeded");
  ASSERT_EQ(undisturbed.changes.size(), 1u);
  for (size_t nth = 1; nth <= undisturbed.writes_seen; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      const Ending ending = Play(GetParam(), nth, fault);
      EXPECT_EQ(ending.phase, "Succeeded");
      EXPECT_EQ(ending.changes, undisturbed.changes);
      EXPECT_EQ(ending.web, undisturbed.web);
      EXPECT_EQ(ending.made, undisturbed.made);
    }
  }
}

TEST_P(CrashOfAction, ASetClockRepeatsNothing) {
  const Ending undisturbed = Play(GetParam(), 0, Fault::kNone);
  for (size_t nth = 1; nth <= undisturbed.writes_seen; ++nth) {
    for (const absl::Duration jump :
         {absl::Hours(3), -absl::Hours(3), absl::Hours(30), -absl::Hours(30), absl::Seconds(90)}) {
      SCOPED_TRACE("write " + std::to_string(nth) + ", set by " + absl::FormatDuration(jump));
      for (const Fault fault : {Fault::kNone, Fault::kLostAfter}) {
        Ending ending = Play(GetParam(), nth, fault, jump);
        // Set forward, the time for the proof may be over at once. Nothing else may be different.
        if (jump > absl::Minutes(5) && ending.phase == "Failed") ending.phase = undisturbed.phase;
        EXPECT_EQ(ending, undisturbed);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Actions, CrashOfAction, ::testing::ValuesIn(kCases),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(Crash, ScaleFactorAppliedOnceAcrossCrash) {
  for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
    for (size_t nth = 1; nth <= 6; ++nth) {
      EXPECT_EQ(Play(kCases[0], nth, fault).web["replicas"], 6);
    }
  }
}

}  // namespace
}  // namespace kr::remediation
