// Signals beyond conditions, Events and match, in a simulated cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/meta/time.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Sets one label on the target; the cure is that it is there.
json Spec(const json& target, const json& trigger, const json& patch = json::object()) {
  json spec = {
      {"target", target},
      {"triggers", json::array({trigger})},
      {"remedies",
       {{{"name", "mark"},
         {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"done", "1"}}}}}}}}}}}},
         {"verify",
          {{{"name", "marked"},
            {"expression", "object.metadata.?labels.done.orValue('') == '1'"}}}},
         {"cureWithin", "5m"}}}},
      {"recovery", {{"stableFor", "1m"}}},
      {"limits", {{"maxConcurrent", 5}, {"maxUnhealthy", "50%"}, {"cooldown", "1h"}}}};
  spec.merge_patch(patch);
  return spec;
}

json Tell() {
  return {{"remedies", {{{"name", "tell"}, {"steps", {{{"notify", json::object()}}}}}}}};
}

json ConfigMap(const std::string& name, int64_t n, const std::string& name_space = "net") {
  return {{"metadata", {{"namespace", name_space}, {"name", name}, {"generation", 1}}},
          {"data", {{"n", std::to_string(n)}}}};
}

const json kConfigMaps = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"all", true}};

class Signals : public ::testing::Test {
 protected:
  // The one Remediation's evidence, as "source: message" lines.
  std::string Evidence() const {
    std::string lines;
    const auto all = s.Remediations();
    if (all.empty() || !all.back()["status"].contains("evidence")) return lines;
    for (const json& e : all.back()["status"]["evidence"]) {
      lines += e["source"].get<std::string>() + ": " + e.value("message", "") + "\n";
    }
    return lines;
  }
  Simulation s;
};

// --- increase

const json kGrows = {
    {"name", "grows"},
    {"increase", {{"expression", "int(object.data.n)"}, {"by", 5}, {"within", "10m"}}}};

TEST_F(Signals, ANumberThatGrowsStartsARemedyAndQuietProvesIt) {
  for (const char* name : {"a", "b", "c"}) s.server.Put("configmaps", ConfigMap(name, 1));
  s.Policy(Spec(kConfigMaps, kGrows));
  s.Start();
  s.Advance(absl::Minutes(1));
  s.server.Put("configmaps", ConfigMap("a", 4));
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "");
  json grown = s.Get("configmaps", "net/a");
  grown["data"]["n"] = "6";
  s.server.Put("configmaps", grown);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Verifying");
  EXPECT_EQ(Evidence(),
            "increase: grew from 1 to 6 within 10m (5 is too much): int(object.data.n)\n");
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Phase(), "Succeeded");
  s.Advance(absl::Minutes(30));  // it stays six: nothing more is done
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Signals, AfterARestartNobodyKnowsWhetherTheNumberIsStillGrowing) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  json patch = {{"remedies", Spec(kConfigMaps, kGrows)["remedies"]}};
  json& steps = patch["remedies"][0]["steps"];
  steps.insert(steps.begin(), json::parse(R"({"waitFor": {
      "expression": "object.data.?go.orValue('') == '1'", "timeout": "2h"}})"));
  s.Policy(Spec(kConfigMaps, kGrows, patch));
  s.Start();
  s.Advance(absl::Minutes(1));
  json grown = s.Get("configmaps", "net/a");
  grown["data"]["n"] = "9";
  s.server.Put("configmaps", grown);
  s.Advance(absl::Seconds(1));
  ASSERT_EQ(s.Phase(), "Running");
  s.Restart();
  s.Advance(absl::Seconds(1));
  // Not cancelled as if the symptom were gone.
  EXPECT_EQ(s.Phase(), "Running");
  EXPECT_EQ(s.Reason(), "SymptomUnknown");
  s.Advance(absl::Minutes(11));  // watched for as long as it takes: it did not grow again
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_EQ(s.Reason(), "SymptomGone");
}

