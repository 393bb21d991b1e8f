// kill -9 around every write of every action, and a wall clock that is set there: the end is that
// of the undisturbed run, nothing is done twice.
#include <ostream>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "reconcilers/node/job.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;

struct ActionCase {
  const char* name;
  const char* steps;  // JSON
  const char* kind = "Deployment";
  bool heals = true;  // in the end
};

const ActionCase kCases[] = {
    {"Scale", R"JSON([{"scale": {"replicasExpression": "object.spec.replicas * 2"}}])JSON"},
    {"RolloutRestart", R"JSON([{"rolloutRestart": {}}])JSON"},
    {"Patch", R"JSON([{"patch": {
        "set": [{"path": "/spec/replicas", "expression": "object.spec.replicas * 2"}]}}])JSON"},
    {"JsonPatch", R"JSON([{"patch": {"type": "JSON", "operations": [
        {"op": "replace", "path": "/spec/replicas",
         "valueExpression": "object.spec.replicas * 2"}]}}])JSON"},
    {"PatchApply", R"JSON([{"patch": {"type": "Apply",
        "set": [{"path": "/spec/replicas", "expression": "object.spec.replicas * 2"}]}}])JSON"},
    {"SetEnvExpression", R"JSON([{"setEnv": {"container": "main", "env": [
        {"name": "SHARDS", "valueExpression": "string(object.spec.replicas)"}]}}])JSON"},
    {"Apply", R"JSON([{"apply": {
        "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}},
        "set": [{"path": "/data/n", "expression": "string(object.spec.replicas)"}]}}])JSON"},
    {"Evict", R"JSON([{"deletePod": {}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "Pod", "nameExpression": "target.name + '-1'"}}}])JSON"},
    {"DeletePod", R"JSON([{"deletePod": {"mode": "Delete"}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "Pod", "name": "web-1"}}}])JSON"},
    {"Delete", R"JSON([{"delete": {}, "applyTo": {
        "ref": {"apiVersion": "v1", "kind": "ConfigMap", "name": "old"}}}])JSON"},
    {"Webhook", R"JSON([{"webhook": {"name": "fence", "deadline": "5m", "parameters": [
        {"name": "replicas", "expression": "object.spec.replicas"}]}}])JSON"},
    {"Notify", R"JSON([{"notify": {"messageExpression": "target.name + ' is sick'"}},
                       {"scale": {"replicas": 6}}])JSON"},
    {"Cordon", R"JSON([{"cordon": {}}])JSON", "Node"},
    {"Uncordon", R"JSON([{"cordon": {}}, {"uncordon": {}}])JSON", "Node"},
    {"Taint", R"JSON([{"taint": {"key": "example.com/sick", "value": "yes"}}])JSON", "Node"},
    {"Untaint", R"JSON([{"taint": {"key": "example.com/sick"}},
                        {"untaint": {"key": "example.com/sick"}}])JSON",
     "Node"},
    {"NodeCommand", R"JSON([{"nodeCommand": {"name": "restart", "startDeadline": "5m"}}])JSON",
     "Node"},
    {"DeleteNode", R"JSON([{"cordon": {}}, {"drain": {}}, {"deleteNode": {}}])JSON", "Node",
     /*heals=*/false},
};

struct Ending {
  std::string phase;
  std::multiset<std::string> changes;  // of objects that are not ours
  std::set<std::string> calls, said;   // to the world outside and to people: by content
  json patient, made;
  size_t writes_seen = 0;
  auto Tie() const { return std::tie(phase, changes, calls, said, patient, made); }
  friend std::ostream& operator<<(std::ostream& os, const Ending& e) {
    os << e.phase << ", " << e.patient << ", " << e.made;
    for (const std::string& change : e.changes) os << ", " << change;
    for (const std::string& call : e.calls) os << ", call " << call;
    for (const std::string& said : e.said) os << ", said " << said;
    return os;
  }
  friend bool operator==(const Ending& a, const Ending& b) { return a.Tie() == b.Tie(); }
};

// Of ours, an order to a node counts: it is executed. Its Job only brings the executor there.
bool IsOurs(const FakeApi::Request& request) {
  const auto is_about = [&request](const char* path) {
    return request.target.find(path) != std::string::npos;
  };
  return is_about("/jobs") || (is_about("/kube-remedy.io/") && !is_about("/nodetasks"));
}

