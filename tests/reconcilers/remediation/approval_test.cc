// Mode Approve: a person is asked before a rung begins, with the plan in hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Sick as long as the label says so: no Events that grow old.
json SickByLabel(const json& patch = json::object()) {
  json spec = FelixSpec({{"mode", "Approve"},
                         {"events", nullptr},
                         {"triggers", json::parse(R"([{"name": "sick", "match": [
                            {"name": "label", "expression": "object.metadata.labels.?sick.orValue('') == 'true'"}]}])")},
                         {"remedies", json::parse(R"([{"name": "set", "cureWithin": "5m", "steps": [
                            {"patch": {"set": [{"path": "/metadata/annotations/was", "expression": "object.metadata.labels.app"}],
                                       "patch": {"metadata": {"annotations": {}}}}}]}])")}});
  spec.merge_patch(patch);
  return spec;
}

const json kSecond = json::parse(
    R"({"name": "second", "cureWithin": "5m",
        "steps": [{"patch": {"patch": {"metadata": {"annotations": {"second": "yes"}}}}}]})");

class Approval : public ::testing::Test {
 protected:
  void Begin(const json& spec) {
    s.DaemonSet("calico-node");
    s.Policy(spec);
    s.Start();
    Label("calico-node", "true");
  }
  void Label(const std::string& name, const std::string& sick) {
    s.Edit("daemonsets", "net/" + name, {{"metadata", {{"labels", {{"sick", sick}}}}}});
    s.RollOut(name);
    s.Advance(absl::Seconds(1));
  }
  json Status() { return s.Remediations().back()["status"]; }
  json Request() { return Status()["approvals"].back(); }
  std::string Hash() { return Request()["planHash"]; }
  void Decide(const std::string& decision, const std::string& hash,
              const std::string& remedy = "set", size_t which = 0) {
    json object = s.Remediations().at(which);
    json approvals = object["spec"].value("approvals", json::array());
    std::erase_if(approvals.get_ref<json::array_t&>(),
                  [&](const json& one) { return one["remedy"] == remedy; });
    approvals.push_back(
        {{"remedy", remedy}, {"planHash", hash}, {"decision", decision}, {"by", "alice"}});
    object["spec"]["approvals"] = approvals;
    s.server.Put("remediations", object);
    s.Advance(absl::Seconds(1));
  }
  json Annotations(const std::string& name = "calico-node") {
    return s.Get("daemonsets", "net/" + name)["metadata"].value("annotations", json::object());
  }
  Simulation s;
};

TEST_F(Approval, APersonIsAskedWithThePlanAndNothingIsWritten) {
  Begin(SickByLabel());
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(s.Reason(), "ApprovalRequired");
  EXPECT_EQ(s.Patches(), 0u);
  const json plan = Status()["plan"];
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0]["validation"], "Validated");
  EXPECT_THAT(plan[0]["body"].get<std::string>(), HasSubstr(R"("was":"calico-node")"));
  EXPECT_EQ(Request()["state"], "Requested");
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("kubectl remedy approve"));
}

