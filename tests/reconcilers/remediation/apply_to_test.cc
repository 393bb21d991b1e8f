// Steps that work on other objects than the target: chosen once, one after the other, and the same
// ones after a crash.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A DaemonSet with pods; those with a rank are sick.
class ApplyTo : public ::testing::Test {
 protected:
  ApplyTo() { s.DaemonSet("agent"); }

  void Pod(Simulation& sim, const std::string& name, const std::string& rank = "") {
    sim.Pod(name, "agent");
    if (rank.empty()) return;
    json pod = sim.Get("pods", "net/" + name);
    pod["metadata"]["labels"] = {{"rank", rank}};
    sim.server.Put("pods", pod);
  }
  // `step` without applyTo; `apply_to` on top of the usual one.
  static json Spec(const json& step, const json& apply_to, int enough = 0) {
    json to = {{"related", "pods"}, {"where", "has(it.metadata.labels)"}};
    to.update(apply_to);
    json with = step;
    with["applyTo"] = to;
    return {{"target", {{"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"namespaces", {"net"}}}},
            {"related", {{{"name", "pods"}, {"preset", "OwnedPods"}}}},
            {"triggers",
             {{{"name", "sick"},
               {"match",
                {{{"name", "m"},
                  {"expression", "related.pods.filter(p, has(p.metadata.labels)).size() > " +
                                     std::to_string(enough)}}}}}}},
            {"remedies",
             {{{"name", "sweep"}, {"steps", {with}}, {"cureWithin", "5m"}, {"attempts", 1}}}},
            {"recovery", {{"stableFor", "1s"}}},
            {"limits", {{"maxUnhealthy", "100%"}, {"cooldown", "24h"}}}};
  }
  static json DeletePod(const std::string& mode = "Delete") {
    return {{"deletePod", {{"mode", mode}, {"timeout", "30s"}}}};
  }
  std::vector<std::string> PodsLeft() const {
    std::vector<std::string> names;
    for (const auto& [key, pod] : s.server.Objects("pods")) names.push_back(key);
    return names;
  }
  static std::vector<std::string> Removed(const Simulation& sim) {
    std::vector<std::string> targets;
    for (const FakeApi::Request& write : sim.api.writes()) {
      const size_t pods = write.target.find("/pods/");
      if (pods != std::string::npos) {
        targets.push_back(write.target.substr(pods + 6, write.target.find('?') - pods - 6));
      }
    }
    return targets;
  }
  json Status() const { return s.Remediations().at(0)["status"]; }
  std::vector<std::string> Steps() const {
    std::vector<std::string> lines;
    const json status = Status();
    for (const json& step : status["steps"]) {
      lines.push_back(step.value(json::json_pointer("/object/name"), "-") + " " +
                      step["state"].get<std::string>());
    }
    return lines;
  }

  Simulation s;
};

TEST_F(ApplyTo, ChosenInOrderUpToMaxOneAfterTheOther) {
  for (const char* rank : {"3", "1", "4", "2"}) Pod(s, "p" + std::string(rank), rank);
  Pod(s, "healthy");
  s.Policy(Spec(DeletePod(), {{"orderBy", "-int(it.metadata.labels.rank)"}, {"max", 2}}, 2));
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Succeeded") << s.Remediations().at(0).dump(1);
  EXPECT_THAT(Removed(s), ElementsAre("p4", "p3"));
  EXPECT_THAT(PodsLeft(), ElementsAre("net/healthy", "net/p1", "net/p2"));
  EXPECT_THAT(Steps(), ElementsAre("p4 Succeeded", "p3 Succeeded"));
  EXPECT_FALSE(Status()["steps"][0]["object"]["uid"].get<std::string>().empty());
  EXPECT_THAT(s.told, ::testing::Contains(HasSubstr("works on 2 of 4 objects (applyTo.max)")));
}

TEST_F(ApplyTo, WithoutObjectsTheStepIsSkippedAndSaysSo) {
  Pod(s, "p1", "1");
  s.Policy(Spec(DeletePod(), {{"where", "it.metadata.name == 'nobody'"}}));
  s.Start();
  s.Advance(absl::Minutes(6));
  EXPECT_THAT(Removed(s), IsEmpty());
  EXPECT_THAT(Steps(), ElementsAre("- Skipped"));
  EXPECT_EQ(Status()["steps"][0]["message"],
            "there is nothing to do: related.pods has no object for which where is true");
  EXPECT_EQ(s.Reason(), "NotCured");
}

TEST_F(ApplyTo, TheNextWaitsForWhatTheFirstLeaves) {
  for (const char* rank : {"1", "2"}) Pod(s, "p" + std::string(rank), rank);
  s.Policy(Spec(DeletePod(), {{"waitFor",
                               {{"expression", "object.metadata.?annotations['ok'].hasValue()"},
                                {"timeout", "2m"}}}}));
  s.Start();
  s.Advance(absl::Seconds(30));
  EXPECT_THAT(Removed(s), ElementsAre("p1"));
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("object 1 of 2, Pod net/p1: "));
  EXPECT_EQ(Status()["step"], "1/1 deletePod (1/2)");
  s.Edit("daemonsets", "net/agent", {{"metadata", {{"annotations", {{"ok", "1"}}}}}});
  s.Advance(absl::Seconds(30));
  EXPECT_THAT(Removed(s), ElementsAre("p1", "p2"));
}

TEST_F(ApplyTo, WaitingTooLongFailsTheStep) {
  for (const char* rank : {"1", "2"}) Pod(s, "p" + std::string(rank), rank);
  s.Policy(Spec(DeletePod(), {{"waitFor", {{"expression", "false"}, {"timeout", "20s"}}}}));
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_THAT(Removed(s), ElementsAre("p1"));
  EXPECT_THAT(Steps(), ElementsAre("p1 Failed", "p2 Skipped"));
  EXPECT_EQ(s.Phase(), "Failed");
}

TEST_F(ApplyTo, SeveralAtOnce) {
  for (const char* rank : {"1", "2", "3"}) Pod(s, "p" + std::string(rank), rank);
  s.Policy(Spec(DeletePod(), {{"maxConcurrent", 2},
                              {"waitFor", {{"expression", "false"}, {"timeout", "20s"}}}}));
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(Removed(s), ElementsAre("p1", "p2"));
}

TEST_F(ApplyTo, ABlockedEvictionNamesTheBudget) {
  for (const char* rank : {"1", "2"}) Pod(s, "p" + std::string(rank), rank);
  s.api.block_eviction = [](const std::string& pod) {
    return pod == "p1" ? "The disruption budget agents needs 2 healthy pods and has 2 currently"
                       : "";
  };
  s.Policy(Spec(DeletePod("Evict"), json::object()));
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("The disruption budget agents"));
  EXPECT_THAT(Removed(s), IsEmpty());
  s.Advance(absl::Minutes(2));
  EXPECT_THAT(Steps(), ElementsAre("p1 Failed", "p2 Skipped"));
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("The disruption budget agents"));
}

