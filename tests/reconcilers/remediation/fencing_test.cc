// What is done by force is done to a node that is proved to be off, and to no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "crds/meta/time.h"
#include "reconcilers/node/job.h"
#include "reconcilers/node/task.h"
#include "tests/crds/manifests.h"
#include "tests/reconcilers/remediation/node_world.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kTaint[] = "node.kubernetes.io/out-of-service";

class Fencing : public NodeWorld {
 protected:
  void Begin(const json& after_webhook, const std::string& within = "5m") {
    s.options.node_jobs.name_space = node::kNodeNamespace;
    s.api.kinds["/apis/storage.k8s.io/v1"] = {{"volumeattachments", "VolumeAttachment"}};
    Nodes(4);
    s.server.Put("secrets",
                 {{"metadata", {{"namespace", "kube-remedy"}, {"name", "kube-remedy-webhook-bmc"}}},
                  {"data", {{"url", absl::Base64Escape("https://bmc.example/off")}}}});
    json steps = {{{"webhook", {{"name", "bmc"}}}}};
    for (const json& step : after_webhook) steps.push_back(step);
    s.Policy(Spec({{"triggers", {trigger}},
                   {"related", {{{"name", "pods"}, {"preset", "PodsOnNode"}}}},
                   {"remedies", Remedy(steps, within)}}));
    s.Start();
    Pass(absl::Seconds(20));
    s.outbound.reply = [this](const kube::OutboundRequest& request) {
      json evidence = json::parse(request.body)["fencing"];
      evidence["state"] = "Off";
      evidence["heldOff"] = true;
      evidence.merge_patch(change);
      return FakeOutbound::Code(200, json{{"evidence", {{"fencing", evidence}}}}.dump());
    };
  }
  void Pod(const std::string& name, const std::string& node = "n1",
           const json& patch = json::object()) {
    json pod = {{"metadata", {{"namespace", "net"}, {"name", name}}},
                {"spec", {{"nodeName", node}}}};
    pod.merge_patch(patch);
    s.server.Put("pods", pod);
  }
  // The agent runs: its lease says so, at a time of its own clock.
  void RenewAgent(const std::string& time) {
    s.server.Put(
        "leases",
        {{"metadata", {{"namespace", node::kNodeNamespace}, {"name", node::AgentLeaseName("n1")}}},
         {"spec", {{"leaseDurationSeconds", 40}, {"renewTime", time}}}});
  }
  // Another cluster.
  void Clear() {
    s.Crash();
    for (const char* plural :
         {"nodes", "leases", "pods", "remediations", "remediationpolicies", "secrets"}) {
      for (const auto& [key, object] : s.server.Objects(plural)) {
        s.server.Delete(plural, object["metadata"].value("namespace", ""),
                        object["metadata"]["name"].get<std::string>());
      }
    }
    kubelets.clear();
  }
  void Cancel() {
    const std::string name = s.Remediations().at(0)["metadata"]["name"];
    s.Edit("remediations", "/" + name, {{"spec", {{"cancel", true}}}});
  }
  // The host is off: its kubelet falls silent, and the node lifecycle controller says so.
  void TurnOff() {
    Silence("n1");
    Pass(absl::Seconds(50));
    Ready("n1", "Unknown");
    Pass(absl::Seconds(5));
  }
  static json OutOfService() {
    return {{{"taint", {{"key", kTaint}, {"value", "nodeshutdown"}, {"effect", "NoExecute"}}}}};
  }
  static json Force() {
    return {{{"deletePod", {{"mode", "Force"}}}, {"applyTo", {{"related", "pods"}}}}};
  }

  json change = json::object();  // what the webhook says otherwise
  json trigger = {{"name", "silent"},
                  {"for", "1s"},
                  {"condition", {{"type", "Ready"}, {"status", {"Unknown"}}}},
                  {"lease", {{"state", "Stale"}}}};
};

