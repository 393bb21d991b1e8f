// How a remediation ends when it does not simply succeed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Endings : public ::testing::Test {
 protected:
  void Begin(const json& patch = json::object()) {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.Policy(FelixSpec(patch));
    s.Start();
    for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
    s.Advance(absl::Milliseconds(100));
  }
  json Status() { return s.Remediations().back()["status"]; }
  void SetHealthHost(const json& entry) {
    json env = json::array({{{"name", "OTHER"}, {"value", "x"}}});
    if (!entry.is_null()) env.push_back(entry);
    s.Edit(
        "daemonsets", "net/calico-node",
        {{"spec",
          {{"template", {{"spec", {{"containers", {{{"name", "calico-node"}, {"env", env}}}}}}}}}}},
        "helm-fight");
    s.RollOut("calico-node");
    s.Advance(absl::Seconds(1));
  }
  Simulation s;
};

TEST_F(Endings, AChangeThatIsSetBackTwiceIsContendedAndNamesTheManager) {
  Begin();
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(1));
  ASSERT_EQ(s.Phase(), "Verifying");
  SetHealthHost(nullptr);
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1") << "once it is made again";
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(1));
  SetHealthHost(nullptr);
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "Contended");
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("helm-fight"));
  EXPECT_EQ(s.Patches(), 2u);
}

TEST_F(Endings, ResentWriteIsNotContended) {
  int puts = 0;
  s.api.fault = [&](const FakeApi::Request& request) {
    const bool patch = request.target.find("/daemonsets/") != std::string::npos;
    return patch && ++puts == 1 ? FakeApi::Fault::kLostAfter : FakeApi::Fault::kNone;
  };
  Begin();
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_FALSE(Status().contains("contended"));
}

TEST_F(Endings, CancelLeavesTheChange) {
  Begin();
  const std::string name = s.Remediations()[0]["metadata"]["name"];
  json object = s.Get("remediations", "/" + name);
  object["spec"]["cancel"] = true;
  s.server.Put("remediations", object);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_EQ(s.Reason(), "CancelRequested");
  EXPECT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
}

TEST_F(Endings, PolicyDeletedInMidRemediation) {
  Begin();
  s.server.Delete("remediationpolicies", "", "policy");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_EQ(s.Reason(), "PolicyGone");
}

TEST_F(Endings, TargetDeletedInMidRemediation) {
  Begin();
  s.server.Delete("daemonsets", "net", "calico-node");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_EQ(s.Reason(), "TargetGone");
}