TEST_F(Signals, ARestartDoesNotOpenTheBreakerOfACountingPolicy) {
  for (int i = 0; i < 10; ++i) s.server.Put("configmaps", ConfigMap("c" + std::to_string(i), 1));
  s.Policy(Spec(kConfigMaps, kGrows));
  s.Start();
  s.Restart();
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 0);
  const json breaker = s.PolicyStatus().value("breaker", json::object());
  EXPECT_EQ(breaker.value("state", "Closed"), "Closed") << breaker;
}

// --- absent

const json kPlaces = {{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"namespaces", {"net", "shop"}},
                      {"names", {"settings"}}};
const json kGone = {{"name", "gone"}, {"for", "30s"}, {"absent", json::object()}};

TEST_F(Signals, AnEmptyPlaceIsATarget) {
  s.server.Put("configmaps", ConfigMap("settings", 1, "shop"));
  s.Policy(Spec(kPlaces, kGone, Tell()));
  s.Start();
  s.Advance(absl::Seconds(29));
  EXPECT_EQ(s.Phase(), "");
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 2);
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 1);
  s.Advance(absl::Seconds(2));
  ASSERT_EQ(s.Phase(), "Reported");
  const json remediation = s.Remediations()[0];
  EXPECT_EQ(remediation["spec"]["targetRef"], json({{"apiVersion", "v1"},
                                                    {"kind", "ConfigMap"},
                                                    {"namespace", "net"},
                                                    {"name", "settings"}}));
  EXPECT_EQ(Evidence(), "absent: there is no ConfigMap net/settings\n");
}

TEST_F(Signals, AnObjectThatIsDeletedLeavesItsPlaceAndOneThatComesFillsIt) {
  for (const char* space : {"net", "shop"}) {
    s.server.Put("configmaps", ConfigMap("settings", 1, space));
  }
  s.Policy(Spec(kPlaces, kGone, Tell()));
  s.Start();
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 0);
  s.server.Delete("configmaps", "net", "settings");
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 1);
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 2);
  s.server.Put("configmaps", ConfigMap("settings", 2));
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 0);
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 2);
  EXPECT_EQ(s.Phase(), "");
}

TEST_F(Signals, ARemediationOfAPlaceIsCuredByAnObjectThatComes) {
  json patch = {{"remedies", {{{"name", "wait"}, {"cureWithin", "30m"}}}}};
  patch["remedies"][0]["steps"] =
      json::array({{{"waitFor", {{"expression", "object != null"}, {"timeout", "20m"}}}},
                   {{"patch", {{"patch", {{"metadata", {{"labels", {{"done", "1"}}}}}}}}}}});
  s.server.Put("configmaps", ConfigMap("settings", 1, "shop"));
  s.Policy(Spec(kPlaces, kGone, patch));
  s.Start();
  s.Advance(absl::Minutes(1));
  ASSERT_EQ(s.Phase(), "Running") << s.Reason();
  s.Restart();  // what the live check reads is a 404, and that is the expected answer
  s.Advance(absl::Seconds(5));
  ASSERT_EQ(s.Phase(), "Running") << s.Reason();
  s.server.Put("configmaps", ConfigMap("settings", 2));
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "Cancelled") << s.Remediations()[0].dump(1);  // nothing was left to write
  EXPECT_EQ(s.Reason(), "SymptomGone");
}

TEST_F(Signals, OtherTriggersSayNothingAboutAnEmptyPlace) {
  json spec = Spec(kPlaces, kGone, Tell());
  spec["limits"]["maxUnhealthy"] = "100%";
  spec["triggers"][0]["for"] = "1h";
  spec["triggers"].push_back(
      {{"name", "bad"}, {"match", {{{"name", "n"}, {"expression", "object.data.n == '7'"}}}}});
  s.server.Put("configmaps", ConfigMap("settings", 7, "shop"));
  s.Policy(spec);
  s.Start();
  s.Advance(absl::Minutes(1));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Remediations()[0]["spec"]["targetRef"]["namespace"], "shop");
  EXPECT_EQ(s.Waiting().find("SymptomUnknown"), std::string::npos) << s.Waiting();
}