TEST_F(Fencing, TheOutOfServiceTaintGoesOnceThePodsAndVolumesAreGone) {
  Pod("db-0");
  s.server.Put("volumeattachments",
               {{"metadata", {{"name", "va-1"}}}, {"spec", {{"nodeName", "n1"}}}});
  Begin(OutOfService());
  TurnOff();
  EXPECT_THAT(Taints("n1"), ElementsAre(std::string(kTaint) + ":NoExecute")) << Message();
  Speak("n1");
  Ready("n1", "True");
  Pass(absl::Seconds(30));
  EXPECT_THAT(Taints("n1"), ElementsAre(std::string(kTaint) + ":NoExecute")) << "not yet";
  EXPECT_THAT(Message(), HasSubstr("the out-of-service taint stays until pod net/db-0 is gone"));
  s.server.Delete("pods", "net", "db-0");
  Pass(absl::Seconds(10));
  EXPECT_THAT(Message(), HasSubstr("until VolumeAttachment va-1 is gone"));
  s.server.Delete("volumeattachments", "", "va-1");
  Pass(absl::Seconds(10));
  EXPECT_THAT(Taints("n1"), IsEmpty());
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
}

// kube-proxy of kubeadm and our own agent tolerate everything, the kubelet makes mirror pods, and
// nobody removes what has finished: all of them are there when the node comes back.
TEST_F(Fencing, TheOutOfServiceTaintWaitsForNothingThatItDoesNotRemove) {
  Pod("db-0");
  Pod("kube-proxy", "n1", {{"spec", {{"tolerations", {{{"operator", "Exists"}}}}}}});
  Pod("picky", "n1",
      {{"spec",
        {{"tolerations", {{{"key", kTaint}, {"operator", "Exists"}, {"effect", "NoExecute"}}}}}}});
  Pod("static", "n1", {{"metadata", {{"annotations", {{"kubernetes.io/config.mirror", "hash"}}}}}});
  Pod("job", "n1", {{"status", {{"phase", "Succeeded"}}}});
  Begin(OutOfService());
  TurnOff();
  EXPECT_THAT(Taints("n1"), ElementsAre(std::string(kTaint) + ":NoExecute")) << Message();
  Speak("n1");
  Ready("n1", "True");
  Pass(absl::Seconds(30));
  EXPECT_THAT(Message(), HasSubstr("the out-of-service taint stays until pod net/db-0 is gone"));
  s.server.Delete("pods", "net", "db-0");
  Pass(absl::Seconds(10));
  EXPECT_THAT(Taints("n1"), IsEmpty()) << Message();
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
}

// A toleration of another effect does not help a pod.
TEST_F(Fencing, TheOutOfServiceTaintWaitsForPodsThatTolerateSomethingElse) {
  Pod("db-0", "n1",
      {{"spec", {{"tolerations", {{{"operator", "Exists"}, {"effect", "NoSchedule"}}}}}}});
  Begin(OutOfService());
  TurnOff();
  Speak("n1");
  Ready("n1", "True");
  Pass(absl::Seconds(30));
  EXPECT_THAT(Message(), HasSubstr("stays until pod net/db-0 is gone"));
}

TEST_F(Fencing, WhoWantsItToEndGetsTheOutOfServiceTaintBackAtOnce) {
  const std::function<void()> ends[] = {
      [&] { Cancel(); }, [&] { s.server.Delete("remediationpolicies", "", "policy"); }};
  for (const auto& end : ends) {
    Clear();
    Pod("db-0");
    Begin(OutOfService());
    TurnOff();
    ASSERT_THAT(Taints("n1"), ElementsAre(std::string(kTaint) + ":NoExecute")) << Message();
    end();
    Pass(absl::Seconds(5));
    EXPECT_THAT(Taints("n1"), IsEmpty()) << Message();
    EXPECT_EQ(s.Phase(), "Cancelled");
  }
}

