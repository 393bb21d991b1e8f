// One task on one host, with an API server that is a map and a host that is a folder: what is
// executed, how often, and what is said about it.
#include "reconcilers/agent/task_worker.h"

#include <deque>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/kube/api_error.h"
#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/agent/identity_claim.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::agent {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Api final : public kube::Client {
 public:
  StatusOr<kube::Reply> Send(const kube::HttpRequest& request, std::stop_token) override {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (request.method == "PATCH") {
      if (!failures.empty()) {
        const Status failure = failures.front();
        failures.pop_front();
        if (!failure.ok()) return failure;
      }
      const std::string of = path.substr(0, path.size() - std::string("/status").size());
      if (!objects.contains(of)) return NotFound("no such task");
      const json patch = json::parse(request.body);
      const json wanted = patch.value(json::json_pointer("/metadata/resourceVersion"), json());
      json& object = objects[of];
      if (!wanted.is_null() && wanted != object["metadata"]["resourceVersion"]) {
        return Aborted("conflict");
      }
      object["status"] = patch["status"];
      object["metadata"]["resourceVersion"] = std::to_string(++version);
      phases.push_back(patch["status"].value("phase", ""));
      if (on_phase) on_phase(phases.back());
    }
    const auto found =
        objects.find(request.method == "PATCH" ? path.substr(0, path.size() - 7) : path);
    if (found == objects.end()) return NotFound("no such object");
    return kube::Reply{.code = 200, .body = found->second.dump(), .server_date = now};
  }

  std::map<std::string, json> objects;
  std::deque<Status> failures;  // of patches
  std::vector<std::string> phases;
  std::function<void(const std::string&)> on_phase;
  absl::Time now = absl::FromUnixSeconds(1000);
  int version = 1;
};

class NoWaiter final : public kube::Waiter {
 public:
  bool Wait(absl::Duration, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    if (--patience == 0) return false;
    return true;
  }
  int patience = 100;
};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A host, and everything on the API server that makes a task right.
struct Host {
  Host() {
    SetBoot("boot-1");
    const json command = testing::ParseYaml(R"(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: count}
spec: {commands: [{argv: [/bin/true], timeout: 1m}]}
)");
    api.objects["/apis/kube-remedy.io/v1alpha1/nodecommands/count"] = command;
    api.objects["/api/v1/nodes/n1"] = testing::ParseYaml(
        "{metadata: {name: n1, uid: node-uid}, status: {nodeInfo: {systemUUID: s, bootID: "
        "boot-1}}}");
    spec.node_command = "count";
    spec.command_digest = node::CommandDigest(crds::FromJson<crds::NodeCommand>(command)->spec);
    spec.node = {"n1", "node-uid", "s", "boot-1"};
    spec.remediation = {"rem", "rem-uid"};
    spec.step = {.remedy = "cure"};
    spec.commands = {{.argv = {"/bin/sh", "-c", "echo ran >> " + dir.Path("log")},
                      .timeout = absl::Seconds(10)}};
    spec.not_after = absl::FromUnixSeconds(1060);
    Order();
  }
  void SetBoot(const std::string& id) { dir.Write("proc/sys/kernel/random/boot_id", id + "\n"); }
  // As a process that was killed in the middle has left it.
  void RememberBegun(const std::string& boot) {
    const Status begun =
        TaskMarkers(files, "state")
            .Begin(node::TaskName(spec),
                   {.boot_id = boot, .status = {.phase = crds::TaskPhase::kRunning}});
    ASSERT_TRUE(begun.ok()) << begun;
  }
  // The controller's part.
  void Order() {
    const std::string name = node::TaskName(spec);
    task = "/apis/kube-remedy.io/v1alpha1/nodetasks/" + name;
    api.objects[task] = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                         {"kind", "NodeTask"},
                         {"metadata", {{"name", name}, {"uid", "u"}, {"resourceVersion", "1"}}},
                         {"spec", crds::ToJson(spec)}};
    json remediation = testing::ParseYaml(R"(
metadata: {name: rem, uid: rem-uid}
status: {phase: Running, steps: [{remedy: cure, attempt: 1, step: 0, state: Running}]}
)");
    remediation["status"]["steps"][0]["memo"] = {{"task", name},
                                                 {"digest", node::TaskDigest(spec)}};
    api.objects["/apis/kube-remedy.io/v1alpha1/remediations/rem"] = remediation;
  }
  // A process: what the host knows outlives it.
  StatusOr<crds::NodeTaskStatus> Run(std::stop_token stop = {}) {
    HostThread thread([] { return OkStatus(); });
    TaskWorker worker({.node_name = "n1", .state_folder = "state"}, api, thread, context, waiter);
    return worker.Run(node::TaskName(spec), std::move(stop));
  }
  Status Settle() {
    HostThread thread([] { return OkStatus(); });
    TaskWorker worker({.node_name = "n1", .via = crds::TaskVia::kAgent, .state_folder = "state"},
                      api, thread, context, waiter);
    return worker.Settle(node::TaskName(spec), {});
  }
  std::string Log() const { return ReadFile(dir.Path("log")); }
  std::string Phase() const { return api.objects.at(task)["status"].value("phase", ""); }

  testing::TempDir dir;
  Api api;
  HostFiles files{dir.Path("")};
  RealClock clock;
  NoWaiter waiter;
  HostContext context{.files = files, .clock = clock, .waiter = waiter, .backup_folder = "backups"};
  crds::NodeTaskSpec spec;
  std::string task;
};