TEST_F(ApplyTo, OneFailureDoesNotStopTheOthersWhenItMayNot) {
  for (const char* rank : {"1", "2"}) Pod(s, "p" + std::string(rank), rank);
  s.api.block_eviction = [](const std::string& pod) { return pod == "p1" ? "no" : ""; };
  json step = DeletePod("Evict");
  step["onFailure"] = "Continue";
  s.Policy(Spec(step, json::object()));
  s.Start();
  s.Advance(absl::Minutes(2));
  EXPECT_THAT(Steps(), ElementsAre("p1 Failed", "p2 Succeeded"));
}

TEST_F(ApplyTo, BlockedOnesDoNotKeepOthersWaiting) {
  for (const char* rank : {"1", "2", "3"}) Pod(s, "p" + std::string(rank), rank);
  s.api.block_eviction = [](const std::string& pod) { return pod == "p1" ? "no" : ""; };
  s.Policy(Spec(DeletePod("Evict"), {{"maxConcurrent", 2}}));
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(Removed(s), ElementsAre("p2/eviction", "p3/eviction"));
}

TEST_F(ApplyTo, ANamesakeIsNotTouched) {
  Pod(s, "p1", "1");
  Pod(s, "p2", "2");
  // Between choice and deletion p2 is replaced by another pod of its name.
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.method == "DELETE" && request.target.find("p1") != std::string::npos) {
      s.server.Delete("pods", "net", "p2");
      Pod(s, "p2");
    }
    return Fault::kNone;
  };
  s.Policy(Spec(DeletePod(), json::object()));
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_THAT(Removed(s), ElementsAre("p1"));
  EXPECT_EQ(Status()["steps"][1]["message"], "Pod net/p2 was gone already");
}

TEST_F(ApplyTo, ObserveShowsEachObjectAndTouchesNone) {
  for (const char* rank : {"1", "2"}) Pod(s, "p" + std::string(rank), rank);
  json spec = Spec(DeletePod(), json::object());
  spec["mode"] = "Observe";
  s.Policy(spec);
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Observed");
  EXPECT_EQ(PodsLeft().size(), 2u);
  const json plan = Status()["plan"];
  ASSERT_EQ(plan.size(), 2u) << plan.dump(1);
  EXPECT_EQ(plan[1]["object"]["name"], "p2");
  EXPECT_EQ(plan[1]["validation"], "Validated");
}

// What protects a target protects what a step works on besides it: it is left alone, and the others
// are not.
TEST_F(ApplyTo, WhatIsExcludedOrAnotherToolsIsLeftAlone) {
  for (const char* rank : {"1", "2", "3"}) Pod(s, std::string("p-") + rank, rank);
  const auto mark = [&](const std::string& name, const json& metadata) {
    json pod = s.Get("pods", "net/" + name);
    pod["metadata"].merge_patch(metadata);
    s.server.Put("pods", pod);
  };
  mark("p-1", {{"labels", {{"kube-remedy.io/exclude", "true"}}}});
  mark("p-2", {{"annotations", {{"cluster-autoscaler.kubernetes.io/safe-to-evict", "false"}}}});
  s.Policy(Spec(DeletePod(), json::object()));
  s.Start();
  s.Advance(absl::Seconds(30));
  EXPECT_THAT(Removed(s), ElementsAre("p-3"));
  EXPECT_THAT(Steps(), ElementsAre("p-1 Skipped", "p-2 Skipped", "p-3 Succeeded"));
  const json steps = Status()["steps"];
  EXPECT_EQ(steps[0]["message"],
            "Protected: Pod net/p-1 has the label kube-remedy.io/exclude: \"true\"");
  EXPECT_THAT(steps[1].value("message", ""), HasSubstr("ForeignMaintenance: Pod net/p-2 has"));
}

