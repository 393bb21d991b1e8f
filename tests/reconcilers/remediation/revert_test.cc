// recovery.revert: what a cured target does not need any more is taken back, as far as it is ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A Deployment that is sick by annotation; the remedy scales it, annotates it and sets a field of a
// ConfigMap.
class Cluster {
 public:
  explicit Cluster(Simulation& sim) : s(sim) {
    Deployment("web");
    s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "limits"}}},
                                {"data", {{"rate", "1"}, {"burst", "5"}}}});
  }

  void Deployment(const std::string& name) {
    s.server.Put("deployments", {{"metadata",
                                  {{"namespace", "net"},
                                   {"name", name},
                                   {"generation", 1},
                                   {"annotations", json::object()}}},
                                 {"spec", {{"replicas", 3}, {"template", json::object()}}},
                                 {"status", {{"observedGeneration", 1}}}});
  }
  static json Spec(const json& patch = json::object()) {
    json spec = json::parse(R"JSON({
      "target": {"apiVersion": "apps/v1", "kind": "Deployment", "namespaces": ["net"]},
      "triggers": [{"name": "sick", "for": "1s", "match": [
        {"name": "m", "expression": "object.metadata.?annotations['sick'].hasValue()"}]}],
      "remedies": [{"name": "relieve", "cureWithin": "5m", "steps": [
        {"scale": {"replicasExpression": "object.spec.replicas * 2"}},
        {"patch": {"patch": {"metadata": {"annotations": {"relief": "on"}}}}},
        {"patch": {"patch": {"data": {"rate": "9"}}},
         "applyTo": {"ref": {"apiVersion": "v1", "kind": "ConfigMap", "name": "limits"}}}]}],
      "recovery": {"stableFor": "2s", "healthy": [{"name": "h", "expression": "true"}],
                   "revert": {"after": "30s"}},
      "limits": {"maxUnhealthy": "50%", "maxConcurrent": 1, "cooldown": "10m"}})JSON");
    spec.merge_patch(patch);
    return spec;
  }
  void Annotate(const json& annotations, const std::string& name = "web") {
    Change("deployments", "net/" + name, {{"metadata", {{"annotations", annotations}}}});
    s.Advance(absl::Seconds(1));
  }
  // Somebody writes; with `owner`, the server tells that the field `owned` is theirs.
  void Change(const std::string& plural, const std::string& key, const json& patch) {
    json object = s.Get(plural, key);
    object.merge_patch(patch);
    s.server.Put(plural, object);
  }
  void Sicken(const std::string& name = "web") { Annotate({{"sick", "yes"}}, name); }
  void Heal(const std::string& name = "web") { Annotate({{"sick", nullptr}}, name); }
  json Replicas() { return s.Get("deployments", "net/web")["spec"]["replicas"]; }
  json Relief() {
    return s.Get("deployments", "net/web")["metadata"]["annotations"].value("relief", "");
  }
  json Rate() { return s.Get("configmaps", "net/limits")["data"]["rate"]; }
  std::string State() { return Replicas().dump() + Relief().dump() + Rate().dump(); }

 private:
  Simulation& s;
};

const char kChanged[] = R"(6"on""9")";
const char kAsBefore[] = R"(3"""1")";

class Revert : public ::testing::Test {
 protected:
  void Begin(const json& patch = json::object()) {
    s.Policy(Cluster::Spec(patch));
    s.Start();
    c.Sicken();
    s.Advance(absl::Seconds(2));
    ASSERT_EQ(c.State(), kChanged);
  }
  // Cured, and held open for the revert.
  void Cure() {
    c.Heal();
    s.Advance(absl::Seconds(3));
    ASSERT_EQ(s.Phase(), "Holding") << Text();
    ASSERT_EQ(Status()["holding"]["revert"], true);
  }
  json Status() { return s.Remediations().back()["status"]; }
  std::string Text() { return Status().value("message", ""); }
  json Finalizers() {
    return s.Remediations().back()["metadata"].value("finalizers", json::array());
  }
  std::vector<std::string> Written() {
    std::vector<std::string> targets;
    for (const FakeApi::Request& write : s.api.writes()) {
      if (!write.changed || write.target.find("kube-remedy.io") != std::string::npos) continue;
      const std::string path = write.target.substr(0, write.target.find('?'));
      targets.push_back(path.substr(path.find("/namespaces/net/") + 16));
    }
    return targets;
  }
  Simulation s;
  Cluster c{s};
};