TEST_F(Approval, OnceApprovedItBeginsAndTheStatusSaysWhoDidIt) {
  Begin(SickByLabel());
  Decide("Approve", Hash());
  EXPECT_EQ(Annotations()["was"], "calico-node");
  EXPECT_EQ(Request()["state"], "Approved");
  EXPECT_EQ(Request()["by"], "alice");
  EXPECT_TRUE(Request().contains("decidedAt"));
  EXPECT_THAT(s.told, ::testing::Contains(HasSubstr("alice approved remedy set")));
  Label("calico-node", "false");
  s.Advance(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Approval, ApprovalCoversOneRung) {
  json spec = SickByLabel();
  spec["remedies"].push_back(kSecond);
  Begin(spec);
  const std::string first = Hash();
  Decide("Approve", first);
  ASSERT_EQ(Annotations()["was"], "calico-node");
  s.Advance(absl::Minutes(6));  // it does not help
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(Request()["remedy"], "second");
  Decide("Approve", first, "second");  // the hash of another plan
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_FALSE(Annotations().contains("second"));
  Decide("Approve", Hash(), "second");
  EXPECT_EQ(Annotations()["second"], "yes");
}

TEST_F(Approval, EachAttemptIsApprovedAnew) {
  json spec = SickByLabel();
  spec["remedies"][0]["attempts"] = 2;
  Begin(spec);
  const std::string first = Hash();
  Decide("Approve", first);
  s.Advance(absl::Minutes(6));
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(Request()["attempt"], 2);
  EXPECT_NE(Hash(), first);
}

TEST_F(Approval, ARemedyMayAskInAPolicyThatDoesNot) {
  json spec = SickByLabel({{"mode", "Enforce"}});
  spec["remedies"].push_back(kSecond);
  spec["remedies"][1]["mode"] = "Approve";
  Begin(spec);
  EXPECT_EQ(s.Phase(), "Verifying");
  EXPECT_EQ(Annotations()["was"], "calico-node");
  s.Advance(absl::Minutes(6));
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_FALSE(Annotations().contains("second"));
}

TEST_F(Approval, ATightenedPolicyAsksForTheNextRung) {
  json spec = SickByLabel({{"mode", "Enforce"}});
  spec["remedies"].push_back(kSecond);
  Begin(spec);
  ASSERT_EQ(s.Phase(), "Verifying");
  spec["mode"] = "Approve";
  s.Policy(spec);
  s.Advance(absl::Minutes(6));
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_FALSE(Annotations().contains("second"));
}

TEST_F(Approval, ChangedPlanNeedsReapproval) {
  Begin(SickByLabel());
  const std::string before = Hash();
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"labels", {{"app", "other"}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Seconds(1));
  Decide("Approve", before);
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(s.Reason(), "PlanChanged");
  EXPECT_EQ(s.Patches(), 0u);
  ASSERT_NE(Hash(), before);
  EXPECT_THAT(Status()["plan"][0]["body"].get<std::string>(), HasSubstr(R"("was":"other")"));
  Decide("Approve", Hash());
  EXPECT_EQ(Annotations()["was"], "other");
}

// Steps choose their objects when they begin. What a person was not shown is not touched.
class ApprovedObjects : public Approval {
 protected:
  void Begin(const json& steps) {
    s.DaemonSet("calico-node");
    Pod("p1", "1");
    Pod("p2", "");
    json spec = SickByLabel({{"related", {{{"name", "pods"}, {"preset", "OwnedPods"}}}}});
    spec["remedies"][0]["steps"] = steps;
    s.Policy(spec);
    s.Start();
    Label("calico-node", "true");
    ASSERT_EQ(s.Phase(), "AwaitingApproval");
  }
  void Pod(const std::string& name, const std::string& rank) {
    s.Pod(name, "calico-node");
    json pod = s.Get("pods", "net/" + name);
    if (!rank.empty()) pod["metadata"]["labels"] = {{"rank", rank}};
    s.server.Put("pods", pod);
  }
  std::vector<std::string> PodsLeft() {
    std::vector<std::string> names;
    for (const auto& [key, pod] : s.server.Objects("pods")) names.push_back(key);
    return names;
  }
  const json kDelete = json::parse(R"JSON({"deletePod": {"mode": "Delete"}, "applyTo": {
      "related": "pods", "where": "has(it.metadata.labels)", "max": 5}})JSON");
  const json kNote = {{"patch", {{"patch", {{"metadata", {{"annotations", {{"n", "y"}}}}}}}}}};
};

TEST_F(ApprovedObjects, AnotherChoiceBeforeTheFirstWriteIsAskedAboutAgain) {
  Begin(json::array({kDelete}));
  const std::string before = Hash();
  // While the plan is made again: what is watched does not know it yet, the first step will.
  s.api.refuse_read = [&](const std::string& target) {
    if (target.find("/pods/p1") != std::string::npos) Pod("p2", "2");
    return 0;
  };
  Decide("Approve", before);
  s.api.refuse_read = nullptr;
  EXPECT_THAT(PodsLeft(), ::testing::ElementsAre("net/p1", "net/p2"));
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(s.Reason(), "PlanChanged");
  EXPECT_NE(Hash(), before);
  // By now what is watched knows both.
  Decide("Approve", Hash());
  EXPECT_EQ(s.Reason(), "PlanChanged");
  Decide("Approve", Hash());
  EXPECT_THAT(PodsLeft(), ::testing::ElementsAre());
}