TEST_F(Signals, AJoinedObjectWakesAnEmptyPlace) {
  json trigger = kGone;
  trigger.erase("for");
  trigger["match"] = {{{"name", "wanted"}, {"expression", "related.wanted.size() > 0"}}};
  json patch = Tell();
  patch["related"] = {{{"name", "wanted"},
                       {"apiVersion", "v1"},
                       {"kind", "Pod"},
                       {"key", "it.metadata.?labels.settings"},
                       {"equals", "target.name"},
                       {"sameNamespace", true}}};
  s.Policy(Spec(kPlaces, trigger, patch));
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "");
  s.server.Put("pods",
               {{"metadata",
                 {{"namespace", "net"}, {"name", "p"}, {"labels", {{"settings", "settings"}}}}}});
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Reported");
}

TEST_F(Signals, PlacesOfANamespacedKindNeedNamespaces) {
  json target = kPlaces;
  target.erase("namespaces");
  s.Policy(Spec(target, kGone, Tell()));
  s.Start();
  s.Advance(absl::Minutes(1));
  const json ready = s.PolicyStatus()["conditions"];
  EXPECT_THAT(ready.dump(), HasSubstr("spec.target.namespaces must say where they should be"));
  EXPECT_EQ(s.Phase(), "");
}

// --- several kinds

TEST_F(Signals, APolicyForSeveralKindsTreatsThemAlikeAndCountsThemTogether) {
  const json kinds = {{"kinds",
                       {{{"apiVersion", "v1"}, {"kind", "ConfigMap"}},
                        {{"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}}}},
                      {"namespaces", {"net"}}};
  json spec = Spec(kinds, {{"name", "marked"},
                           {"match",
                            {{{"name", "m"},
                              {"expression",
                               "object.metadata.?labels.bad.orValue('') == '1' && "
                               "target.kind in ['ConfigMap', 'DaemonSet']"}}}}});
  spec["limits"]["maxConcurrent"] = 1;
  spec["limits"]["maxUnhealthy"] = "100%";
  s.server.Put("configmaps", ConfigMap("web", 1));
  s.DaemonSet("web");
  s.Policy(spec);
  s.Start();
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 2);
  s.Edit("configmaps", "net/web", {{"metadata", {{"labels", {{"bad", "1"}}}}}});
  s.Edit("daemonsets", "net/web", {{"metadata", {{"labels", {{"bad", "1"}}}}}});
  s.Advance(absl::Seconds(2));
  // Two of one name, and one budget.
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 2);
  EXPECT_THAT(s.Waiting(), HasSubstr("MaxConcurrent"));
  s.Restart();
  for (const char* plural : {"configmaps", "daemonsets"}) {
    s.Edit(plural, "net/web", {{"metadata", {{"labels", {{"bad", nullptr}}}}}});
  }
  s.RollOut("web");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 0);
}

// --- schedule

TEST_F(Signals, AScheduleActsOnEveryTargetOnceAndOpensNoBreaker) {
  for (int i = 0; i < 4; ++i) {
    json made = ConfigMap("c" + std::to_string(i), 1);
    made["metadata"]["creationTimestamp"] = crds::FormatTime(s.clock.Now());
    s.server.Put("configmaps", made);
  }
  const json patch = {{"limits", {{"cooldown", "10m"}}}, {"history", {{"succeeded", 100}}}};
  s.Policy(Spec(kConfigMaps, {{"name", "hourly"}, {"schedule", {{"cron", "@hourly"}}}}, patch));
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Remediations().size(), 0u);  // made after the last full hour
  s.Advance(absl::Minutes(60));
  EXPECT_EQ(s.Remediations().size(), 4u);
  EXPECT_NE(s.PolicyStatus()["conditions"].dump().find("nothing stops the policy"),
            std::string::npos);
  EXPECT_THAT(Evidence(), HasSubstr("schedule: @hourly (UTC) was due at "));
  s.Restart();
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(s.Remediations().size(), 4u);
  s.Advance(absl::Hours(5));
  EXPECT_EQ(s.Remediations().size(), 24u);
  for (const json& remediation : s.Remediations()) {
    EXPECT_EQ(remediation["status"]["phase"], "Succeeded");
    // The next time of a plan is no relapse, and exhausts nothing.
    EXPECT_EQ(remediation["status"]["ledger"].value("failures", 0), 0);
  }
}