TEST_F(Revert, ChangesAreTakenBackSomeTimeAfterTheCureTheLastOneFirst) {
  Begin();
  Cure();
  EXPECT_THAT(Text(), HasSubstr("cured; changes are taken back at 2026-"));
  s.Advance(absl::Seconds(25));
  EXPECT_EQ(c.State(), kChanged);
  s.Advance(absl::Seconds(6));
  EXPECT_EQ(c.State(), kAsBefore);
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Reason(), "Cured");
  EXPECT_THAT(Text(), AllOf(HasSubstr("remedy relieve cured Deployment net/web"),
                            HasSubstr("; taken back: step 1 of relieve (scale); step 2"),
                            Not(HasSubstr("left"))));
  EXPECT_THAT(Written(),
              ElementsAre("deployments/web/scale", "deployments/web", "configmaps/limits",
                          "configmaps/limits", "deployments/web", "deployments/web/scale"));
  const json steps = Status()["steps"];
  for (const json& step : steps) EXPECT_EQ(step["state"], "RolledBack");
  EXPECT_THAT(s.told, Contains(HasSubstr("Cured: policy policy: cured; changes are taken back 30s "
                                         "after the cure")));
  EXPECT_THAT(s.told, Contains(HasSubstr("ChangeTakenBack: ")));
  EXPECT_EQ(s.Metric("steps_total{action=\"scale\",state=\"RolledBack\"}"), 1);
}

TEST_F(Revert, TheFinalizerIsThereFromBeforeTheFirstWriteUntilTheEnd) {
  size_t writes = 0;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("kube-remedy.io") != std::string::npos) return Fault::kNone;
    ++writes;
    EXPECT_THAT(Finalizers(), ElementsAre("kube-remedy.io/effects")) << request.target;
    return Fault::kNone;
  };
  Begin();
  Cure();
  s.Advance(absl::Seconds(31));
  EXPECT_EQ(writes, 6u);
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_THAT(Finalizers(), ElementsAre());
}

TEST_F(Revert, WithoutItThereIsNoFinalizerAndChangesStay) {
  Begin({{"recovery", {{"revert", nullptr}}}});
  EXPECT_THAT(Finalizers(), ElementsAre());
  c.Heal();
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(c.State(), kChanged);
}

TEST_F(Revert, WhatIsNotOursAnyMoreStaysAndIsTold) {
  Begin();
  Cure();
  c.Change("configmaps", "net/limits",
           {{"data", {{"rate", "12"}}},
            {"metadata",
             {{"managedFields",
               {{{"manager", "kubectl-edit"},
                 {"operation", "Update"},
                 {"fieldsV1", {{"f:data", {{"f:rate", json::object()}}}}}}}}}}});
  s.Advance(absl::Seconds(31));
  EXPECT_EQ(c.State(), R"(3"""12")");
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("; left: step 3 of relieve (patch) on ConfigMap net/limits: "),
                    HasSubstr("not taken back: data.rate (set by kubectl-edit)")));
}

TEST_F(Revert, AnObjectThatIsGoneIsLeft) {
  Begin();
  Cure();
  s.server.Delete("configmaps", "net", "limits");
  s.Advance(absl::Seconds(31));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(c.Replicas(), 3);
  EXPECT_THAT(Text(), HasSubstr("ConfigMap net/limits does not exist"));
}

TEST_F(Revert, WhenIsAwaited) {
  Begin({{"recovery", {{"revert", {{"when", "object.metadata.annotations.?calm.hasValue()"}}}}}});
  Cure();
  EXPECT_THAT(Text(), HasSubstr("at the earliest, once object.metadata.annotations"));
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(c.State(), kChanged);
  EXPECT_THAT(Text(), HasSubstr("changes are taken back once object.metadata.annotations"));
  c.Annotate({{"calm", "yes"}});
  EXPECT_EQ(c.State(), kAsBefore);
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Revert, AnUnknownWhenIsWaitedFor) {
  Begin({{"recovery", {{"revert", {{"when", "object.metadata.annotations.calm == 'yes'"}}}}}});
  Cure();
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(c.State(), kChanged);
  EXPECT_THAT(Text(), HasSubstr("(unknown: "));
}

