// run, approve, deny and retry: what they write, and what they say.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cmd/kubectl-remedy/fake_cluster.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kHash[] = "3f2a9c00112233445566778899aabbccddeeff00112233445566778899aabbcc";

json Waiting(const std::string& name) {
  return json::parse(R"({
    "apiVersion": "kube-remedy.io/v1alpha1", "kind": "Remediation",
    "metadata": {"name": ")" +
                     name + R"(", "uid": "u", "resourceVersion": "1"},
    "spec": {"policyRef": {"name": "p", "uid": "p-1"},
             "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop",
                           "name": "web", "uid": "t"}},
    "status": {"phase": "AwaitingApproval", "reason": "ApprovalRequired", "message": "waits",
      "plan": [{"remedy": "cure", "attempt": 1, "step": 0, "action": "setEnv",
                "text": "set A=1", "body": "{\"spec\":1}", "validation": "Validated"}],
      "approvals": [{"remedy": "cure", "attempt": 1, "planHash": ")" +
                     kHash + R"(", "state": "Requested", "requestedAt": "2026-01-02T03:04:05Z",
                     "expiresAt": "2026-01-02T04:04:05Z"}]}})");
}

class PeopleCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    terminal.cluster.Answer("/apis/authentication.k8s.io/v1/selfsubjectreviews",
                            {{"status", {{"userInfo", {{"username", "alice"}}}}}});
    terminal.cluster.Answer("/apis/apps/v1", {{"kind", "APIResourceList"},
                                              {"groupVersion", "apps/v1"},
                                              {"resources",
                                               {{{"name", "deployments"},
                                                 {"kind", "Deployment"},
                                                 {"namespaced", true},
                                                 {"verbs", {"list", "watch"}}}}}});
    terminal.cluster.Put("/apis/apps/v1/namespaces/shop/deployments",
                         {{"metadata", {{"name", "web"}, {"namespace", "shop"}, {"uid", "t"}}}});
    terminal.cluster.Put(
        kPolicies, json::parse(
                       R"({"apiVersion": "kube-remedy.io/v1alpha1", "kind": "RemediationPolicy",
                "metadata": {"name": "p", "uid": "p-1"},
                "spec": {"target": {"apiVersion": "apps/v1", "kind": "Deployment", "namespaces": ["shop"]},
                         "remedies": [{"name": "cure", "steps": [{"notify": {"message": "hello"}}]}]}})"));
  }
  Terminal terminal;
};

TEST_F(PeopleCommands, ApproveShowsThePlanAndNamesWhoDecides) {
  terminal.cluster.Put(kRemediations, Waiting("r"));
  EXPECT_EQ(terminal.Run({"approve", "r"}), 0) << terminal.err.str();
  EXPECT_THAT(terminal.out.str(), HasSubstr("cure step 1 setEnv: set A=1: Validated"));
  EXPECT_THAT(terminal.out.str(), HasSubstr(R"({"spec":1})"));
  EXPECT_THAT(terminal.out.str(), HasSubstr("remediation/r: remedy cure approved by alice\n"));
  EXPECT_EQ(terminal.cluster.At(kRemediations, "r")["spec"]["approvals"],
            json::parse(R"([{"by": "alice", "decision": "Approve", "planHash": ")" +
                        std::string(kHash) + R"(", "remedy": "cure"}])"));
}

