#include "reconcilers/node/task.h"

#include <gtest/gtest.h>

#include "crds/v1alpha1/node_codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::node {
namespace {

using nlohmann::json;

// A task that is what it says, and everything around it.
struct World {
  json command = testing::ParseYaml(R"(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: restart-kubelet}
spec: {commands: [{argv: [/usr/bin/systemctl, restart, kubelet], timeout: 1m}]}
)");
  json node = testing::ParseYaml(R"(
metadata: {name: n1, uid: node-uid}
status: {nodeInfo: {systemUUID: EC2-1, bootID: boot-1}}
)");
  json remediation;
  crds::NodeTask task;
  HostIdentity host{.node_name = "n1", .boot_id = "boot-1", .system_uuid = "ec2-1"};
  absl::Time now = absl::FromUnixSeconds(1000);

  World() {
    const auto read = crds::FromJson<crds::NodeCommand>(command);
    task.spec = {.node_command = "restart-kubelet",
                 .command_digest = CommandDigest(read->spec),
                 .node = {"n1", "node-uid", "EC2-1", "boot-1"},
                 .remediation = {"rem", "rem-uid"},
                 .step = {.remedy = "cure", .attempt = 2, .step = 1},
                 .commands = read->spec.commands,
                 .not_after = absl::FromUnixSeconds(1060)};
    task.metadata.name = TaskName(task.spec);
    remediation = testing::ParseYaml(R"(
metadata: {name: rem, uid: rem-uid}
status:
  phase: Running
  steps:
  - {remedy: cure, attempt: 2, step: 0, state: Succeeded}
  - {remedy: cure, attempt: 2, step: 1, state: Running}
)");
    remediation["status"]["steps"][1]["memo"] = {{kMemoTask, task.metadata.name},
                                                 {kMemoDigest, TaskDigest(task.spec)}};
  }
  // The reason why it is refused; "" when it is not.
  std::string Refused() const {
    const auto refusal = CheckTask(task, host, {node, command, remediation, now});
    return refusal ? refusal->reason : "";
  }
};

TEST(TaskCheck, ATaskThatIsWhatItSaysMayBegin) {
  EXPECT_EQ(World().Refused(), "");
}

TEST(TaskCheck, OldTaskRefusedByNewHost) {
  World w;
  w.host.boot_id = "boot-2";  // restarted, or another machine
  EXPECT_EQ(w.Refused(), "OtherBoot");
  w = World();
  w.node["metadata"]["uid"] = "another";  // the Node was deleted and made again
  EXPECT_EQ(w.Refused(), "OtherNode");
  w = World();
  w.node["status"]["nodeInfo"]["systemUUID"] = "EC2-2";
  EXPECT_EQ(w.Refused(), "OtherHost");
  w = World();
  w.host.system_uuid = "ec2-2";
  EXPECT_EQ(w.Refused(), "OtherHost");
  w = World();
  w.host.node_name = "n2";
  EXPECT_EQ(w.Refused(), "OtherNode");
  w = World();
  w.node = nullptr;
  EXPECT_EQ(w.Refused(), "NodeGone");
  w = World();
  w.now = absl::FromUnixSeconds(1061);
  EXPECT_EQ(w.Refused(), "Expired");
}

TEST(TaskCheck, EditedNodeCommandRefused) {
  World w;
  w.command["spec"]["commands"][0]["argv"][2] = "sshd";
  EXPECT_EQ(w.Refused(), "CommandChanged");
  w.command = nullptr;
  EXPECT_EQ(w.Refused(), "CommandGone");
}

TEST(TaskCheck, ForgedNodeTaskRefused) {
  World w;
  w.task.spec.commands[0].argv[2] = "sshd";  // the digest of the NodeCommand still fits
  EXPECT_EQ(w.Refused(), "NotInJournal");
  w = World();
  w.task.metadata.name = "mine";
  EXPECT_EQ(w.Refused(), "NotInJournal");
  w = World();
  w.remediation["status"]["steps"][1].erase("memo");
  EXPECT_EQ(w.Refused(), "NotInJournal");
  w = World();
  w.remediation["metadata"]["uid"] = "another";
  EXPECT_EQ(w.Refused(), "RemediationGone");
  w = World();
  w.remediation = nullptr;
  EXPECT_EQ(w.Refused(), "RemediationGone");
}

TEST(TaskCheck, WhatIsNotWantedAnyMoreDoesNotBegin) {
  World w;
  w.remediation["spec"]["cancel"] = true;
  EXPECT_EQ(w.Refused(), "Cancelled");
  w = World();
  w.remediation["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(w.Refused(), "Cancelled");
  w = World();
  w.remediation["status"]["steps"][1]["state"] = "Failed";
  EXPECT_EQ(w.Refused(), "StepOver");
  // Its policy was deleted in the middle of the step, and a Job on the node begins late.
  w = World();
  w.remediation["status"]["phase"] = "Cancelled";
  EXPECT_EQ(w.Refused(), "StepOver");
}

TEST(TaskNames, AreThoseOfTheStep) {
  World w;
  const std::string name = w.task.metadata.name;
  EXPECT_EQ(TaskName(w.task.spec), name);
  EXPECT_TRUE(name.starts_with("restart-kubelet-")) << name;
  w.task.spec.not_after += absl::Seconds(1);
  w.task.spec.commands.clear();
  EXPECT_EQ(TaskName(w.task.spec), name) << "the same step, whatever it orders";
  w.task.spec.step.attempt = 3;
  EXPECT_NE(TaskName(w.task.spec), name);
}

TEST(TaskNames, FitIntoTheNamesOfPods) {
  crds::NodeTaskSpec spec{.node_command = std::string(39, 'a') + "." + std::string(200, 'b')};
  EXPECT_LE(TaskName(spec).size(), 57u);
  EXPECT_EQ(TaskName(spec).find('.'), std::string::npos);
}

TEST(NodeLabels, AreTheNameWhereItFits) {
  EXPECT_EQ(NodeLabel("ip-10-0-0-1.ec2.internal"), "ip-10-0-0-1.ec2.internal");
  EXPECT_EQ(NodeLabel(std::string(64, 'n')).size(), 32u);
}

}  // namespace
}  // namespace kr::node
