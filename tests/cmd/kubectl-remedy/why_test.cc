// why: what every signal is called, what only the controller knows, and since when something holds.
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/base/digest.h"
#include "tests/cmd/kubectl-remedy/fake_cluster.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDeployments[] = "/apis/apps/v1/namespaces/shop/deployments";
constexpr char kBaselines[] = "/apis/kube-remedy.io/v1alpha1/targetbaselines";
constexpr char kEvents[] = "/api/v1/namespaces/shop/events";
constexpr char kReplicas[] = "object.spec.replicas";

json Resources(const std::string& version, const std::string& plural, const std::string& kind) {
  return {{"kind", "APIResourceList"},
          {"groupVersion", version},
          {"resources",
           {{{"name", plural},
             {"kind", kind},
             {"namespaced", true},
             {"verbs", {"get", "list", "watch"}}}}}};
}

json TargetRef() {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"namespace", "shop"},
          {"name", "web"},
          {"uid", "t"}};
}

json Remediation(const std::string& policy, const json& status) {
  return {{"apiVersion", "kube-remedy.io/v1alpha1"},
          {"kind", "Remediation"},
          {"metadata", {{"name", policy + "-web-1"}, {"uid", "r"}}},
          {"spec",
           {{"policyRef", {{"name", policy}, {"uid", policy + "-1"}}},
            {"targetRef", TargetRef()},
            {"mode", "Enforce"}}},
          {"status", status}};
}

class Why : public ::testing::Test {
 protected:
  void SetUp() override {
    FakeCluster& cluster = terminal.cluster;
    // A list without anything in it is none to this server.
    cluster.Put(kRemediations, Remediation("another", json::object()));
    const json other = {{"metadata", {{"name", "other"}, {"namespace", "shop"}}}};
    cluster.Put(kEvents, other);
    cluster.Put("/apis/coordination.k8s.io/v1/namespaces/shop/leases", other);
    cluster.Answer("/apis/apps/v1", Resources("apps/v1", "deployments", "Deployment"));
    cluster.Answer("/api/v1", Resources("v1", "events", "Event"));
    cluster.Put(kDeployments, {{"apiVersion", "apps/v1"},
                               {"kind", "Deployment"},
                               {"metadata", {{"name", "web"}, {"namespace", "shop"}, {"uid", "t"}}},
                               {"spec", {{"replicas", 2}}},
                               {"status",
                                {{"conditions",
                                  {{{"type", "Available"},
                                    {"status", "False"},
                                    {"lastTransitionTime", "2026-01-02T03:00:00Z"}}}}}}});
  }