TEST_F(Endings, RemediationDeletedInMidRunStops) {
  Begin();
  const std::string name = s.Remediations()[0]["metadata"]["name"];
  s.server.Delete("remediations", "", name);
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.Phase(), "");
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Endings, RollbackPutsTheOldValueBack) {
  Begin({{"remedies",
          {{{"name", "set"},
            {"steps",
             {{{"setEnv",
                {{"container", "calico-node"},
                 {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}},
              {{"waitFor", {{"expression", "false"}, {"timeout", "10s"}}},
               {"onFailure", "Rollback"}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  ASSERT_EQ(s.HealthHost("calico-node"), "127.0.0.1");
  s.Advance(absl::Seconds(15));
  EXPECT_EQ(s.HealthHost("calico-node"), "");
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "StepFailed");
  EXPECT_EQ(s.Patches(), 2u);
}

// A large annotation is replaced: its old value is not kept, so it cannot be put back.
TEST_F(Endings, ARollbackThatIsNotPossibleSaysSo) {
  s.DaemonSet("calico-node");
  json set = s.Get("daemonsets", "net/calico-node");
  set["metadata"]["annotations"]["note"] = std::string(17 * 1024, 'x');
  s.server.Put("daemonsets", set);
  s.Pod("calico-1", "calico-node");
  s.Policy(
      FelixSpec({{"remedies",
                  {{{"name", "note"},
                    {"steps",
                     {{{"patch", {{"patch", {{"metadata", {{"annotations", {{"note", "y"}}}}}}}}}},
                      {{"waitFor", {{"expression", "false"}, {"timeout", "5s"}}},
                       {"onFailure", "Rollback"}}}},
                    {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Seconds(10));
  ASSERT_EQ(s.Phase(), "Failed");
  EXPECT_THAT(Status()["steps"][0]["message"].get<std::string>(),
              HasSubstr("(not taken back: the values before are too large to be kept)"));
  EXPECT_EQ(Status()["steps"][0]["state"], "Succeeded");
}

// Asked again, the other manager would own the field still.
TEST_F(Endings, AFieldOfAnotherManagerFailsTheStep) {
  s.api.refuse_dry_run = [](const FakeApi::Request&) { return 409; };
  const json map = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "made"}}}};
  s.DaemonSet("calico-node");
  s.RollOut("calico-node");
  s.Pod("calico-1", "calico-node");
  s.Policy(FelixSpec({{"remedies",
                       {{{"name", "make"},
                         {"steps", {{{"apply", {{"object", map}}}}}},
                         {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Seconds(5));
  ASSERT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(Status()["steps"][0]["message"],
            "Conflict: the server does not take ConfigMap net/made: Conflict");
  EXPECT_EQ(s.api.dry_runs().size(), 1u);
}

// "1000m" is what the server spells "1": only it can tell, and here it does not want to.
TEST_F(Endings, ARefusedDryRunIsAnAnswer) {
  s.api.refuse_dry_run = [](const FakeApi::Request&) { return 422; };
  const json limits = {{"resources", {{"limits", {{"cpu", "1000m"}}}}}};
  s.DaemonSet("calico-node");
  s.Edit("daemonsets", "net/calico-node",
         {{"spec", {{"resources", {{"limits", {{"cpu", "1"}}}}}}}});
  s.RollOut("calico-node");
  s.Pod("calico-1", "calico-node");
  s.Policy(FelixSpec({{"remedies",
                       {{{"name", "cpu"},
                         {"steps", {{{"patch", {{"patch", {{"spec", limits}}}}}}}},
                         {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.api.dry_runs().size(), 1u);
  EXPECT_EQ(s.Patches(), 1u) << "the write itself brings the verdict";
}

TEST_F(Endings, TheNextRungRunsWhenTheFirstFailed) {
  Begin({{"remedies",
          {{{"name", "first"},
            {"steps", {{{"waitFor", {{"expression", "false"}, {"timeout", "5s"}}}}}},
            {"attempts", 2}},
           {{"name", "second"},
            {"steps",
             {{{"setEnv",
                {{"container", "calico-node"},
                 {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  EXPECT_EQ(s.Patches(), 0u);
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Patches(), 1u);
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(Status()["remedies"][0]["state"], "Failed");
  EXPECT_EQ(Status()["remedies"][0]["attempt"], 2);
  EXPECT_EQ(Status()["remedies"][1]["state"], "Verified");
}

// The first rung changed something and did not help; the second is about to, when the symptom goes.
TEST_F(Endings, RecoveryDuringLaterRungStops) {
  const auto set = [](const char* name) {
    return json{
        {"setEnv",
         {{"container", "calico-node"}, {"env", {{{"name", name}, {"value", "127.0.0.1"}}}}}}};
  };
  const json sick = {{"name", "m"},
                     {"expression", "object.metadata.?annotations['sick'].hasValue()"}};
  const json quiet = {{"waitFor", {{"expression", "true"}, {"for", "20s"}, {"timeout", "1m"}}}};
  s.DaemonSet("calico-node");
  s.Policy(FelixSpec(
      {{"events", nullptr},
       {"related", nullptr},
       {"triggers", {{{"name", "annotated"}, {"match", json::array({sick})}}}},
       {"recovery", {{"stableFor", "5s"}}},
       {"remedies",
        {{{"name", "first"}, {"steps", json::array({set("FIRST")})}, {"cureWithin", "10s"}},
         {{"name", "later"},
          {"steps", json::array({quiet, set("FELIX_HEALTHHOST")})},
          {"cureWithin", "10m"}}}}}));
  s.Start();
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(1));
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(15));
  ASSERT_EQ(Status()["remedy"], "later");
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", nullptr}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.HealthHost("calico-node"), "") << "its write was not needed any more";
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Endings, ARungWhoseConditionsDoNotHoldIsSkipped) {
  Begin({{"remedies",
          {{{"name", "only"},
            {"matchConditions", {{{"name", "no"}, {"expression", "object.metadata.name == 'x'"}}}},
            {"steps", {{{"notify", {{"message", "m"}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(Status()["remedies"][0]["state"], "Skipped");
}

// Sick as long as the annotation says so, with remedies of which some only tell.
class Telling : public ::testing::Test {
 protected:
  void Begin(const json& remedies) {
    s.DaemonSet("calico-node");
    s.Policy(AnnotatedSpec({{"remedies", remedies}}));
    s.Start();
    Sick("yes");
    s.Advance(absl::Seconds(6));
  }
  void Sick(const json& value) {
    s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", {{"sick", value}}}}}});
    s.RollOut("calico-node");
  }
  json Status() { return s.Remediations().back()["status"]; }
  std::string Text() { return Status().value("message", ""); }

  const json kTell = json::parse(R"JSON({"name": "tell", "cureWithin": "5m",
      "steps": [{"notify": {"message": "look at it"}}]})JSON");
  const json kWake = json::parse(R"JSON({"name": "wake", "cureWithin": "5m", "mode": "Approve",
      "steps": [{"patch": {"patch": {"metadata": {"annotations": {"woken": "yes"}}}}}]})JSON");
  const json kNever = json::parse(R"JSON({"name": "never", "cureWithin": "5m",
      "matchConditions": [{"name": "no", "expression": "object.metadata.name == 'x'"}],
      "steps": [{"patch": {"patch": {"metadata": {"annotations": {"woken": "yes"}}}}}]})JSON");
  const json kFails = json::parse(R"JSON({"name": "try", "cureWithin": "5m",
      "steps": [{"setEnv": {"container": "none", "env": [{"name": "A", "value": "b"}]}}]})JSON");
  Simulation s;
};

// Who has only told has not failed: three of them in a row exhaust nobody.
TEST_F(Telling, ARemedyThatOnlyTellsIsNoFailedAttempt) {
  Begin(json::array({kTell, kNever}));
  EXPECT_EQ(s.Phase(), "Verifying");
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "Reported");
  EXPECT_THAT(Text(), HasSubstr("remedy tell has told; no later one applies"));
  EXPECT_EQ(Status()["remedies"][0]["state"], "Skipped");
  EXPECT_EQ(Status()["ledger"].value("failures", 0), 0);
}

TEST_F(Telling, TheNextRemedyComesWhenTheSymptomOutlivesIt) {
  Begin(json::array({kTell, kWake}));
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.Phase(), "Verifying");
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_THAT(s.told, Not(Contains(HasSubstr("RemedyFailed"))));
}

TEST_F(Telling, AsTheLastOneItEndsAtOnceAsTheFailureBeforeIt) {
  Begin(json::array({kFails, kTell}));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "StepFailed");
  EXPECT_THAT(Text(), HasSubstr("remedy try did not help and it was the last one"));
  EXPECT_THAT(s.told, Contains(HasSubstr("look at it")));
  EXPECT_EQ(Status()["ledger"]["failures"], 1);
}

TEST_F(Telling, AFailureBeforeOneThatDoesNotApplyIsTheFailure) {
  Begin(json::array({kFails, kNever}));
  EXPECT_EQ(s.Reason(), "StepFailed");
  EXPECT_THAT(Text(), HasSubstr("remedy try did not help and no later one applies"));
}

TEST_F(Telling, WhatWentAwayByItselfIsNoCure) {
  Begin(json::array({kTell, kWake}));
  Sick(nullptr);
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Reported");
  EXPECT_THAT(Text(), HasSubstr("went away by itself"));
}

TEST_F(Endings, SymptomChangedWhenNeitherSymptomNorCureIsThereAtTheDeadline) {
  Begin({{"remedies",
          {{{"name", "set"},
            {"steps",
             {{{"setEnv",
                {{"container", "calico-node"},
                 {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "false"}}}},
            {"cureWithin", "5m"}},
           {{"name", "never"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(6));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "SymptomChanged");
}

TEST_F(Endings, OwnPatchCannotProveCure) {
  // The match is false by our own patch; the events that come after it say that nothing is cured.
  Begin();
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(5));
  for (int i = 0; i < 21; ++i) {
    s.Event("calico-1", "later-" + std::to_string(i));
    s.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "SymptomChanged");
}

TEST_F(Endings, HoldingBlocksNewEpisode) {
  Begin(
      {{"triggers",
        {{{"name", "annotated"},
          {"match",
           {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
       {"remedies",
        {{{"name", "tell"},
          {"steps",
           {{{"setEnv",
              {{"container", "calico-node"},
               {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "1"}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}});
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Milliseconds(100));
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(s.Phase(), "Holding");
  EXPECT_EQ(Status()["holding"]["triggers"][0], "annotated");
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"annotations", nullptr}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

}  // namespace
}  // namespace kr::remediation