TEST_F(PeopleCommands, ApproveCanBeBoundToThePlanThatWasLookedAt) {
  terminal.cluster.Put(kRemediations, Waiting("r"));
  EXPECT_EQ(terminal.Run({"approve", "r", "--plan", "abc"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("the plan is 3f2a9c"));
  EXPECT_THAT(terminal.cluster.writes(), IsEmpty());
  EXPECT_EQ(terminal.Run({"approve", "r", "--plan", "3f2a9c"}), 0);
}

TEST_F(PeopleCommands, WhatDoesNotWaitCannotBeApproved) {
  json running = Waiting("r");
  running["status"]["phase"] = "Running";
  running["status"]["message"] = "step 1";
  terminal.cluster.Put(kRemediations, running);
  EXPECT_EQ(terminal.Run({"approve", "r"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("does not wait for approval: Running, step 1"));
  EXPECT_EQ(terminal.Run({"deny", "r"}), 1);
  EXPECT_EQ(terminal.Run({"deny", "r", "--remedy", "reboot"}), 0) << "a no may come first";
  EXPECT_EQ(terminal.cluster.At(kRemediations, "r")["spec"]["approvals"][0]["decision"], "Deny");
}

TEST_F(PeopleCommands, ApproveWaitsAndItsExitStatusSaysHowItEnded) {
  terminal.cluster.Put(kRemediations, Waiting("r"));
  int looks = 0;
  terminal.cluster.before_get = [&] {
    if (++looks < 4) return;
    json& object = terminal.cluster.At(kRemediations, "r");
    object["status"]["phase"] = "Failed";
    object["status"]["message"] = "no luck";
  };
  EXPECT_EQ(terminal.Run({"approve", "r", "--wait"}), 3);
  EXPECT_THAT(terminal.out.str(), HasSubstr("remediation/r: Failed, no luck"));
  EXPECT_THAT(terminal.err.str(), HasSubstr("remediation/r did not succeed"));
}

TEST_F(PeopleCommands, RunMakesARemediationInOnesOwnName) {
  EXPECT_EQ(terminal.Run({"run", "p", "web", "-n", "shop", "--param", "minReady=3", "--param",
                          "zone=\"3\""}),
            0)
      << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), "remediation/p-run-abcde created\n");
  const json spec = terminal.cluster.At(kRemediations, "p-run-abcde")["spec"];
  EXPECT_EQ(spec["requestedBy"], "alice");
  EXPECT_EQ(spec["targetRef"], json::parse(R"({"apiVersion": "apps/v1", "kind": "Deployment",
                                              "name": "web", "namespace": "shop", "uid": "t"})"));
  EXPECT_EQ(spec["params"], json::parse(R"({"minReady": 3, "zone": "3"})"));
}

TEST_F(PeopleCommands, RunSaysWhatIsWrongWithTheTarget) {
  EXPECT_EQ(terminal.Run({"run", "p", "node/web"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("the policy is about Deployment, not about \"node\""));
  EXPECT_EQ(terminal.Run({"run", "p", "shop/deployment/web"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("expected kind/name"));
  EXPECT_EQ(terminal.Run({"run", "p", "deployments/missing", "-n", "shop"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("\"missing\" not found"));
  EXPECT_EQ(terminal.Run({"run", "p", "web", "-n", "shop", "--param", "x"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("--param: expected name=value"));
  EXPECT_THAT(terminal.cluster.writes(), IsEmpty());
}

TEST_F(PeopleCommands, RetryTakesTheLastOneOfEachPolicy) {
  const auto ended = [&](const char* name, const char* policy, int n) {
    json object = Waiting(name);
    object["spec"]["policyRef"]["name"] = policy;
    object["status"] = {{"phase", "Failed"}, {"ledger", {{"n", n}, {"exhausted", true}}}};
    terminal.cluster.Put(kRemediations, object);
  };
  ended("a-1", "a", 1);
  ended("a-2", "a", 2);
  ended("b-1", "b", 1);
  EXPECT_EQ(terminal.Run({"retry", "deployment/web", "-n", "shop"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "remediation/a-2: policy a may try Deployment shop/web again\n"
            "remediation/b-1: policy b may try Deployment shop/web again\n");
  EXPECT_FALSE(terminal.cluster.At(kRemediations, "a-1")["spec"].contains("retry"));
  EXPECT_EQ(terminal.Run({"retry", "deployment/web", "-n", "other"}), 1);
  terminal.cluster.Put(kRemediations, Waiting("open"));
  EXPECT_EQ(terminal.Run({"retry", "open"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("has not ended yet"));
}

TEST_F(PeopleCommands, EveryCommandHasExamples) {
  for (const char* command : {"run", "approve", "deny", "retry", "why", "plan", "test", "rbac",
                              "uninstall", "status", "pause", "resume", "cancel", "eval"}) {
    EXPECT_EQ(terminal.Run({command, "--help"}), 0);
    EXPECT_THAT(terminal.out.str(), HasSubstr("Examples:")) << command;
    EXPECT_THAT(terminal.out.str(), HasSubstr("Exit status:")) << command;
  }
}

}  // namespace
}  // namespace kr::cmd