TEST_F(Signals, ATimeThatWasMissedIsMadeUpForWithinItsDeadline) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.Policy(Spec(kConfigMaps, {{"name", "daily"},
                              {"schedule", {{"cron", "0 3 * * *"}, {"startingDeadline", "2h"}}}}));
  const auto until = [&](int hour) {
    const absl::CivilDay day(absl::ToCivilDay(s.clock.Now(), absl::UTCTimeZone()) + 1);
    return absl::FromCivil(absl::CivilHour(day) + hour, absl::UTCTimeZone()) - s.clock.Now();
  };
  s.clock.Advance(until(2));
  s.Start();
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(s.Phase(), "");
  s.Crash();
  s.clock.Advance(absl::Hours(2));
  s.Start();
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

// --- changed

const json kDrift = {{"name", "drift"}, {"changed", {{"expression", "object.data"}}}};

class Changed : public Signals {
 protected:
  json Baseline() const {
    const auto all = s.server.Objects("targetbaselines");
    return all.size() == 1 ? all.begin()->second : json(all.size());
  }
  void Data(const std::string& n) {
    json object = s.Get("configmaps", "net/a");
    object["data"]["n"] = n;
    s.server.Put("configmaps", object);
    s.Advance(absl::Seconds(1));
  }
};

TEST_F(Changed, TheValueOfTheHealthyTargetIsRecordedBesideIt) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.Policy(Spec(kConfigMaps, kDrift));
  s.Start();
  s.Advance(absl::Seconds(1));
  const json baseline = Baseline();
  EXPECT_EQ(baseline["spec"]["targetRef"]["name"], "a");
  EXPECT_EQ(baseline["status"]["values"][0]["value"], R"({"n":"1"})");
  EXPECT_EQ(baseline["metadata"]["ownerReferences"][0]["kind"], "RemediationPolicy");
  EXPECT_EQ(s.Phase(), "");
  const size_t writes = s.api.writes().size();
  s.Restart();
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "");
  EXPECT_EQ(s.server.Objects("targetbaselines").size(), 1u);
  for (size_t i = writes; i < s.api.writes().size(); ++i) {
    EXPECT_EQ(s.api.writes()[i].target.find("targetbaselines"), std::string::npos);
  }
}

TEST_F(Changed, AChangeIsRemediedOnceAndTheNewValueIsTheOneToCompareWith) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.Policy(Spec(kConfigMaps, kDrift));
  s.Start();
  s.Advance(absl::Seconds(1));
  Data("2");
  ASSERT_EQ(s.Phase(), "Verifying");
  EXPECT_EQ(Evidence(), "changed: was {\"n\":\"1\"}, is {\"n\":\"2\"}: object.data\n");
  EXPECT_EQ(Baseline()["status"]["values"][0]["value"], R"({"n":"2"})");
  s.Restart();
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
  s.Advance(absl::Hours(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Changed, AChangeWhileTheControllerWasAwayIsSeen) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.Policy(Spec(kConfigMaps, kDrift));
  s.Start();
  s.Advance(absl::Seconds(1));
  s.Crash();
  json object = s.Get("configmaps", "net/a");
  object["data"]["n"] = "2";
  s.server.Put("configmaps", object);
  s.Start();
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Changed, WhoeverDeletesTheBaselineAcceptsWhatIs) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  json drift = kDrift;
  drift["for"] = "10m";
  s.Policy(Spec(kConfigMaps, drift));
  s.Start();
  s.Advance(absl::Seconds(1));
  Data("2");
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 1);
  s.server.Delete("targetbaselines", "", Baseline()["metadata"]["name"].get<std::string>());
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.PolicyStatus()["targets"]["unhealthy"], 0);
  EXPECT_EQ(Baseline()["status"]["values"][0]["value"], R"({"n":"2"})");
  s.Advance(absl::Minutes(15));
  EXPECT_EQ(s.Phase(), "");
}