TEST(TaskWorker, ExecutesOnceAndSaysSo) {
  Host h;
  h.api.on_phase = [&](const std::string& phase) {
    // The marker is on the disk before anything runs, and the API server knows before it runs, too.
    EXPECT_TRUE(std::filesystem::exists(h.dir.Path("state/" + node::TaskName(h.spec) + ".json")));
    if (phase == "Running") {
      EXPECT_EQ(h.Log(), "");
    }
  };
  const auto status = h.Run();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->phase, crds::TaskPhase::kSucceeded);
  EXPECT_THAT(h.api.phases, ElementsAre("Running", "Succeeded"));
  EXPECT_EQ(h.Log(), "ran\n");
  h.Run().IgnoreError();
  EXPECT_EQ(h.Log(), "ran\n");
}

TEST(TaskWorker, WhatIsNotWhatItSaysIsRefused) {
  Host h;
  h.api.objects["/apis/kube-remedy.io/v1alpha1/remediations/rem"]["status"]["steps"] =
      json::array();
  const auto status = h.Run();
  EXPECT_EQ(status->phase, crds::TaskPhase::kRefused);
  EXPECT_EQ(status->reason, "NotInJournal");
  EXPECT_EQ(h.Log(), "");
}

// kill -9 in mid-command, and the pod is started again.
TEST(TaskWorker, WhatWasInterruptedIsNotBegunAgain) {
  Host h;
  h.RememberBegun("boot-1");
  const auto status = h.Run();
  EXPECT_EQ(status->phase, crds::TaskPhase::kInterrupted);
  EXPECT_EQ(h.Phase(), "Interrupted");
  EXPECT_EQ(h.Log(), "");
}

// Somebody deletes the task and it is ordered again under its name: still once.
TEST(TaskWorker, AnotherObjectOfTheSameNameIsTheSameTask) {
  Host h;
  h.Run().IgnoreError();
  h.Order();
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kSucceeded);
  EXPECT_EQ(h.Phase(), "Succeeded") << "what the host remembers is told again";
  EXPECT_EQ(h.Log(), "ran\n");
}

// Half a marker is one of a task that was begun.
TEST(TaskWorker, ADamagedMarkerMeansBegun) {
  Host h;
  h.dir.Write("state/" + node::TaskName(h.spec) + ".json", "{\"bootID\": \"bo");
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kInterrupted);
  EXPECT_EQ(h.Log(), "");
}

TEST(TaskWorker, NodeTaskRunsOnceAcrossReboot) {
  Host h;
  h.spec.reboots = true;
  h.Order();
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kRebooting);
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kRebooting) << "the agent is killed late";
  h.SetBoot("boot-2");
  const auto status = h.Run();
  EXPECT_EQ(status->phase, crds::TaskPhase::kSucceeded);
  EXPECT_EQ(status->boot_id_before, "boot-1");
  EXPECT_EQ(status->boot_id_after, "boot-2");
  EXPECT_EQ(h.Log(), "ran\n");
}

TEST(TaskWorker, ARestartInTheMiddleOfAnythingElseIsAnInterruption) {
  Host h;
  h.RememberBegun("boot-0");
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kInterrupted);
}

// Of a Job whose pod went with the host: the agent says what became of it, and only then.
TEST(TaskWorker, TheAgentSettlesWhatAJobLeft) {
  Host h;
  h.spec.reboots = true;
  h.Order();
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kRebooting);
  EXPECT_TRUE(h.Settle().ok());
  EXPECT_EQ(h.Phase(), "Rebooting") << "the Job may still be there";
  h.SetBoot("boot-2");
  EXPECT_TRUE(h.Settle().ok());
  EXPECT_EQ(h.Phase(), "Succeeded");
}

TEST(TaskWorker, ATaskThatIsWithdrawnMeanwhileIsNotRun) {
  Host h;
  h.api.failures = {NotFound("gone")};
  EXPECT_EQ(h.Run()->reason, "Withdrawn");
  EXPECT_EQ(h.Log(), "");
}

// The answer to "I begin" got lost: it is looked whether it arrived.
TEST(TaskWorker, ALostAnswerIsNoReasonToStop) {
  Host h;
  h.api.failures = {Unavailable("cut"), OkStatus(), Unavailable("cut"), Unavailable("cut")};
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kSucceeded);
  EXPECT_EQ(h.Log(), "ran\n");
  EXPECT_EQ(h.Phase(), "Succeeded");
}

// The result is told by the next process when this one had to go.
TEST(TaskWorker, TheHostRemembersAResultThatCouldNotBeTold) {
  Host h;
  h.waiter.patience = 2;
  h.api.failures = {OkStatus(), Unavailable("away"), Unavailable("away"), Unavailable("away")};
  EXPECT_FALSE(h.Run().ok());
  h.waiter.patience = 100;
  EXPECT_EQ(h.Run()->phase, crds::TaskPhase::kSucceeded);
  EXPECT_EQ(h.Phase(), "Succeeded");
  EXPECT_EQ(h.Log(), "ran\n");
}

TEST(NodeClaims, AreReadFromTheToken) {
  const auto token = [](const std::string& claims) {
    static constexpr char kAlphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    unsigned bits = 0, held = 0;
    for (unsigned char c : claims) {
      bits = bits << 8 | c;
      for (held += 8; held >= 6; held -= 6) text += kAlphabet[bits >> (held - 6) & 63];
    }
    if (held > 0) text += kAlphabet[bits << (6 - held) & 63];
    return "head." + text + ".signature";
  };
  EXPECT_EQ(*NodeClaim(token(R"({"kubernetes.io": {"node": {"name": "n1", "uid": "u"}}})")), "n1");
  EXPECT_EQ(*NodeClaim(token(R"({"kubernetes.io": {"pod": {"name": "p"}}})")), "");
  EXPECT_FALSE(NodeClaim("secret").ok());
  EXPECT_FALSE(NodeClaim("a.!!.b").ok());
}

}  // namespace
}  // namespace kr::agent