TEST_F(Revert, ACureThatDoesNotLastKeepsTheChangesAndEscalatesNothing) {
  json second = Cluster::Spec()["remedies"];
  second.push_back(
      {{"name", "more"},
       {"cureWithin", "5m"},
       {"steps",
        {{{"patch", {{"patch", {{"metadata", {{"annotations", {{"more", "yes"}}}}}}}}}}}}});
  Begin({{"remedies", second}});
  Cure();
  s.Advance(absl::Seconds(20));
  c.Sicken();
  EXPECT_EQ(s.Phase(), "Holding");
  EXPECT_EQ(Status()["holding"].value("revert", false), false);
  s.Restart();  // nor does the next process
  s.Advance(absl::Minutes(20));
  EXPECT_EQ(s.Phase(), "Holding");
  EXPECT_EQ(c.State(), kChanged);
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_FALSE(s.Get("deployments", "net/web")["metadata"]["annotations"].contains("more"));
  // Once it is cured again for stableFor, `after` is counted anew.
  Cure();
  s.Advance(absl::Seconds(25));
  EXPECT_EQ(c.State(), kChanged);
  s.Advance(absl::Seconds(6));
  EXPECT_EQ(c.State(), kAsBefore);
}

TEST_F(Revert, WhatWasBegunIsFinishedEvenWhenTheSymptomComesBack) {
  Begin();
  Cure();
  bool sick = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    // Together with the first change that is taken back.
    if (!sick && request.target.find("/configmaps/limits") != std::string::npos) {
      sick = true;
      c.Change("deployments", "net/web", {{"metadata", {{"annotations", {{"sick", "again"}}}}}});
    }
    return Fault::kNone;
  };
  s.Advance(absl::Seconds(31));
  ASSERT_TRUE(sick);
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(c.State(), kAsBefore);
  // It is a relapse, and nobody set our change back but ourselves.
  s.Advance(absl::Minutes(30));
  ASSERT_EQ(s.Remediations().size(), 2u);
  EXPECT_FALSE(Status().contains("contended"));
  EXPECT_GE(Status()["ledger"]["failures"], 1);
}

TEST_F(Revert, TheTimeCountsOverRestarts) {
  Begin();
  Cure();
  s.Advance(absl::Seconds(15));
  s.Crash();
  s.Advance(absl::Seconds(10));
  s.Start();
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(c.State(), kChanged);
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(c.State(), kAsBefore);
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Revert, ItKeepsItsSlotAndIsNotCountedAsSick) {
  c.Deployment("other");
  Begin();
  Cure();
  c.Sicken("other");
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting(), AllOf(HasSubstr("MaxConcurrent"), HasSubstr("web")));
  s.Advance(absl::Seconds(40));
  EXPECT_EQ(s.Remediations().size(), 2u) << s.Waiting() << s.PolicyStatus().dump(1);
}

TEST_F(Revert, AChangeThatIsSetBackAndMakesItSickAgainIsContended) {
  Begin();
  const json back = {{"spec", {{"replicas", 3}}}, {"metadata", {{"annotations", {{"sick", "y"}}}}}};
  Cure();
  s.Edit("deployments", "net/web", back, "helm-fight");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(c.Replicas(), 6) << "once it is made again";
  Cure();
  s.Edit("deployments", "net/web", back, "helm-fight");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "Contended");
  EXPECT_THAT(Finalizers(), ElementsAre());
}

TEST_F(Revert, AChangeThatIsSetBackAndNotMissedIsNotMadeAgain) {
  Begin();
  Cure();
  s.Edit("deployments", "net/web", {{"spec", {{"replicas", 3}}}}, "kubectl");
  s.Advance(absl::Seconds(50));
  EXPECT_EQ(c.Replicas(), 3);
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(c.Rate(), "1");
}

struct Stop {
  const char* name;
  void (*stop)(Simulation&);
  const char* message;  // "" when the Remediation is gone
};

class StopOfRevert : public ::testing::TestWithParam<Stop> {};

TEST_P(StopOfRevert, LeavesTheChanges) {
  Simulation s;
  Cluster c(s);
  s.Policy(Cluster::Spec());
  s.Start();
  c.Sicken();
  s.Advance(absl::Seconds(2));
  c.Heal();
  s.Advance(absl::Seconds(3));
  ASSERT_EQ(s.Phase(), "Holding");
  GetParam().stop(s);
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(c.State(), kChanged);
  if (std::string_view(GetParam().message).empty()) {
    EXPECT_EQ(s.Phase(), "") << "the finalizer was taken off";
    return;
  }
  EXPECT_EQ(s.Phase(), "Cancelled");
  const json remediation = s.Remediations().at(0);
  EXPECT_THAT(remediation["status"]["message"].get<std::string>(), HasSubstr(GetParam().message));
  EXPECT_EQ(remediation["metadata"].value("finalizers", json::array()), json::array());
}