TEST_F(ApplyTo, ANamespaceIsLeftAloneUnlessThePolicyNamesIt) {
  const auto play = [](const std::string& name_space, const json& ref) {
    auto sim = std::make_unique<Simulation>();
    sim->options.limits.own_namespace = "remedies";
    sim->DaemonSet("agent");
    sim->DaemonSet("proxy", name_space);
    if (name_space == "out") {
      sim->server.Put(
          "namespaces",
          {{"metadata", {{"name", "out"}, {"labels", {{"kube-remedy.io/exclude", "true"}}}}}});
    }
    json step = {{"patch", {{"patch", {{"metadata", {{"labels", {{"seen", "yes"}}}}}}}}}};
    json spec = Spec(step, json::object());
    spec["related"] = {
        {{"name", "pods"}, {"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"names", {"proxy"}}}};
    spec["related"][0].update(ref);
    spec["triggers"][0]["match"][0]["expression"] = "target.name == 'agent'";
    spec["remedies"][0]["steps"][0]["applyTo"].erase("where");
    spec["remedies"][0]["verify"] = {{{"name", "v"}, {"expression", "true"}}};
    sim->Policy(spec);
    sim->Start();
    sim->Advance(absl::Seconds(30));
    const json step_status = sim->Remediations().at(0)["status"]["steps"].at(0);
    return step_status["state"].get<std::string>() + ": " + step_status.value("message", "");
  };
  EXPECT_THAT(play("out", {{"namespace", "out"}}),
              HasSubstr("Skipped: Protected: the namespace out has the label"));
  EXPECT_THAT(play("remedies", {{"namespace", "remedies"}}),
              HasSubstr("Skipped: Protected: DaemonSet remedies/proxy is in the namespace of"));
  EXPECT_THAT(play("kube-system", {{"selector", {{"matchLabels", json::object()}}}}),
              HasSubstr("Skipped: Protected: the namespace kube-system is protected"));
  EXPECT_THAT(play("kube-system", {{"namespace", "kube-system"}}), HasSubstr("Succeeded"));
}

TEST_F(ApplyTo, ALogThatWouldNotFitIsRefusedBeforeTheFirstWrite) {
  for (int i = 100; i < 250; ++i) Pod(s, "p" + std::to_string(i), "1");
  json spec = Spec(DeletePod(), {{"max", 150}});
  spec["remedies"][0]["attempts"] = 10;
  s.Policy(spec);
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Reason(), "PlanTooLarge");
  EXPECT_THAT(Removed(s), IsEmpty());
}

TEST_F(ApplyTo, ATargetThatTheRemedyRemovesIsCured) {
  Pod(s, "p1", "1");
  json spec = Spec(DeletePod(), json::object());
  spec["target"]["apiVersion"] = "v1";
  spec["target"]["kind"] = "Pod";
  spec.erase("related");
  spec["triggers"][0]["match"][0]["expression"] = "has(object.metadata.labels)";
  spec["remedies"][0]["steps"][0].erase("applyTo");
  s.Policy(spec);
  s.Start();
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Succeeded") << s.Reason();
  EXPECT_THAT(Removed(s), ElementsAre("p1"));
}

// kill -9 around every write: each object is removed once, and no other one.
TEST_F(ApplyTo, ACrashGoesOnWithTheSameObjects) {
  size_t writes = 1;
  for (size_t nth = 0; nth <= writes; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      Simulation sim;
      sim.DaemonSet("agent");
      for (const char* rank : {"1", "2", "3", "4"}) Pod(sim, "p" + std::string(rank), rank);
      sim.Policy(Spec(DeletePod(), {{"orderBy", "it.metadata.labels.rank"}, {"max", 2}}, 2));
      size_t seen = 0;
      bool crash = false;
      sim.api.fault = [&](const FakeApi::Request& request) {
        if (request.target.find("/remediationpolicies/") != std::string::npos) return Fault::kNone;
        if (++seen != nth) return Fault::kNone;
        crash = true;
        return fault;
      };
      sim.Start();
      for (int i = 0; i < 60; ++i) {
        sim.Advance(absl::Seconds(1));
        if (crash) sim.Restart();
        crash = false;
      }
      if (nth == 0) writes = seen;
      EXPECT_EQ(sim.Phase(), "Succeeded");
      EXPECT_THAT(Removed(sim), ElementsAre("p1", "p2"));
    }
  }
  EXPECT_GE(writes, 5u);
}

}  // namespace
}  // namespace kr::remediation