// Somebody's finalizer holds the pod for ever.
TEST_F(Fencing, TheOutOfServiceTaintDoesNotOutlastARecoveryByMoreThanTenMinutes) {
  Pod("db-0");
  Begin(OutOfService(), "30m");
  TurnOff();
  Speak("n1");
  json node = Get("n1");
  node["status"]["conditions"] = {{{"type", "Ready"},
                                   {"status", "True"},
                                   {"lastTransitionTime", crds::FormatTime(s.clock.Now())}}};
  s.server.Put("nodes", node);
  Pass(absl::Minutes(9));
  EXPECT_THAT(Taints("n1"), ElementsAre(std::string(kTaint) + ":NoExecute")) << Message();
  Pass(absl::Minutes(2));
  EXPECT_THAT(Taints("n1"), IsEmpty()) << Message();
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
}

TEST_F(Fencing, PodsOfANodeThatIsOffAreForgotten) {
  Pod("db-0");
  Pod("web-0");
  Pod("db-1", "n2");
  Begin(Force());
  TurnOff();
  Pass(absl::Seconds(5));
  EXPECT_TRUE(s.Get("pods", "net/db-0").is_null()) << Message();
  EXPECT_TRUE(s.Get("pods", "net/web-0").is_null());
  EXPECT_FALSE(s.Get("pods", "net/db-1").is_null());
  bool forced = false;
  for (const auto& write : s.api.writes()) {
    forced = forced || (write.method == "DELETE" &&
                        json::parse(write.body).value("gracePeriodSeconds", -1) == 0);
  }
  EXPECT_TRUE(forced);
}

// F9: no out-of-service taint without proof that the host is off.
TEST_F(Fencing, WithoutEvidenceNothingIsDoneByForce) {
  struct Case {
    json change;
    std::string why;
  };
  const Case cases[] = {
      {{{"state", "Rebooting"}}, "does not say that the node is off"},
      {{{"heldOff", false}}, "does not say that the node is held off"},
      {{{"remediationUID", "x"}}, "is about another Remediation"},
      {{{"nonce", "x"}}, "does not carry the nonce"},
      {{{"nodeUID", "x"}}, "it has registered again"},
      {{{"bootID", "x"}}, "has booted since"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.change.dump());
    Clear();
    Pod("db-0");
    change = c.change;
    Begin(Force());
    TurnOff();
    Pass(absl::Seconds(5));
    EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
    EXPECT_THAT(Message(), HasSubstr(c.why));
  }
}

TEST_F(Fencing, ReturnedHostVoidsFencing) {
  Pod("db-0");
  Begin({{{"waitFor",
           {{"expression", "now > remediation.startedAt + duration('60s')"}, {"timeout", "5m"}}}},
         Force()[0]});
  TurnOff();
  Renew("n1");  // once: it is on, whatever the webhook said
  Pass(absl::Minutes(2));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Message(), HasSubstr("has renewed its lease since"));
}

// The kubelet is dead, the host is not: the webhook meant another machine.
TEST_F(Fencing, AnAgentThatRenewsItsLeaseVoidsFencing) {
  Pod("db-0");
  RenewAgent("2026-01-02T03:04:05.000001Z");
  Begin(Force());
  TurnOff();
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Message(), HasSubstr("nothing is forced before"));
  Pass(absl::Seconds(10));
  RenewAgent("2026-01-02T03:04:05.000002Z");  // its clock may say what it likes
  Pass(absl::Minutes(2));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Message(), HasSubstr("the agent on Node n1 has renewed its lease kube-remedy-node/"
                                   "kube-remedy-agent-n1 since"));
}

TEST_F(Fencing, AnAgentThatFallsSilentWithItsHostForbidsNothing) {
  Pod("db-0");
  RenewAgent("2026-01-02T03:04:05.000001Z");
  Begin(Force());
  TurnOff();
  Pass(absl::Seconds(30));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null()) << "its lease has not run out";
  Pass(absl::Seconds(20));
  EXPECT_TRUE(s.Get("pods", "net/db-0").is_null()) << Message();
}