  void Policy(const json& triggers, const json& more = json::object(), json status = {}) {
    json spec = {{"target",
                  {{"apiVersion", "apps/v1"},
                   {"kind", "Deployment"},
                   {"namespaces", {"shop"}},
                   {"names", {"web"}}}},
                 {"triggers", triggers},
                 {"remedies", {{{"name", "tell"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}};
    spec.update(more);
    json policy = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                   {"kind", "RemediationPolicy"},
                   {"metadata", {{"name", "p"}, {"uid", "p-1"}, {"generation", 1}}},
                   {"spec", spec}};
    if (!status.is_null()) policy["status"] = std::move(status);
    terminal.cluster.Put(kPolicies, policy);
  }

  void PutEvent(const std::string& name, const std::string& time) {
    terminal.cluster.Put(kEvents,
                         {{"apiVersion", "v1"},
                          {"kind", "Event"},
                          {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", name}}},
                          {"involvedObject", TargetRef()},
                          {"type", "Warning"},
                          {"reason", "Odd"},
                          {"message", "it is odd"},
                          {"firstTimestamp", time},
                          {"lastTimestamp", time},
                          {"count", 1}});
  }

  // The answer about the only policy.
  json Ask() {
    EXPECT_EQ(terminal.Run({"why", "deployment/web", "-n", "shop", "-o", "json"}), 0)
        << terminal.err.str();
    const json answer = json::parse(terminal.out.str(), nullptr, false);
    EXPECT_EQ(answer["policies"].size(), 1u) << terminal.out.str();
    json one = answer["policies"].empty() ? json() : answer["policies"][0];
    EXPECT_TRUE(one.contains("triggers")) << answer;
    return one;
  }
  std::string Text() {
    EXPECT_EQ(terminal.Run({"why", "deployment/web", "-n", "shop"}), 0) << terminal.err.str();
    return terminal.out.str();
  }

  Terminal terminal;
};

TEST_F(Why, EverySignalIsCalledByItsName) {
  const json alert = {{"labels", {{"alertname", "A"}}}, {"targetLabels", {{"name", "deployment"}}}};
  Policy(
      {
          {{"name", "a"}, {"condition", {{"type", "Available"}, {"status", {"False"}}}}},
          {{"name", "b"}, {"events", {{"from", "odd"}}}},
          {{"name", "c"}, {"absent", json::object()}},
          {{"name", "d"}, {"alert", alert}},
          {{"name", "e"}, {"changed", {{"expression", kReplicas}}}},
          {{"name", "f"}, {"increase", {{"expression", kReplicas}, {"by", 1}, {"within", "5m"}}}},
          {{"name", "g"}, {"lease", {{"namespace", "shop"}, {"name", "web"}, {"state", "Stale"}}}},
          {{"name", "h"}, {"schedule", {{"cron", "0 3 1 1 *"}}}},
          {{"name", "i"}, {"match", {{{"name", "never"}, {"expression", "false"}}}}},
      },
      {{"events", {{{"name", "odd"}, {"reason", "^Odd$"}, {"within", "1h"}}}}});
  std::map<std::string, std::string> names;
  const json answer = Ask();
  for (const json& trigger : answer["triggers"]) {
    ASSERT_EQ(trigger["signals"].size(), 1u) << trigger;
    names[trigger["name"]] = trigger["signals"][0]["name"];
  }
  EXPECT_EQ(names, (std::map<std::string, std::string>{{"a", "condition"},
                                                       {"b", "events.odd"},
                                                       {"c", "absent"},
                                                       {"d", "alert"},
                                                       {"e", "changed"},
                                                       {"f", "increase"},
                                                       {"g", "lease"},
                                                       {"h", "schedule"},
                                                       {"i", "match.never"}}));
}

TEST_F(Why, WhatOnlyTheControllerKnowsIsNotCalledFalse) {
  const json alert = {{"labels", {{"alertname", "A"}}}, {"targetLabels", {{"name", "deployment"}}}};
  const json cases = {
      {{"name", "t"}, {"alert", alert}},
      {{"name", "t"}, {"increase", {{"expression", kReplicas}, {"by", 1}, {"within", "5m"}}}},
      {{"name", "t"}, {"lease", {{"namespace", "shop"}, {"name", "web"}, {"state", "Stale"}}}},
      {{"name", "t"}, {"lease", {{"namespace", "shop"}, {"name", "web"}, {"state", "Fresh"}}}}};
  for (const json& trigger : cases) {
    SCOPED_TRACE(trigger.dump());
    Policy(json::array({trigger}));
    const json answer = Ask();
    EXPECT_EQ(answer["symptom"], "Unknown");
    EXPECT_THAT(answer["triggers"][0]["signals"][0].value("cause", ""),
                HasSubstr("known to the controller only"));
    EXPECT_THAT(Text(), HasSubstr("the symptom is Unknown"));
  }
}

TEST_F(Why, ChangedIsComparedWithWhatTheControllerHasRecorded) {
  Policy(json::array({{{"name", "resized"}, {"changed", {{"expression", kReplicas}}}}}));
  EXPECT_EQ(Ask()["symptom"], "False") << "nothing is recorded";
  terminal.cluster.Put(
      kBaselines,
      {{"apiVersion", "kube-remedy.io/v1alpha1"},
       {"kind", "TargetBaseline"},
       {"metadata", {{"name", "b"}, {"uid", "b-1"}}},
       {"spec", {{"policyRef", {{"name", "p"}, {"uid", "p-1"}}}, {"targetRef", TargetRef()}}},
       {"status",
        {{"values",
          {{{"trigger", "resized"},
            {"expressionDigest", Sha256Hex(kReplicas)},
            {"digest", Sha256Hex("5")},
            {"value", "5"},
            {"recordedAt", "2026-01-01T00:00:00Z"}}}}}}});
  const json answer = Ask();
  EXPECT_EQ(answer["symptom"], "True");
  const json& signal = answer["triggers"][0]["signals"][0];
  EXPECT_THAT(signal["evidence"][0].value("message", ""), HasSubstr("was 5, is 2"));
  EXPECT_FALSE(signal.contains("since")) << "nobody knows when it changed";
}

TEST_F(Why, SinceIsWhatTheObjectAndTheEventsTell) {
  PutEvent("one", "2026-01-02T03:01:00Z");
  PutEvent("two", "2026-01-02T03:03:00Z");
  Policy({{{"name", "bare"}, {"condition", {{"type", "Available"}, {"status", {"False"}}}}},
          {{"name", "odd"}, {"events", {{"from", "odd"}, {"count", 2}}}},
          {{"name", "said"}, {"match", {{{"name", "always"}, {"expression", "true"}}}}}},
         {{"events", {{{"name", "odd"}, {"reason", "^Odd$"}, {"within", "1h"}}}}});
  const json triggers = Ask()["triggers"];
  EXPECT_EQ(triggers[0]["signals"][0]["since"], "2026-01-02T03:00:00Z");
  EXPECT_EQ(triggers[1]["value"], "True");
  EXPECT_EQ(triggers[1]["signals"][0]["since"], "2026-01-02T03:01:00Z");
  EXPECT_FALSE(triggers[2]["signals"][0].contains("since"));
}

TEST_F(Why, TheStatusOfThePolicyTellsWhatTheControllerMakesOfIt) {
  const json waiting = {{"target", TargetRef()},
                        {"reason", "SymptomPending"},
                        {"message", "trigger old holds, and has to for 10m without a break"},
                        {"since", "2026-01-02T03:00:00Z"},
                        {"nextCheck", "2026-01-02T03:10:00Z"}};
  const json trigger = {{"name", "old"},
                        {"for", "10m"},
                        {"lease", {{"namespace", "shop"}, {"name", "web"}, {"state", "Stale"}}}};
  Policy(json::array({trigger}), json::object(), {{"waiting", json::array({waiting})}});
  const std::string young = Text();
  EXPECT_THAT(young, HasSubstr("waits: SymptomPending since 2026-01-02T03:00:00Z: trigger old"));
  EXPECT_THAT(young, HasSubstr("looks again at 2026-01-02T03:10:00Z"));
  EXPECT_THAT(young, Not(HasSubstr("stopped")));

  json remediation = Remediation(
      "p",
      {{"phase", "Running"},
       {"message", "at work"},
       {"evidence", json::array({{{"source", "lease"}, {"message", "lease shop/web is stale"}}})}});
  terminal.cluster.Put(kRemediations, remediation);
  const std::string open = Text();
  EXPECT_THAT(open, HasSubstr("remediation p-web-1: Running: at work"));
  EXPECT_THAT(open, HasSubstr("seen: lease shop/web is stale"));
}

TEST_F(Why, WhatARemediationHasAnsweredDoesNotHoldAgain) {
  const auto ask = [&](const std::string& name, const std::string& since) {
    const json done = {{"phase", "Reported"},
                       {"policyGeneration", 1},
                       {"startedAt", since},
                       {"finishedAt", since}};
    json remediation = Remediation("p", done);
    remediation["metadata"]["name"] = name;
    remediation["metadata"]["creationTimestamp"] = since;
    terminal.cluster.Put(kRemediations, remediation);
    return Ask()["triggers"][0]["signals"][0];
  };
  // Each midnight; a day is time enough to catch up.
  Policy(
      {{{"name", "nightly"}, {"schedule", {{"cron", "0 0 * * *"}, {"startingDeadline", "24h"}}}}});
  json signal = ask("p-web-1", "2020-01-01T00:00:05Z");
  EXPECT_EQ(signal["value"], "True");
  EXPECT_FALSE(signal.contains("answeredBy"));
  signal = ask("p-web-2", "2030-01-01T00:00:05Z");
  EXPECT_EQ(signal["value"], "False");
  EXPECT_EQ(signal["answeredBy"], "p-web-2");
  EXPECT_THAT(Text(), HasSubstr("schedule: False, answered by Remediation p-web-2"));

  PutEvent("one", "2026-01-02T03:01:00Z");
  Policy({{{"name", "odd"}, {"events", {{"from", "odd"}, {"count", 1}}}}},
         {{"events", {{{"name", "odd"}, {"reason", "^Odd$"}, {"within", "1h"}}}}});
  signal = ask("p-web-2", "2026-01-02T03:00:30Z");
  EXPECT_EQ(signal["value"], "True") << "it came after that one's end";
  signal = ask("p-web-2", "2026-01-02T03:02:00Z");
  EXPECT_EQ(signal["value"], "False");
  EXPECT_EQ(signal["answeredBy"], "p-web-2");
}

}  // namespace
}  // namespace kr::cmd