TEST_F(ApprovedObjects, AnotherChoiceInTheMiddleFailsTheStep) {
  Begin(json::array({kNote, kDelete}));
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/daemonsets/") != std::string::npos) Pod("p2", "2");
    return FakeApi::Fault::kNone;
  };
  Decide("Approve", Hash());
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_THAT(
      Status()["message"].get<std::string>(),
      HasSubstr("NotApproved: the step would work on Pod net/p2, which is not in the plan"));
  EXPECT_THAT(PodsLeft(), ::testing::ElementsAre("net/p1", "net/p2"));
}

TEST_F(ApprovedObjects, FewerThanWereShownAreNoOtherPlan) {
  Begin(json::array({kNote, kDelete}));
  Pod("p2", "2");
  s.Advance(absl::Seconds(1));
  Decide("Approve", Hash());  // asks again: two of them
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/daemonsets/") == std::string::npos) return FakeApi::Fault::kNone;
    json pod = s.Get("pods", "net/p1");
    pod["metadata"].erase("labels");
    s.server.Put("pods", pod);
    return FakeApi::Fault::kNone;
  };
  Decide("Approve", Hash());
  s.Advance(absl::Seconds(5));
  EXPECT_THAT(PodsLeft(), ::testing::ElementsAre("net/p1"));
}

TEST_F(Approval, NoHashIsApprovedBeforeItWasShown) {
  Begin(SickByLabel());
  Decide("Approve", "0");
  s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"labels", {{"app", "other"}}}}}});
  s.RollOut("calico-node");
  s.Advance(absl::Minutes(70));  // planned anew
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Approval, AHeartbeatOfTheTargetIsNoOtherPlan) {
  Begin(SickByLabel());
  const std::string before = Hash();
  s.RollOut("calico-node");  // another resourceVersion
  s.Advance(absl::Seconds(1));
  Decide("Approve", before);
  EXPECT_EQ(Annotations()["was"], "calico-node");
}

TEST_F(Approval, WhatChangesByTimeAloneIsNoOtherPlan) {
  json spec = SickByLabel();
  spec["remedies"][0]["steps"][0]["patch"]["set"][0]["expression"] =
      "now - timestamp('2026-01-02T03:04:05Z') > duration('10m') ? 'late' : 'soon'";
  Begin(spec);
  s.Advance(absl::Minutes(20));
  const std::string before = Hash();
  Decide("Approve", before);
  EXPECT_EQ(Request()["state"], "Approved");
  EXPECT_TRUE(Annotations().contains("was"));
}

TEST_F(Approval, ADeniedRungEndsTheLadder) {
  json spec = SickByLabel();
  spec["remedies"].push_back(kSecond);
  Begin(spec);
  Decide("Deny", "00");  // whatever became of the plan meanwhile
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "ApprovalDenied");
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("alice denied remedy set"));
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Remediations().size(), 1u) << "nobody is asked again at once";
  EXPECT_EQ(s.Patches(), 0u);
}

TEST_F(Approval, ItHoldsNoSlotAndTakesOneWhenApproved) {
  s.DaemonSet("other");
  s.Edit("daemonsets", "net/other", {{"metadata", {{"labels", {{"sick", "true"}}}}}});
  s.RollOut("other");
  Begin(SickByLabel({{"limits", {{"maxConcurrent", 1}, {"maxUnhealthy", "100%"}}}}));
  ASSERT_EQ(s.Remediations().size(), 2u);
  const auto phase = [&](size_t i) { return s.Remediations().at(i)["status"]["phase"]; };
  const auto hash = [&](size_t i) {
    return s.Remediations().at(i)["status"]["approvals"][0]["planHash"].get<std::string>();
  };
  EXPECT_EQ(phase(0), "AwaitingApproval");
  EXPECT_EQ(phase(1), "AwaitingApproval");
  Decide("Approve", hash(0), "set", 0);
  Decide("Approve", hash(1), "set", 1);
  EXPECT_EQ(phase(0), "Verifying");
  EXPECT_EQ(phase(1), "AwaitingApproval");
  EXPECT_EQ(s.Remediations().at(1)["status"]["reason"], "MaxConcurrent");
  Label("calico-node", "false");
  s.Advance(absl::Minutes(4));
  EXPECT_EQ(phase(0), "Succeeded");
  EXPECT_EQ(phase(1), "Verifying");
}

