// test and rbac: policies and objects in files, no cluster.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "tests/cmd/kubectl-remedy/fake_cluster.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kObjects[] = R"(
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: DaemonSet
  metadata:
    name: calico-node
    namespace: kube-system
    uid: ds
    annotations: {expect.kube-remedy.io/calico-felix-healthhost: Act}
  spec:
    template:
      spec:
        containers: [{name: calico-node, env: [{name: OTHER, value: x}]}]
  status: {observedGeneration: 1}
- apiVersion: v1
  kind: Pod
  metadata:
    name: calico-node-x
    namespace: kube-system
    uid: pod
    ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: calico-node, uid: ds, controller: true}]
  spec: {nodeName: worker-1}
)";

std::string Event(int i, const std::string& time = "2026-01-02T03:04:05Z") {
  return "---\napiVersion: v1\nkind: Event\nmetadata: {name: e" + std::to_string(i) +
         ", namespace: kube-system, creationTimestamp: \"" + time +
         "\"}\ninvolvedObject: {kind: Pod, namespace: kube-system, name: calico-node-x, uid: pod}\n"
         "type: Warning\nreason: Unhealthy\ncount: 1\n"
         "message: 'Liveness probe failed: lookup localhost on 8.8.8.8:53: no such host'\n"
         "firstTimestamp: \"" +
         time + "\"\nlastTimestamp: \"" + time + "\"\n";
}

class OfflineCommands : public ::testing::Test {
 protected:
  std::string Policy() {
    return std::string(KR_SOURCE_DIR) + "/config/policies/calico-felix-healthhost.yaml";
  }
  int Run(const std::string& objects, std::vector<const char*> more = {}) {
    file_ = dir_.Write("objects.yaml", objects);
    policy_ = Policy();
    std::vector<const char*> arguments = {"test", "-f", policy_.c_str(), "-f", file_.c_str()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return terminal.Run(arguments);
  }
  testing::TempDir dir_;
  std::string file_, policy_;
  Terminal terminal;
};

TEST_F(OfflineCommands, TestSaysWhatWouldBeDone) {
  EXPECT_EQ(Run(kObjects + Event(1) + Event(2) + Event(3)), 0) << terminal.err.str();
  EXPECT_THAT(
      terminal.out.str(),
      HasSubstr("calico-felix-healthhost: DaemonSet kube-system/calico-node: Act, trigger "));
  EXPECT_THAT(terminal.out.str(), HasSubstr("FELIX_HEALTHHOST"));
  EXPECT_EQ(Run(kObjects + Event(1) + Event(2) + Event(3), {"-o", "json"}), 0);
  const json results = json::parse(terminal.out.str());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0]["result"], "Act");
  EXPECT_EQ(results[0]["plan"][0]["action"], "setEnv");
}

TEST_F(OfflineCommands, BelowTheThresholdAnExpectationFails) {
  EXPECT_EQ(Run(kObjects + Event(1) + Event(2)), 3);
  EXPECT_THAT(terminal.out.str(), HasSubstr("DaemonSet kube-system/calico-node: Healthy"));
  EXPECT_THAT(terminal.err.str(),
              HasSubstr("DaemonSet kube-system/calico-node, policy calico-felix-healthhost: "
                        "expected Act, found Healthy"));
}

