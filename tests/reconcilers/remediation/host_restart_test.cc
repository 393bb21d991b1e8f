// A restart of a host takes all its pods down at once: it and the drains of other nodes, and other
// restarts, must not take two members of a set at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/node/job.h"
#include "tests/crds/manifests.h"
#include "tests/reconcilers/remediation/workloads.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kReboot[] = R"Y(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: reboot}
spec:
  reboots: true
  commands: [{argv: [/usr/bin/systemctl, reboot], timeout: 1m}]
)Y";

// Nodes that are annotated `hung` are restarted, those that are `sick` are drained. Each of n1 to
// n3 has a member of the StatefulSet db, n4 and n5 have room.
class HostRestart : public ::testing::Test {
 protected:
  HostRestart() {
    world.options.limits.exempt_from_node_budget = {"policy", "restart"};
    world.options.node_jobs = {.name_space = node::kNodeNamespace,
                               .image = "remedy:1",
                               .service_account = node::kNodeServiceAccount};
    world.api.kinds["/apis/kube-remedy.io/v1alpha1"] = {{"nodetasks", "NodeTask"},
                                                        {"nodecommands", "NodeCommand"}};
    world.server.Put("nodecommands", testing::ParseYaml(kReboot));
    for (int i = 1; i <= 5; ++i) world.Node("n" + std::to_string(i));
    world.StatefulSet("db", 3, /*parallel=*/false, {"n1", "n2", "n3"});
    world.Live(absl::Seconds(4));
    world.Policy(DrainSpec());
    json restart = DrainSpec();
    restart["triggers"][0]["match"][0]["expression"] =
        "object.metadata.?annotations['hung'].hasValue()";
    restart["remedies"][0].erase("matchConditions");
    restart["remedies"][0]["steps"] = {
        {{"nodeCommand", {{"name", "reboot"}, {"startDeadline", "2m"}, {"timeout", "15m"}}}}};
    world.Policy(restart, "restart");
    world.Start();
  }
  void Hang(const std::string& node) {
    world.Edit("nodes", "/" + node, {{"metadata", {{"annotations", {{"hung", "yes"}}}}}});
  }
  void Drain(const std::string& node) {
    world.Cordon(node);
    world.Sick(node);
  }
  void Member(const std::string& name, bool ready) {
    world.pods_start = ready;
    json pod = world.Get("pods", "shop/" + name);
    pod["status"]["conditions"][0]["status"] = ready ? "True" : "False";
    world.server.Put("pods", pod);
  }
  // The nodes whose restart was ordered, in order.
  std::vector<std::string> Ordered() const {
    std::vector<std::string> nodes;
    for (const FakeApi::Request& write : world.api.writes()) {
      if (write.method != "POST" || write.target.find("/nodetasks") == std::string::npos) continue;
      nodes.push_back(json::parse(write.body)["spec"]["node"]["name"]);
    }
    return nodes;
  }
  // What the Job says, that the host then restarts.
  void Reboot(const std::string& node) {
    for (const auto& [key, task] : world.server.Objects("nodetasks")) {
      if (task["spec"]["node"]["name"] != node) continue;
      json begun = task;
      begun["status"] = {{"phase", "Rebooting"}};
      world.server.Put("nodetasks", begun);
    }
    world.HostGoesDown(node);
  }

  Workloads world;
};

TEST_F(HostRestart, WaitsForTheOtherMembersOfSets) {
  Member("db-0", false);  // how its own member is does not matter
  Member("db-1", false);
  Hang("n1");
  world.Live(absl::Seconds(30));
  EXPECT_THAT(Ordered(), IsEmpty());
  EXPECT_THAT(world.Message("n1"),
              HasSubstr("the host is not restarted now: StatefulSet shop/db is not whole: its pod "
                        "db-1 is not ready"));
  Member("db-1", true);
  world.Live(absl::Seconds(10));
  EXPECT_THAT(Ordered(), SizeIs(1));
}