// It began after the proof was given.
TEST_F(Fencing, AnAgentThatAppearsVoidsFencing) {
  Pod("db-0");
  Begin({{{"waitFor",
           {{"expression", "now > remediation.startedAt + duration('60s')"}, {"timeout", "5m"}}}},
         Force()[0]});
  TurnOff();
  RenewAgent("2026-01-02T03:04:05.000001Z");
  Pass(absl::Minutes(2));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Message(), HasSubstr("the host runs, whatever was switched off"));
}

TEST_F(Fencing, EvidenceHoldsForTenMinutes) {
  Pod("db-0");
  Begin({{{"waitFor",
           {{"expression", "now > remediation.startedAt + duration('11m')"}, {"timeout", "20m"}}}},
         Force()[0]});
  TurnOff();
  Pass(absl::Minutes(12));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Message(), HasSubstr("is older than 10m"));
}

// R39 as it is shipped.
class SilentNode : public Fencing {
 protected:
  void Begin() {
    s.options.node_jobs.name_space = node::kNodeNamespace;
    s.api.kinds["/apis/kube-remedy.io/v1alpha1"] = {{"nodetasks", "NodeTask"},
                                                    {"nodecommands", "NodeCommand"}};
    Nodes(4);
    s.server.Put("nodecommands",
                 testing::LoadManifest("config/node-commands/restart-kubelet.yaml"));
    s.server.Put(
        "secrets",
        {{"metadata", {{"namespace", "kube-remedy"}, {"name", "kube-remedy-webhook-machines"}}},
         {"data", {{"url", absl::Base64Escape("https://machines.example/")}}}});
    json spec = testing::LoadManifest("config/policies/node/node-unknown.yaml")["spec"];
    spec["limits"]["maxUnhealthy"] = "60%";
    s.Policy(spec);
    s.Start();
    Pass(absl::Seconds(20));
    TurnOff();
  }
  std::string Step(size_t index) const {
    const json step = s.Remediations().at(0)["status"]["steps"].at(index);
    return step.value("action", "") + " " + step.value("state", "") + ": " +
           step.value("message", "");
  }
};

TEST_F(SilentNode, WithALiveAgentGetsItsKubeletRestarted) {
  Begin();
  Pass(absl::Minutes(5) - absl::Seconds(20));
  RenewAgent(crds::FormatTime(s.clock.Now()));
  Pass(absl::Seconds(20));
  const auto tasks = s.server.Objects("nodetasks");
  ASSERT_EQ(tasks.size(), 1u) << Message();
  json task = tasks.begin()->second;
  EXPECT_EQ(task["spec"]["nodeCommand"], "restart-kubelet");
  EXPECT_EQ(task["spec"]["via"], "Agent");
  task["status"] = {{"phase", "Succeeded"}};
  s.server.Put("nodetasks", task);
  Speak("n1");
  Ready("n1", "True");
  Pass(absl::Minutes(3));
  EXPECT_EQ(s.Phase(), "Succeeded") << Message();
  EXPECT_TRUE(s.outbound.calls.empty()) << "the machine was switched off";
  EXPECT_FALSE(Cordoned("n1"));
}

TEST_F(SilentNode, WithoutAnAgentIsFencedAtOnce) {
  Begin();
  Pass(absl::Minutes(5));
  ASSERT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(Step(0),
              HasSubstr("nodeCommand Failed: NoAgent: Node n1 needs its agent for this: there is "
                        "no agent on it"));
  EXPECT_FALSE(s.outbound.calls.empty()) << Message();
  EXPECT_TRUE(Cordoned("n1"));
}

// It was there, and went with the host.
TEST_F(SilentNode, WithASilentAgentIsFencedAfterASecondLook) {
  RenewAgent("2026-01-02T03:04:05.000001Z");
  Begin();
  Pass(absl::Minutes(5) + absl::Seconds(20));
  EXPECT_THAT(Step(0), HasSubstr("its agent has not renewed the lease"));
  EXPECT_FALSE(s.outbound.calls.empty()) << Message();
}