TEST_F(OfflineCommands, TheTimeIsThatOfTheFilesOrWhatIsSaid) {
  const std::string objects = kObjects + Event(1) + Event(2) + Event(3);
  EXPECT_EQ(Run(objects, {"--now", "2026-01-02T04:04:05Z"}), 3) << "the Events are too old then";
  EXPECT_EQ(Run(objects, {"--now", "yesterday"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("--now: expected a time"));
}

TEST_F(OfflineCommands, MistakesAreErrorsWithTheirPlace) {
  const std::string policy = dir_.Write("policy.yaml",
                                        "apiVersion: kube-remedy.io/v1alpha1\n"
                                        "kind: RemediationPolicy\n"
                                        "metadata: {name: p}\n"
                                        "spec: {remedys: []}\n");
  EXPECT_EQ(terminal.Run({"test", "-f", policy.c_str()}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("did you mean \"remedies\"?"));
  const std::string broken = dir_.Write("broken.yaml", "a: [");
  EXPECT_EQ(terminal.Run({"test", "-f", broken.c_str()}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("broken.yaml:"));
  const std::string none =
      dir_.Write("none.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n");
  EXPECT_EQ(terminal.Run({"test", "-f", none.c_str()}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("hold no RemediationPolicy"));
}

TEST_F(OfflineCommands, RbacPrintsTheLeastRole) {
  const std::string policy = Policy();
  EXPECT_EQ(terminal.Run({"rbac", "-f", policy.c_str(), "--name", "calico"}), 0)
      << terminal.err.str();
  KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> roles, ParseManifest(terminal.out.str()));
  ASSERT_EQ(roles.size(), 1u);
  EXPECT_EQ(roles[0]["metadata"]["name"], "calico");
  EXPECT_EQ(roles[0]["metadata"]["labels"]["kube-remedy.io/aggregate-to-controller"], "true");
  EXPECT_EQ(roles[0]["rules"], json::parse(R"([
    {"apiGroups": [""], "resources": ["events", "pods"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["get", "list", "patch", "watch"]}])"))
      << terminal.out.str();
}

TEST_F(OfflineCommands, RbacKnowsWhatBudgetsCount) {
  const std::string budget = dir_.Write("budget.yaml", R"(
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationBudget
metadata: {name: shop}
spec:
  objects:
    kinds:
    - {apiVersion: apps/v1, kind: StatefulSet}
    - {apiVersion: apps/v1, kind: Deployment}
  maxConcurrent: 2
)");
  EXPECT_EQ(terminal.Run({"rbac", "-f", budget.c_str()}), 0) << terminal.err.str();
  KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> roles, ParseManifest(terminal.out.str()));
  ASSERT_EQ(roles.size(), 1u);
  EXPECT_EQ(roles[0]["rules"], json::parse(R"([{"apiGroups": ["apps"],
    "resources": ["deployments", "statefulsets"], "verbs": ["list", "watch"]}])"))
      << terminal.out.str();
}

TEST_F(OfflineCommands, RbacGrantsTheSecretsOfWebhooksInTheOperatorsNamespaceOnly) {
  const std::string policy = dir_.Write("hooks.yaml", R"(
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: hooks}
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, namespaces: [net]}
  triggers: [{name: t, match: [{name: m, expression: "object.metadata.name == 'x'"}]}]
  remedies: [{name: r, steps: [{webhook: {name: b}}, {webhook: {name: a}}, {notify: {webhook: b}}]}]
)");
  EXPECT_EQ(terminal.Run({"rbac", "-f", policy.c_str(), "--operator-namespace", "remedy"}), 0)
      << terminal.err.str();
  KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> printed, ParseManifest(terminal.out.str()));
  ASSERT_EQ(printed.size(), 1u);
  ASSERT_EQ(printed[0]["kind"], "List");
  const json& list = printed[0]["items"];
  ASSERT_EQ(list.size(), 3u) << terminal.out.str();
  EXPECT_EQ(list[0]["kind"], "ClusterRole");
  EXPECT_EQ(list[0]["rules"].dump().find("secrets"), std::string::npos);
  EXPECT_EQ(list[1]["kind"], "Role");
  EXPECT_EQ(list[1]["metadata"]["namespace"], "remedy");
  EXPECT_EQ(list[1]["rules"], json::parse(R"([{"apiGroups": [""], "resources": ["secrets"],
    "resourceNames": ["kube-remedy-webhook-a", "kube-remedy-webhook-b"], "verbs": ["get"]}])"));
  EXPECT_EQ(list[2]["kind"], "RoleBinding");
  EXPECT_EQ(list[2]["subjects"][0]["namespace"], "remedy");
}

}  // namespace
}  // namespace kr::cmd