TEST_F(Approval, TwoThatAreApprovedInOneMomentTakeOneSlot) {
  s.DaemonSet("other");
  s.Edit("daemonsets", "net/other", {{"metadata", {{"labels", {{"sick", "true"}}}}}});
  s.RollOut("other");
  Begin(SickByLabel({{"limits", {{"maxConcurrent", 1}, {"maxUnhealthy", "100%"}}}}));
  ASSERT_EQ(s.Remediations().size(), 2u);
  for (json object : s.Remediations()) {
    object["spec"]["approvals"] = {{{"remedy", "set"},
                                    {"planHash", object["status"]["approvals"][0]["planHash"]},
                                    {"decision", "Approve"},
                                    {"by", "alice"}}};
    s.server.Put("remediations", object);
  }
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Approval, AnUnansweredQuestionIsAskedAnewAfterItsHour) {
  Begin(SickByLabel());
  const std::string before = Hash();
  s.Advance(absl::Minutes(61));
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  ASSERT_NE(Hash(), before);
  Decide("Approve", before);
  EXPECT_EQ(s.Patches(), 0u);
  Decide("Approve", Hash());
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Approval, AnApprovalThatCouldNotBeUsedExpires) {
  Begin(SickByLabel());
  json spec = SickByLabel({{"paused", true}});
  s.Policy(spec);
  const std::string before = Hash();
  Decide("Approve", before);
  EXPECT_EQ(s.Reason(), "Paused");
  s.Advance(absl::Minutes(61));
  spec["paused"] = false;
  s.Policy(spec);
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_NE(Hash(), before);
}

TEST_F(Approval, ARestartKeepsTheQuestionAndTheAnswer) {
  Begin(SickByLabel());
  const std::string before = Hash();
  s.Restart();
  s.Advance(absl::Seconds(1));
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(Hash(), before);
  s.Crash();
  Decide("Approve", before);
  EXPECT_EQ(s.Patches(), 0u);
  s.Start();
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Patches(), 1u);
}

// kill -9 with the answer lost, at each write of it.
TEST(ApprovalCrash, AnywhereEndsTheSame) {
  size_t writes = 0;
  for (size_t at = 1; at < 40; ++at) {
    Simulation s;
    s.DaemonSet("calico-node");
    s.Policy(SickByLabel());
    s.Start();
    size_t seen = 0;
    bool crash = false;
    s.api.fault = [&](const FakeApi::Request& request) {
      if (request.target.find("remediationpolicies") != std::string::npos) {
        return FakeApi::Fault::kNone;
      }
      if (++seen != at) return FakeApi::Fault::kNone;
      crash = true;
      return FakeApi::Fault::kLostAfter;
    };
    s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"labels", {{"sick", "true"}}}}}});
    s.RollOut("calico-node");
    for (int i = 0; i < 400; ++i) {
      s.Advance(absl::Seconds(1));
      if (crash) s.Restart();
      crash = false;
      if (i == 60) {
        json object = s.Remediations().at(0);
        object["spec"]["approvals"] = {
            {{"remedy", "set"},
             {"planHash", object["status"]["approvals"].back()["planHash"]},
             {"decision", "Approve"},
             {"by", "alice"}}};
        s.server.Put("remediations", object);
      }
      if (i < 60) {
        ASSERT_EQ(s.Patches(), 0u) << "crash at write " << at;
      }
      if (i == 120) {
        s.Edit("daemonsets", "net/calico-node", {{"metadata", {{"labels", {{"sick", "no"}}}}}});
        s.RollOut("calico-node");
      }
    }
    EXPECT_EQ(s.Phase(), "Succeeded") << "crash at write " << at;
    EXPECT_EQ(s.Patches(), 1u) << "crash at write " << at;
    if (seen < at) break;
    writes = at;
  }
  EXPECT_GT(writes, 4u);
}

TEST_F(Approval, NobodyIsAskedAboutASymptomThatIsGone) {
  Begin(SickByLabel());
  Label("calico-node", "false");
  EXPECT_EQ(s.Phase(), "Cancelled");
  EXPECT_EQ(s.Reason(), "SymptomGone");
}

TEST_F(Approval, AnotherPolicyNeedNotWaitForThePerson) {
  Begin(SickByLabel());
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  json other = SickByLabel({{"mode", "Enforce"}});
  other["remedies"][0] = kSecond;
  s.Policy(other, "other");
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(Annotations()["second"], "yes");
  Decide("Approve", s.Remediations()[1]["status"]["approvals"][0]["planHash"], "set", 1);
  EXPECT_FALSE(Annotations().contains("was")) << "two at work on one object";
}

}  // namespace
}  // namespace kr::remediation
