// The action nodeCommand in the whole controller: what is ordered, by whom it is executed, what
// becomes of it. The Job controller, kubelet and agent are played here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/node/job.h"
#include "reconcilers/node/task.h"
#include "tests/crds/manifests.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kRestart[] = R"Y(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: restart}
spec:
  parameters: [{name: unit, pattern: '^[a-z]+$', default: kubelet}]
  commands: [{argv: [/usr/bin/systemctl, restart, $(unit)], timeout: 1m}]
)Y";

class NodeCommandStory : public ::testing::Test {
 protected:
  NodeCommandStory() {
    s.options.limits.exempt_from_node_budget = {"policy"};
    s.options.node_jobs = {.name_space = node::kNodeNamespace,
                           .image = "remedy:1",
                           .service_account = node::kNodeServiceAccount};
    s.api.kinds["/apis/kube-remedy.io/v1alpha1"] = {{"nodetasks", "NodeTask"},
                                                    {"nodecommands", "NodeCommand"}};
    s.api.kinds["/apis/coordination.k8s.io/v1"] = {{"leases", "Lease"}};
    s.server.Put("nodecommands", testing::ParseYaml(kRestart));
    s.server.Put("nodes", {{"metadata", {{"name", "n1"}, {"uid", "n1-uid"}}},
                           {"status",
                            {{"nodeInfo", {{"bootID", "boot-1"}, {"systemUUID", "sys-1"}}},
                             {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  }
  // A policy whose first rung runs the command; its second one leaves a label.
  void Serve(const json& command = json::object()) {
    json action = {{"name", "restart"}};
    action.merge_patch(command);
    s.Policy(AnnotatedSpec(
        {{"target",
          {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}, {"namespaces", nullptr}}},
         {"remedies",
          {{{"name", "restart"}, {"steps", {{{"nodeCommand", action}}}}, {"cureWithin", "1m"}},
           {{"name", "next"},
            {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"next", "yes"}}}}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}},
            {"cureWithin", "1m"}}}},
         {"recovery",
          {{"stableFor", "1s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
         {"limits", {{"maxUnhealthy", "100%"}}}}));
    s.Start();
    s.Edit("nodes", "/n1", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
    s.Advance(absl::Seconds(5));  // the claims of other tools are listed first
  }
  // One about the condition Ready, with these rungs.
  void ServeReadiness(const json& remedies) {
    s.Policy({{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}}},
              {"triggers",
               {{{"name", "down"},
                 {"for", "1s"},
                 {"condition", {{"type", "Ready"}, {"status", {"False", "Unknown"}}}}}}},
              {"remedies", remedies},
              {"recovery",
               {{"stableFor", "1s"},
                {"healthy",
                 {{{"name", "ready"},
                   {"expression",
                    "object.status.conditions.exists(c, c.type == 'Ready' && c.status == "
                    "'True')"}}}}}},
              {"limits", {{"maxUnhealthy", "100%"}, {"cooldown", "10m"}}}});
    s.Start();
    s.Advance(absl::Seconds(6));
  }
  // What was ordered, in order: "restart by Agent".
  std::vector<std::string> Ordered() const {
    std::vector<std::string> ordered;
    for (const FakeApi::Request& write : s.api.writes()) {
      if (write.method != "POST" || write.target.find("/nodetasks") == std::string::npos) continue;
      const json spec = json::parse(write.body)["spec"];
      ordered.push_back(spec.value("nodeCommand", "") + " by " + spec.value("via", ""));
    }
    return ordered;
  }
  void Heal() { s.Edit("nodes", "/n1", {{"metadata", {{"annotations", nullptr}}}}); }
  void Ready(const std::string& status, const std::string& message = "") {
    s.Edit("nodes", "/n1",
           {{"status",
             {{"conditions", {{{"type", "Ready"}, {"status", status}, {"message", message}}}}}}});
  }
  // What the kubelet reports; the rest of the node stays whose it is.
  void Status(const json& patch) {
    json node = s.Get("nodes", "/n1");
    node["status"].merge_patch(patch);
    s.server.Put("nodes", node);
  }
  void AgentLease(absl::Duration age = absl::ZeroDuration()) {
    s.server.Put(
        "leases",
        {{"metadata", {{"namespace", node::kNodeNamespace}, {"name", node::AgentLeaseName("n1")}}},
         {"spec",
          {{"leaseDurationSeconds", 40},
           {"renewTime",
            absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", s.clock.Now() - age, absl::UTCTimeZone())}}}});
  }
  std::vector<json> All(const std::string& plural) const {
    std::vector<json> all;
    for (const auto& [key, object] : s.server.Objects(plural)) all.push_back(object);
    return all;
  }
  json Task() const {
    const std::vector<json> tasks = All("nodetasks");
    return tasks.size() == 1 ? tasks[0] : json();
  }
  // What the executor says, after it has made sure that the task is what it says.
  void Report(const json& status, const std::string& command = "restart") {
    json task;
    for (const json& each : All("nodetasks")) {
      if (each["spec"]["nodeCommand"] == command) task = each;
    }
    ASSERT_FALSE(task.is_null());
    task["status"] = status;
    s.server.Put("nodetasks", task);
    s.Advance(absl::Seconds(2));
  }
  std::optional<node::Refusal> Check() {
    const auto task = crds::FromJson<crds::NodeTask>(Task());
    EXPECT_TRUE(task.ok()) << task.status();
    return node::CheckTask(*task, {"n1", "boot-1", "sys-1"},
                           {s.Get("nodes", "/n1"), s.Get("nodecommands", "/restart"),
                            s.Remediations().at(0), s.clock.Now()});
  }
  std::string StepMessage(size_t index = 0) const {
    return s.Remediations().at(0)["status"]["steps"].at(index).value("message", "");
  }
  bool NextRung() const {
    return s.Get("nodes", "/n1")["metadata"].value(json::json_pointer("/labels/next"), "") == "yes";
  }

  Simulation s;
};

TEST_F(NodeCommandStory, AJobOnAReadyNode) {
  Serve({{"parameters", {{{"name", "unit"}, {"expression", "\"kube\" + \"let\""}}}}});
  const json task = Task();
  ASSERT_FALSE(task.is_null()) << s.Remediations().at(0).dump(2);
  EXPECT_EQ(task["spec"]["via"], "Job");
  EXPECT_EQ(task["spec"]["commands"][0]["argv"][2], "kubelet");
  EXPECT_EQ(task["spec"]["node"]["bootID"], "boot-1");
  EXPECT_EQ(task["metadata"]["labels"]["kube-remedy.io/node"], "n1");
  EXPECT_EQ(task["metadata"]["ownerReferences"][0]["uid"],
            s.Remediations().at(0)["metadata"]["uid"]);
  EXPECT_EQ(Check(), std::nullopt);

  const std::vector<json> jobs = All("jobs");
  ASSERT_EQ(jobs.size(), 1u);
  const json pod = jobs[0]["spec"]["template"]["spec"];
  EXPECT_EQ(jobs[0]["metadata"]["name"], task["metadata"]["name"]);
  EXPECT_EQ(jobs[0]["spec"]["backoffLimit"], 0);
  EXPECT_EQ(jobs[0]["metadata"]["labels"]["kube-remedy.io/node-task"], task["metadata"]["name"]);
  EXPECT_EQ(pod["nodeName"], "n1");
  EXPECT_EQ(pod["hostPID"], true);
  EXPECT_EQ(pod["priorityClassName"], "system-node-critical");
  EXPECT_EQ(pod["tolerations"], json::parse(R"([{"operator": "Exists"}])"));
  EXPECT_EQ(pod["containers"][0]["securityContext"]["privileged"], true);
  EXPECT_EQ(pod["containers"][0]["image"], "remedy:1");

  Report({{"phase", "Running"}});
  EXPECT_EQ(s.Phase(), "Running");
  Report({{"phase", "Succeeded"}, {"message", "1 command was run"}});
  EXPECT_EQ(StepMessage(), "NodeCommand restart on Node n1: 1 command was run");
  EXPECT_EQ(s.Phase(), "Verifying") << "that it was run proves nothing";
  Heal();
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Succeeded");
}

// The task's change wakes the runner at once; nothing polls.
TEST_F(NodeCommandStory, NothingIsReadWhileNothingHappens) {
  Serve();
  Report({{"phase", "Running"}});
  const int before = s.api.reads["nodetasks"];
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.api.reads["nodetasks"], before);
  json task = Task();
  task["status"] = {{"phase", "Succeeded"}};
  s.server.Put("nodetasks", task);
  s.Advance(absl::Milliseconds(200));
  EXPECT_EQ(s.Phase(), "Verifying");
}

TEST_F(NodeCommandStory, TheAgentWhenTheRuntimeIsDown) {
  Ready("False", "container runtime is down");
  AgentLease();
  Serve();
  EXPECT_EQ(Task()["spec"]["via"], "Agent");
  EXPECT_TRUE(All("jobs").empty());
}

TEST_F(NodeCommandStory, TheAgentWhenTheKubeletIsSilent) {
  Ready("Unknown");
  AgentLease();
  Serve();
  EXPECT_EQ(Task()["spec"]["via"], "Agent");
}

// A clock that is off by hours: the lease counts when it changes.
TEST_F(NodeCommandStory, ALeaseOfAWrongClockCountsWhenItIsRenewed) {
  Ready("Unknown");
  AgentLease(absl::Hours(3));
  Serve();
  EXPECT_TRUE(Task().is_null());
  AgentLease(absl::Hours(3) - absl::Seconds(10));
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(Task()["spec"]["via"], "Agent");
}

TEST_F(NodeCommandStory, NobodyCanBeReached) {
  Ready("Unknown");
  AgentLease(absl::Minutes(10));
  Serve();
  s.Advance(absl::Seconds(30));
  EXPECT_THAT(StepMessage(), HasSubstr("Unreachable: Node n1 does not report (Ready=Unknown)"));
  EXPECT_TRUE(Task().is_null());
  EXPECT_TRUE(NextRung());
}

TEST_F(NodeCommandStory, WithoutAnAgentTheJobThatDoesNotStartIsRemoved) {
  Ready("False", "container runtime is down");
  Serve({{"startDeadline", "30s"}});
  EXPECT_EQ(Task()["spec"]["via"], "Job");
  EXPECT_EQ(All("jobs").size(), 1u);
  s.Advance(absl::Seconds(40));
  EXPECT_TRUE(All("jobs").empty());
  EXPECT_THAT(StepMessage(), HasSubstr("NotStarted: NodeCommand restart on Node n1 was not begun "
                                       "within 30s: the node has not started the pod of its Job"));
  EXPECT_TRUE(NextRung());
  // And if the pod starts after all: it is over.
  EXPECT_NE(Check(), std::nullopt);
}

TEST_F(NodeCommandStory, ATaskThatTheAgentDoesNotTakeUpIsWithdrawn) {
  AgentLease();
  Serve({{"via", "Agent"}, {"startDeadline", "30s"}});
  EXPECT_FALSE(Task().is_null());
  s.Advance(absl::Seconds(40));
  EXPECT_TRUE(Task().is_null());
  EXPECT_THAT(StepMessage(), HasSubstr("NotStarted"));
  EXPECT_TRUE(NextRung());
}

TEST_F(NodeCommandStory, WhatFailsOnTheHostFailsTheRung) {
  Serve();
  Report({{"phase", "Failed"},
          {"reason", "CommandFailed"},
          {"message", "/usr/bin/systemctl restart kubelet: exited with status 5"},
          {"results",
           {{{"startedAt", "2026-01-02T03:04:05Z"}, {"output", "Unit kubelet not found.\n"}}}}});
  EXPECT_EQ(StepMessage(),
            "CommandFailed: NodeCommand restart on Node n1: /usr/bin/systemctl restart kubelet: "
            "exited with status 5: Unit kubelet not found.");
  EXPECT_TRUE(NextRung());
}

TEST_F(NodeCommandStory, AJobThatEndsWithoutAWord) {
  Serve();
  Report({{"phase", "Running"}});
  json job = All("jobs").at(0);
  job["status"] = {{"conditions",
                    {{{"type", "Failed"},
                      {"status", "True"},
                      {"message", "pod was evicted"},
                      {"lastTransitionTime", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", s.clock.Now(),
                                                              absl::UTCTimeZone())}}}}};
  s.server.Put("jobs", job);
  s.Advance(absl::Minutes(1));
  EXPECT_THAT(StepMessage(), HasSubstr("Interrupted: the Job kube-remedy-node/"));
  EXPECT_TRUE(NextRung());
}

TEST_F(NodeCommandStory, ARebootIsProvedByAnotherBootId) {
  json command = testing::ParseYaml(kRestart);
  command["spec"]["reboots"] = true;
  s.server.Put("nodecommands", command);
  Serve();
  Report({{"phase", "Rebooting"}});
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.Phase(), "Running") << "the old boot ID is no proof";
  s.Edit("nodes", "/n1", {{"status", {{"nodeInfo", {{"bootID", "boot-2"}}}}}});
  s.Advance(absl::Seconds(35));
  EXPECT_EQ(StepMessage(), "Node n1 has restarted: boot boot-1 became boot-2");
  EXPECT_EQ(s.Phase(), "Verifying");
}

TEST_F(NodeCommandStory, AHostThatDoesNotComeBackIsNotWaitedForForEver) {
  json command = testing::ParseYaml(kRestart);
  command["spec"]["reboots"] = true;
  s.server.Put("nodecommands", command);
  Serve({{"timeout", "5m"}});
  Report({{"phase", "Rebooting"}});
  s.Advance(absl::Minutes(6));
  EXPECT_THAT(StepMessage(), HasSubstr("TimedOut: Node n1 still reports boot boot-1 5m after"));
  EXPECT_TRUE(NextRung());
}

// A runtime that hangs: the restart by the agent is carried out and does not help, so the ladder
// goes on to the reboot, which is proved by another boot ID. The node is quiet meanwhile: that is
// no cure.
TEST_F(NodeCommandStory, HungRuntimeReachesReboot) {
  json reboot = testing::ParseYaml(kRestart);
  reboot["metadata"]["name"] = "reboot";
  reboot["spec"]["reboots"] = true;
  s.server.Put("nodecommands", reboot);
  Status({{"conditions",
           {{{"type", "Ready"}, {"status", "False"}, {"message", "container runtime is down"}}}}});
  AgentLease();
  ServeReadiness({{{"name", "restart"},
                   {"steps", {{{"nodeCommand", {{"name", "restart"}}}}}},
                   {"cureWithin", "1m"}},
                  {{"name", "reboot"},
                   {"steps",
                    {{{"cordon", json::object()}},
                     {{"nodeCommand", {{"name", "reboot"}, {"timeout", "15m"}}}}}},
                   {"cureWithin", "5m"}}});
  ASSERT_EQ(Ordered(), std::vector<std::string>{"restart by Agent"});
  Report({{"phase", "Succeeded"}, {"message", "1 command was run"}});
  s.Advance(absl::Seconds(50));
  EXPECT_EQ(Ordered().size(), 1u) << "it has a minute to help";
  AgentLease();
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(Ordered(), (std::vector<std::string>{"restart by Agent", "reboot by Agent"}));
  EXPECT_EQ(s.Get("nodes", "/n1")["spec"]["unschedulable"], true);

  Report({{"phase", "Rebooting"}}, "reboot");
  Status({{"conditions", {{{"type", "Ready"}, {"status", "Unknown"}}}}});
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Phase(), "Running");
  Status({{"nodeInfo", {{"bootID", "boot-2"}}},
          {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}});
  s.Advance(absl::Seconds(40));
  EXPECT_EQ(s.Phase(), "Succeeded") << s.Remediations().at(0)["status"].dump(2);
  const json status = s.Remediations().at(0)["status"];
  EXPECT_EQ(status["remedies"][0]["state"], "Failed");
  EXPECT_EQ(status["remedies"][1]["state"], "Verified");
  EXPECT_EQ(StepMessage(2), "Node n1 has restarted: boot boot-1 became boot-2");
  EXPECT_FALSE(s.Get("nodes", "/n1")["spec"].value("unschedulable", false));
  EXPECT_EQ(Ordered().size(), 2u) << "each command was ordered once";
  // The times of each phase and step can be read afterwards.
  for (const json& step : status["steps"]) {
    EXPECT_LE(step["startedAt"], step["finishedAt"]) << step;
  }
  EXPECT_LT(status["startedAt"], status["finishedAt"]);
}

// A kubelet that restarts reports Ready=False for a moment. That is our own doing, and no incident.
TEST_F(NodeCommandStory, F11TheKubeletThatWeRestartIsNotRemediatedAgain) {
  Ready("Unknown");
  AgentLease();
  ServeReadiness({{{"name", "restart"},
                   {"steps", {{{"nodeCommand", {{"name", "restart"}}}}}},
                   {"cureWithin", "5m"}}});
  Report({{"phase", "Succeeded"}, {"message", "1 command was run"}});
  for (const char* status : {"True", "False", "True", "Unknown", "True"}) {
    Ready(status);
    s.Advance(absl::Milliseconds(700));
  }
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Succeeded");
  // Another flap is put down to the same restart until the cooldown is over.
  Ready("False");
  s.Advance(absl::Seconds(10));
  Ready("True");
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(Ordered().size(), 1u);
}

struct Refused {
  const char* command;  // merge patch of the step
  const char* says;
};

// Nothing reaches the node.
TEST_F(NodeCommandStory, WhatCannotBeOrderedIsSaidPrecisely) {
  const Refused kRefused[] = {
      {R"({"name": "none"})", "NoNodeCommand: NodeCommand none does not exist"},
      {R"({"parameters": [{"name": "unit", "value": "kubelet; reboot"}]})",
       "InvalidParameter: NodeCommand restart: parameter unit: \"kubelet; reboot\" does not match "
       "^[a-z]+$"},
      {R"({"parameters": [{"name": "unit", "expression": "'$(reboot)'"}]})",
       "InvalidParameter: NodeCommand restart: parameter unit: \"$(reboot)\" does not match "
       "^[a-z]+$"},
      {R"({"via": "Agent"})", "NoAgent: Node n1 needs its agent for this: there is no agent on it"},
  };
  for (const Refused& c : kRefused) {
    SCOPED_TRACE(c.says);
    NodeCommandStory_WhatCannotBeOrderedIsSaidPrecisely_Test fresh;
    fresh.Serve(json::parse(c.command));
    EXPECT_THAT(fresh.StepMessage(), HasSubstr(c.says));
    EXPECT_TRUE(fresh.Task().is_null());
  }
}

TEST_F(NodeCommandStory, WithoutAnImageThereIsNoJob) {
  s.options.node_jobs.image = "";
  Serve();
  EXPECT_THAT(StepMessage(), HasSubstr("NoImage: which image its Job is to have is not known"));
}

TEST_F(NodeCommandStory, TheImageIsThatOfTheOperatorItself) {
  s.options.node_jobs.image = "";
  s.options.node_jobs.own_pod = {"kube-remedy", "kube-remedy-0"};
  s.server.Put("pods",
               {{"metadata", {{"namespace", "kube-remedy"}, {"name", "kube-remedy-0"}}},
                {"spec", {{"containers", {{{"name", "controller"}, {"image", "own:7"}}}}}}});
  Serve();
  ASSERT_EQ(All("jobs").size(), 1u);
  EXPECT_EQ(All("jobs")[0]["spec"]["template"]["spec"]["containers"][0]["image"], "own:7");
}

TEST_F(NodeCommandStory, AnEditedCommandBetweenTwoTriesIsNotRun) {
  bool lost = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.method == "POST" && request.target.find("nodetasks") != std::string::npos &&
        !lost) {
      lost = true;
      json command = testing::ParseYaml(kRestart);
      command["spec"]["commands"][0]["argv"][1] = "stop";
      s.server.Put("nodecommands", command);
      return Fault::kLostBefore;
    }
    return Fault::kNone;
  };
  Serve();
  s.Advance(absl::Seconds(5));
  EXPECT_THAT(StepMessage(), HasSubstr("CommandChanged"));
  EXPECT_TRUE(All("nodetasks").empty());
}