TEST_F(Changed, BaselinesGoWithTheirTargetsAndTheirPolicy) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.server.Put("configmaps", ConfigMap("b", 1));
  s.Policy(Spec(kConfigMaps, kDrift));
  s.Start();
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.server.Objects("targetbaselines").size(), 2u);
  s.server.Delete("configmaps", "net", "b");
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(Baseline()["spec"]["targetRef"]["name"], "a");
  s.server.Delete("remediationpolicies", "", "policy");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.server.Objects("targetbaselines").size(), 0u);
}

TEST_F(Changed, APolicyThatOnlyTellsTellsOncePerChange) {
  s.server.Put("configmaps", ConfigMap("a", 1));
  json patch = Tell();
  patch["limits"] = {{"cooldown", "0s"}};
  s.Policy(Spec(kConfigMaps, kDrift, patch));
  s.Start();
  s.Advance(absl::Seconds(1));
  Data("2");
  s.Advance(absl::Hours(1));
  EXPECT_EQ(s.Phase(), "Reported");
}

TEST_F(Changed, ALongForSurvivesARestart) {
  s.server.Put("configmaps", ConfigMap("a", 7));
  json trigger = {{"name", "long"},
                  {"for", "6h"},
                  {"match", {{{"name", "m"}, {"expression", "object.data.n == '7'"}}}}};
  s.Policy(Spec(kConfigMaps, trigger, Tell()));
  s.Start();
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.server.Objects("targetbaselines").size(), 0u);  // may be gone in a moment
  s.Advance(absl::Hours(4));
  EXPECT_EQ(Baseline()["status"]["holding"][0]["trigger"], "long");
  s.Restart();
  s.Advance(absl::Hours(1));
  EXPECT_EQ(s.Phase(), "");
  s.Advance(absl::Hours(1));
  EXPECT_EQ(s.Phase(), "Reported");
  Data("8");  // it does not hold any more: nothing is worth remembering
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.server.Objects("targetbaselines").size(), 0u);
}

// --- alert

TEST_F(Signals, AnAlertStartsARemedyAndHasToBeResolved) {
  s.options.alerts_repeated_within = absl::Minutes(15);
  s.server.Put("configmaps", ConfigMap("a", 1));
  s.server.Put("configmaps", ConfigMap("b", 1));
  s.Policy(
      Spec(kConfigMaps,
           {{"name", "page"},
            {"alert", {{"labels", {{"alertname", "Slow"}}}, {"targetLabels", {{"name", "cm"}}}}}}));
  s.Start();
  const auto hear = [&](bool firing) {
    s.Hear({{.labels = {{"alertname", "Slow"}, {"namespace", "net"}, {"cm", "a"}},
             .firing = firing,
             .starts_at = s.clock.Now(),
             .summary = "it is slow"}});
    s.Advance(absl::Seconds(1));
  };
  hear(true);
  ASSERT_EQ(s.Phase(), "Verifying");
  EXPECT_THAT(Evidence(), HasSubstr("alert: Slow fires since "));
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.Phase(), "Holding");  // its verify holds, but the alert still fires
  s.Restart();
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.Phase(), "Holding");  // silence is no answer yet
  hear(true);
  s.Advance(absl::Minutes(4));
  hear(false);
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

}  // namespace
}  // namespace kr::remediation