const Stop kStops[] = {
    {"Cancel",
     [](Simulation& s) {
       json object = s.Remediations().at(0);
       object["spec"]["cancel"] = true;
       s.server.Put("remediations", object);
     },
     "spec.cancel was set; changes that were made stay"},
    {"PolicyDeleted", [](Simulation& s) { s.server.Delete("remediationpolicies", "", "policy"); },
     "was deleted; changes that were made stay"},
    {"RemediationDeleted",
     [](Simulation& s) {
       json object = s.Remediations().at(0);
       object["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
       s.server.Put("remediations", object);
     },
     ""},
};

INSTANTIATE_TEST_SUITE_P(Ways, StopOfRevert, ::testing::ValuesIn(kStops),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(Revert, APausedPolicyTakesNothingBack) {
  Begin();
  Cure();
  s.Policy(Cluster::Spec({{"paused", true}}));
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(c.State(), kChanged);
  EXPECT_EQ(s.Reason(), "Paused");
  s.Policy(Cluster::Spec());
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(c.State(), kAsBefore);
}

TEST_F(Revert, AnEditThatForgetsItIsForLaterRemediations) {
  Begin();
  Cure();
  s.Policy(Cluster::Spec({{"recovery", {{"revert", nullptr}}}}));
  s.Advance(absl::Seconds(40));
  EXPECT_EQ(c.State(), kAsBefore);
}

TEST_F(Revert, ModeObserveSaysThatItWould) {
  s.Policy(Cluster::Spec({{"mode", "Observe"}}));
  s.Start();
  c.Sicken();
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Phase(), "Observed");
  EXPECT_THAT(Text(), HasSubstr("its changes would be taken back 30s after the cure"));
  EXPECT_EQ(c.State(), kAsBefore);
}

TEST_F(Revert, ARefusedWriteIsLeftAndDoesNotStopTheOthers) {
  Begin();
  Cure();
  s.api.fault = [&](const FakeApi::Request& request) {
    return request.target.find("/configmaps/") != std::string::npos ? Fault::kRejected
                                                                    : Fault::kNone;
  };
  s.Advance(absl::Seconds(31));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(c.State(), R"(3"""9")");
  EXPECT_THAT(Text(), HasSubstr("not taken back: the API server refused"));
}

struct Ending {
  std::string phase, state;
  size_t remediations = 0;
  std::vector<std::string> changes;
  size_t writes_seen = 0;
};

// The whole story with `fault` at the `nth` write (from 1); with `crash` the process dies there.
Ending Play(size_t nth, Fault fault, bool crash) {
  Simulation s;
  Cluster c(s);
  s.Policy(Cluster::Spec());
  Ending ending;
  bool crash_now = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/remediationpolicies/") != std::string::npos) return Fault::kNone;
    if (++ending.writes_seen != nth) return Fault::kNone;
    crash_now = crash;
    return fault;
  };
  s.Start();
  c.Sicken();
  for (int i = 0; i < 80; ++i) {
    s.Advance(absl::Seconds(1));
    if (crash_now) s.Restart();
    crash_now = false;
    if (i == 12) c.Heal();
  }
  ending.phase = s.Phase();
  ending.state = c.State();
  ending.remediations = s.Remediations().size();
  if (ending.remediations == 1 &&
      !s.Remediations()[0]["metadata"].value("finalizers", json::array()).empty()) {
    ending.state += " and a finalizer";
  }
  for (const FakeApi::Request& write : s.api.writes()) {
    if (!write.changed || write.target.find("kube-remedy.io") != std::string::npos) continue;
    ending.changes.push_back(write.target.substr(0, write.target.find('?')));
  }
  return ending;
}

TEST(RevertFaults, EveryWriteMayGetLostOrBeTheLastOne) {
  const Ending undisturbed = Play(0, Fault::kNone, false);
  ASSERT_EQ(undisturbed.phase, "Succeeded");
  ASSERT_EQ(undisturbed.state, kAsBefore);
  ASSERT_EQ(undisturbed.changes.size(), 6u);
  for (size_t nth = 1; nth <= undisturbed.writes_seen; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone,
                              Fault::kThrottled, Fault::kNotSent}) {
      for (const bool crash : {true, false}) {
        SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                     std::to_string(static_cast<int>(fault)) + (crash ? " and crash" : ""));
        const Ending ending = Play(nth, fault, crash);
        EXPECT_EQ(ending.phase, "Succeeded");
        EXPECT_EQ(ending.state, kAsBefore);
        EXPECT_EQ(ending.remediations, 1u);
        EXPECT_EQ(ending.changes, undisturbed.changes);
      }
    }
  }
}

}  // namespace
}  // namespace kr::remediation