// A sick Deployment and a sick Node, and what the actions are about.
void Populate(Simulation& s) {
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
  s.server.Put("nodes", {{"metadata", {{"name", "n1"}, {"annotations", {{"sick", "yes"}}}}},
                         {"spec", json::object()},
                         {"status",
                          {{"nodeInfo", {{"bootID", "boot-1"}, {"systemUUID", "sys-1"}}},
                           {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  s.server.Put(
      "nodecommands",
      {{"metadata", {{"name", "restart"}}},
       {"spec",
        {{"commands",
          {{{"argv", {"/usr/bin/systemctl", "restart", "kubelet"}}, {"timeout", "1m"}}}}}}});
  s.server.Put("secrets",
               {{"metadata", {{"namespace", "kube-remedy"}, {"name", "kube-remedy-webhook-fence"}}},
                {"data",
                 {{"url", absl::Base64Escape("https://hooks.example:8443/fence")},
                  {"hmac-key", absl::Base64Escape("key")}}}});
  s.api.kinds["/apis/kube-remedy.io/v1alpha1"] = {{"nodetasks", "NodeTask"},
                                                  {"nodecommands", "NodeCommand"}};
  s.api.kinds["/apis/coordination.k8s.io/v1"] = {{"leases", "Lease"}};
  s.options.limits.exempt_from_node_budget = {"policy"};
  s.options.node_jobs = {.name_space = node::kNodeNamespace,
                         .image = "remedy:1",
                         .service_account = node::kNodeServiceAccount};
}

// What pods of Jobs do on hosts.
void Execute(Simulation& s) {
  std::vector<json> tasks;
  for (const auto& [key, task] : s.server.Objects("nodetasks")) tasks.push_back(task);
  for (json& task : tasks) {
    const std::string name = task["metadata"]["name"];
    const json job = s.Get("jobs", std::string(node::kNodeNamespace) + "/" + name);
    if (job.is_null() || task.contains("status")) continue;
    task["status"] = {{"phase", "Succeeded"}};
    s.server.Put("nodetasks", task);
  }
}

// The remedy with the action on its sick patient, with `fault` at the `nth` write (from 1) and kill
// -9; with a `jump` nobody dies, the wall clock is set instead.
Ending Play(const ActionCase& action, size_t nth, Fault fault,
            absl::Duration jump = absl::ZeroDuration()) {
  const bool node = std::string_view(action.kind) == "Node";
  const std::string plural = node ? "nodes" : "deployments", key = node ? "/n1" : "net/web";
  Simulation s;
  Populate(s);
  s.Policy(
      {{"target",
        node ? json{{"apiVersion", "v1"}, {"kind", "Node"}, {"names", {"n1"}}}
             : json{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"namespaces", {"net"}}}},
       {"triggers",
        {{{"name", "sick"},
          {"match",
           {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
       {"remedies",
        {{{"name", "cure"}, {"steps", json::parse(action.steps)}, {"cureWithin", "5m"}}}},
       {"recovery", {{"stableFor", "1s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
       {"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}, {"cooldown", "24h"}}}});
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
    Execute(s);
    if (i == 40 && action.heals) {
      json patient = s.Get(plural, key);
      patient["metadata"]["annotations"].erase("sick");
      s.server.Put(plural, patient);
    }
  }
  // What was to end at a time of day waits for that time when the clock was set back.
  s.Advance(absl::AbsDuration(jump));
  ending.phase = s.Phase();
  for (const FakeApi::Request& write : s.api.writes()) {
    if (!write.changed || IsOurs(write)) continue;
    ending.changes.insert(write.method + " " + write.target.substr(0, write.target.find('?')));
  }
  for (const kube::OutboundRequest& call : s.outbound.calls) {
    ending.calls.insert(HeaderOf(call, "Idempotency-Key") + " " + call.body);
  }
  for (const std::string& told : s.told) {
    if (told.find(" is sick") != std::string::npos) ending.said.insert(told);
  }
  ending.patient = s.Get(plural, key)["spec"];
  // The restart is stamped with the time at which its step began.
  if (!node) ending.patient["template"].erase("metadata");
  ending.made = s.Get("configmaps", "net/made")["data"];
  return ending;
}

class CrashOfAction : public ::testing::TestWithParam<ActionCase> {};

TEST_P(CrashOfAction, EndsAsIfNothingHadHappened) {
  const Ending undisturbed = Play(GetParam(), 0, Fault::kNone);
  ASSERT_EQ(undisturbed.phase, "Succeeded");
  if (std::string_view(GetParam().kind) == "Deployment") {
    ASSERT_EQ(undisturbed.changes.size() + undisturbed.calls.size(), 1u);
  } else {
    ASSERT_GE(undisturbed.changes.size(), 1u);
  }
  for (size_t nth = 1; nth <= undisturbed.writes_seen; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      const Ending ending = Play(GetParam(), nth, fault);
      EXPECT_EQ(ending, undisturbed);
    }
  }
}

TEST_P(CrashOfAction, ASetClockRepeatsNothing) {
  std::vector<absl::Duration> jumps = {absl::Hours(3), -absl::Hours(3), absl::Hours(30),
                                       -absl::Hours(30), absl::Seconds(90)};
  if (std::string_view(GetParam().kind) == "Node") {  // looked at every few seconds: days are long
    jumps = {absl::Hours(3), -absl::Minutes(20), absl::Seconds(90)};
  }
  const Ending undisturbed = Play(GetParam(), 0, Fault::kNone);
  for (size_t nth = 1; nth <= undisturbed.writes_seen; ++nth) {
    for (const absl::Duration jump : jumps) {
      SCOPED_TRACE("write " + std::to_string(nth) + ", set by " + absl::FormatDuration(jump));
      for (const Fault fault : {Fault::kNone, Fault::kLostAfter}) {
        Ending ending = Play(GetParam(), nth, fault, jump);
        // Set forward, the time for the proof may be over at once. Nothing else may be different,
        // but that an order to a node may not have gone out in time.
        if (jump > absl::Minutes(5) && ending.phase == "Failed") {
          EXPECT_THAT(undisturbed.changes, ::testing::IsSupersetOf(ending.changes));
          if (std::string_view(GetParam().name) == "NodeCommand") continue;
          ending.phase = undisturbed.phase;
        }
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
      EXPECT_EQ(Play(kCases[0], nth, fault).patient["replicas"], 6);
    }
  }
}

}  // namespace
}  // namespace kr::remediation