// The cloud says that the machine is off; it does not say that nobody starts it in a moment.
TEST_F(SilentNode, ThatTheCloudHasShutDownIsNotFencedByThatAlone) {
  Pod("db-0");
  Begin();
  json node = Get("n1");
  node["spec"]["taints"] = {
      {{"key", "node.cloudprovider.kubernetes.io/shutdown"}, {"effect", "NoSchedule"}}};
  s.server.Put("nodes", node);
  s.outbound.reply = [](const kube::OutboundRequest& request) {
    json evidence = json::parse(request.body)["fencing"];
    evidence["state"] = "Off";
    evidence["heldOff"] = false;
    return FakeOutbound::Code(200, json{{"evidence", {{"fencing", evidence}}}}.dump());
  };
  Pass(absl::Minutes(10));
  EXPECT_FALSE(s.outbound.calls.empty()) << Message();
  EXPECT_THAT(Taints("n1"), ElementsAre("node.cloudprovider.kubernetes.io/shutdown:NoSchedule"));
  EXPECT_FALSE(s.Get("pods", "net/db-0").is_null());
  EXPECT_THAT(Step(3), HasSubstr("taint Failed")) << Message();
  EXPECT_THAT(Step(3), HasSubstr("does not say that the node is held off"));
}

TEST_F(Fencing, AFreshLeaseIsNoSilence) {
  Begin(OutOfService());
  Ready("n1", "Unknown");
  Pass(absl::Minutes(3));
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_TRUE(s.outbound.calls.empty());
}

TEST_F(Fencing, ANodeIsDeletedWhenItIsFencedOrDrainedAndNotOtherwise) {
  Begin({{{"deleteNode", json::object()}}});
  TurnOff();
  Pass(absl::Seconds(5));
  EXPECT_TRUE(Get("n1").is_null()) << Message();
  EXPECT_EQ(s.Phase(), "Succeeded");

  change = {{"state", "On"}};
  Silence("n2");
  Pass(absl::Seconds(50));
  Ready("n2", "Unknown");
  Pass(absl::Seconds(20));
  EXPECT_FALSE(Get("n2").is_null());
  ASSERT_EQ(s.Remediations().size(), 2u);
  std::string messages;
  for (const json& one : s.Remediations()) messages += one["status"].value("message", "") + "\n";
  EXPECT_THAT(messages, HasSubstr("was not drained completely by this Remediation, and"));
}

TEST_F(Fencing, TheLeaseIsReadAlsoWhenNoSignalIsAboutIt) {
  trigger.erase("lease");
  Begin({{{"deleteNode", json::object()}}});
  TurnOff();
  Pass(absl::Seconds(5));
  EXPECT_TRUE(Get("n1").is_null()) << Message();
}

TEST_F(Fencing, ANodeOfTheControlPlaneIsNeverDeleted) {
  Begin({{{"deleteNode", json::object()}}});
  s.Policy(Spec({{"target", {{"includeControlPlane", true}}},
                 {"triggers",
                  {{{"name", "silent"},
                    {"for", "1s"},
                    {"condition", {{"type", "Ready"}, {"status", {"Unknown"}}}}}}},
                 {"remedies",
                  Remedy({{{"webhook", {{"name", "bmc"}}}}, {{"deleteNode", json::object()}}})}}));
  for (const char* name : {"n0", "n1", "n2", "n3"}) {
    Edit(name, {{"metadata", {{"labels", {{"node-role.kubernetes.io/control-plane", ""}}}}}});
  }
  TurnOff();
  Pass(absl::Seconds(5));
  EXPECT_FALSE(Get("n1").is_null());
  EXPECT_THAT(Message(), HasSubstr("is of the control plane, which is never deleted"));
}

}  // namespace
}  // namespace kr::remediation