// kill -9 around every write: one task, one Job, the same names.
TEST_F(NodeCommandStory, CrashBetweenEveryIntentAndWrite) {
  for (int nth = 0; nth < 12; ++nth) {
    for (Fault kind : {Fault::kLostBefore, Fault::kLostAfter}) {
      SCOPED_TRACE(std::to_string(nth) + (kind == Fault::kLostBefore ? " before" : " after"));
      NodeCommandStory_CrashBetweenEveryIntentAndWrite_Test fresh;
      int writes = 0;
      bool crash = false;
      fresh.s.api.fault = [&](const FakeApi::Request&) {
        if (writes++ != nth) return Fault::kNone;
        crash = true;
        return kind;
      };
      fresh.Serve();
      if (crash) fresh.s.Restart();
      fresh.s.Advance(absl::Seconds(20));
      EXPECT_EQ(fresh.All("nodetasks").size(), 1u);
      EXPECT_EQ(fresh.All("jobs").size(), 1u);
      EXPECT_EQ(fresh.Check(), std::nullopt);
      fresh.Report({{"phase", "Succeeded"}});
      fresh.Heal();
      fresh.s.Advance(absl::Seconds(10));
      EXPECT_EQ(fresh.s.Phase(), "Succeeded");
      size_t ordered = 0;
      for (const FakeApi::Request& write : fresh.s.api.writes()) {
        ordered += write.method == "POST" && write.target.find("nodetasks") != std::string::npos;
      }
      EXPECT_EQ(ordered, 1u);
    }
  }
}

}  // namespace
}  // namespace kr::remediation