// Which may be a quorum just as well.
TEST_F(HostRestart, WaitsForTheOtherPodsOfAnOperator) {
  world.Operated("kafka", 3, {"n1", "n4", "n5"});
  world.Live(absl::Seconds(4));
  Member("kafka-0", false);
  Member("kafka-1", false);
  Hang("n1");
  world.Live(absl::Seconds(30));
  EXPECT_THAT(Ordered(), IsEmpty());
  EXPECT_THAT(world.Message("n1"),
              HasSubstr("the host is not restarted now: StrimziPodSet shop/kafka is not whole: its "
                        "pod kafka-1 is not ready"));
  Member("kafka-1", true);
  world.Live(absl::Seconds(10));
  EXPECT_THAT(Ordered(), SizeIs(1)) << world.Message("n1");
}

TEST_F(HostRestart, DoesNotWaitForASetForEver) {
  Member("db-1", false);
  Hang("n1");
  world.Live(absl::Minutes(16));
  EXPECT_THAT(Ordered(), IsEmpty());
  EXPECT_THAT(world.Of("n1")["status"]["steps"][0].value("message", ""),
              HasSubstr("SetNotWhole: after 15m the host is not restarted now: "));
}

// Until the host goes down nothing of its restart can be seen but who has ordered it.
TEST_F(HostRestart, NoDrainTakesAnotherMemberMeanwhile) {
  Hang("n1");
  world.Live(absl::Seconds(5));
  ASSERT_THAT(Ordered(), SizeIs(1));
  Drain("n2");
  world.Live(absl::Seconds(20));
  EXPECT_THAT(world.evicted, IsEmpty());
  const std::string restart = world.Of("n1")["metadata"]["name"];
  const std::string why = "Remediation " + restart + " restarts the host of another pod of its ";
  EXPECT_THAT(world.Message("n2"), HasSubstr(why + "StatefulSet"));
  world.Restart();
  world.Live(absl::Seconds(20));
  EXPECT_THAT(world.evicted, IsEmpty()) << "the next leader knows it, too";
  EXPECT_THAT(world.Message("n2"), HasSubstr(why));

  Reboot("n1");
  world.Live(absl::Seconds(30));
  EXPECT_THAT(world.evicted, IsEmpty());
  world.HostIsUp("n1", "boot-2");
  world.Live(absl::Seconds(60));
  EXPECT_THAT(world.evicted, Contains("db-1"));
  EXPECT_THAT(world.hurt, IsEmpty());
}

TEST_F(HostRestart, WaitsForADrainThatHasAMemberInItsHands) {
  Drain("n2");
  world.pods_start = false;  // the successor
  world.Live(absl::Seconds(5));
  ASSERT_THAT(world.evicted, Contains("db-1"));
  Hang("n1");
  world.Live(absl::Seconds(20));
  EXPECT_THAT(Ordered(), IsEmpty()) << world.Message("n1");
  world.pods_start = true;
  world.Live(absl::Seconds(30));
  EXPECT_THAT(Ordered(), SizeIs(1)) << world.Message("n1");
}

// Both have seen the set whole.
TEST_F(HostRestart, OfTwoAtTheSameMomentOneWaits) {
  Hang("n1");
  Hang("n2");
  world.Live(absl::Seconds(10));
  ASSERT_THAT(Ordered(), SizeIs(1));
  const std::string first = Ordered().front(), second = first == "n1" ? "n2" : "n1";
  EXPECT_THAT(world.Message(second),
              HasSubstr("the host is not restarted now: Remediation " +
                        world.Of(first)["metadata"]["name"].get<std::string>() + " restarts Node " +
                        first));
  Reboot(first);
  world.Live(absl::Seconds(20));
  EXPECT_THAT(Ordered(), SizeIs(1));
  world.HostIsUp(first, "boot-2");
  world.Live(absl::Seconds(30));
  EXPECT_THAT(Ordered(), SizeIs(2)) << world.Message(second);
}

// Nobody has begun the task.
TEST_F(HostRestart, OneThatCameToNothingHoldsNobodyUp) {
  Hang("n1");
  world.Live(absl::Seconds(5));
  Drain("n2");
  world.Live(absl::Seconds(60));
  EXPECT_THAT(world.evicted, IsEmpty());
  world.Live(absl::Minutes(1) + absl::Seconds(10));
  EXPECT_THAT(world.Message("n1"), HasSubstr("NotStarted: NodeCommand reboot on Node n1"));
  world.Live(absl::Seconds(20));
  EXPECT_THAT(world.evicted, Contains("db-1"));
}

}  // namespace
}  // namespace kr::remediation
