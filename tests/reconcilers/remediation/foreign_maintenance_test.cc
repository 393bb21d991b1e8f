#include "reconcilers/remediation/foreign_maintenance.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "reconcilers/limits/foreign_marks.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

document::DocumentPtr Read(document::Decoder& decoder, const json& object,
                           const std::vector<std::string>& fields) {
  std::vector<document::Path> paths;
  for (const std::string& field : fields) paths.push_back(*document::Path::Parse(field));
  auto document = decoder.DecodeObject(object.dump(), document::Projection::Of(paths));
  EXPECT_TRUE(document.ok()) << document.status();
  return *document;
}

// The message, "" when nobody is at work.
std::string Found(const std::string& api_version, const std::string& kind,
                  const std::string& yaml) {
  document::Decoder decoder;
  json object = testing::ParseYaml(yaml);
  object["metadata"]["name"] = "x";
  const std::string group = api_version.find('/') == std::string::npos
                                ? ""
                                : api_version.substr(0, api_version.find('/'));
  const auto document = Read(decoder, object, limits::ForeignMarkPaths(group, kind));
  const auto found = FindForeignMaintenance({api_version, kind, "", "x", ""}, *document);
  EXPECT_TRUE(found.ok()) << found.status();
  if (!found.ok() || !*found) return "";
  EXPECT_EQ((*found)->reason, limits::Reason::kForeignMaintenance);
  return (*found)->message;
}

struct Case {
  const char* kind;
  const char* object;
  const char* message;  // "" = nobody is at work
};

TEST(ForeignMaintenance, NamesTheToolAndTheField) {
  const Case cases[] = {
      {"Pod",
       "{metadata: {annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'false'}}}",
       "Pod x has metadata.annotations['cluster-autoscaler.kubernetes.io/safe-to-evict'] = "
       "\"false\": Cluster Autoscaler must not remove it"},
      {"Pod", "{metadata: {annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}}}",
       ""},
      {"Pod", "{metadata: {annotations: {karpenter.sh/do-not-disrupt: 'true'}}}",
       "Karpenter must not disrupt it"},
      {"Pod", "{metadata: {annotations: {karpenter.sh/do-not-disrupt: 'false'}}}", ""},
      {"Pod", "{metadata: {labels: {cluster.x-k8s.io/drain: skip}}}", "Cluster API must not evict"},
      {"Node", "{metadata: {annotations: {karpenter.sh/do-not-disrupt: 'true'}}}",
       "Karpenter must not disrupt it"},
      {"Node", "{spec: {taints: [{key: a}, {key: karpenter.sh/disrupted, effect: NoSchedule}]}}",
       "Node x has spec.taints[1] = karpenter.sh/disrupted: Karpenter is taking it away"},
      {"Node", "{spec: {taints: [{key: ToBeDeletedByClusterAutoscaler, value: '17'}]}}",
       "Cluster Autoscaler is taking it away"},
      {"Node", "{metadata: {annotations: {cluster.x-k8s.io/paused: ''}}}", "Cluster API"},
      {"Node", "{metadata: {annotations: {cluster.x-k8s.io/skip-remediation: ''}}}",
       "Cluster API must not remediate it"},
      {"Node", "{spec: {taints: [{key: medik8s.io/drain}]}}", "medik8s has it in maintenance"},
      {"Node", "{spec: {taints: [{key: remediation.medik8s.io/self-node-remediation}]}}",
       "medik8s is remediating it"},
      {"Node", "{metadata: {annotations: {node.machine.sapcloud.io/preserve: now}}}",
       "Gardener MCM must preserve it"},
      {"Node", "{metadata: {annotations: {weave.works/kured-reboot-in-progress: '2026'}}}",
       "kured is rebooting it"},
      {"Node", "{metadata: {labels: {dgxc.nvidia.com/nvsentinel-state: draining}}}",
       "NVSentinel is remediating it"},
      {"Node", "{metadata: {labels: {k8saas.nvidia.com/ManagedByNVSentinel: 'false'}}}",
       "must leave it to its owner"},
      {"Node", "{metadata: {labels: {k8saas.nvidia.com/ManagedByNVSentinel: 'true'}}}", ""},
      {"Node", "{spec: {taints: [{key: nodeops.k8s.preferred.jp/operating}]}}",
       "node-operation-controller"},
      {"Node", "{spec: {taints: [{key: node.kubernetes.io/out-of-service}]}}",
       "is removing its pods by force"},
      {"Node", "{status: {conditions: [{type: MaintenanceInProgress, status: 'True'}]}}",
       "Node x has condition MaintenanceInProgress: somebody is maintaining it"},
      {"Node", "{status: {conditions: [{type: MaintenanceInProgress, status: 'False'}]}}", ""},
      {"Node", "{status: {conditions: [{type: DrainInProgress, status: 'True'}]}}", "draining"},
      // What says nothing about other work.
      {"Node", "{spec: {unschedulable: true, taints: [{key: node.kubernetes.io/unschedulable}]}}",
       ""},
      {"Node", "{status: {conditions: [{type: Ready, status: 'False'}]}}", ""},
      {"ConfigMap", "{metadata: {annotations: {karpenter.sh/do-not-disrupt: 'true'}}}", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.kind) + " " + c.object);
    const std::string found = Found("v1", c.kind, c.object);
    if (*c.message == '\0') {
      EXPECT_EQ(found, "");
    } else {
      EXPECT_THAT(found, HasSubstr(c.message));
    }
  }
}

TEST(ForeignMaintenance, EveryMarkIsSeen) {
  using Where = limits::ForeignMark::Where;
  for (const limits::ForeignMark& mark : limits::ForeignMarks()) {
    SCOPED_TRACE(mark.key);
    std::string key(mark.key);
    if (key.ends_with('*')) key.replace(key.size() - 1, 1, "rest");
    json object = json::object();
    if (mark.where == Where::kAnnotation) object["metadata"]["annotations"][key] = "false";
    if (mark.where == Where::kLabel) object["metadata"]["labels"][key] = "false";
    if (mark.value.empty()) {
      for (const char* map : {"annotations", "labels"}) {
        if (object.contains("metadata") && object["metadata"].contains(map)) {
          object["metadata"][map][key] = "yes";
        }
      }
    }
    if (mark.where == Where::kTaint) object["spec"]["taints"] = {{{"key", key}}};
    if (mark.where == Where::kCondition) {
      object["status"]["conditions"] = {{{"type", key}, {"status", "True"}}};
    }
    const std::string kind(mark.kind.empty() ? "Service" : mark.kind);
    EXPECT_THAT(Found("v1", kind, object.dump()), HasSubstr(std::string(mark.tool)));
  }
}

TEST(ForeignMaintenance, ARolloutThatGetsOnIsSomebodysWork) {
  const auto deployment = [](const char* fields) { return Found("apps/v1", "Deployment", fields); };
  EXPECT_THAT(deployment("{spec: {paused: true}}"), HasSubstr("somebody holds its rollout"));
  EXPECT_EQ(deployment("{spec: {paused: false}}"), "");
  constexpr const char* kProgress =
      "conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]}}";
  EXPECT_THAT(
      deployment(
          (std::string("{spec: {replicas: 3}, status: {updatedReplicas: 1, ") + kProgress).c_str()),
      HasSubstr("is being rolled out: 1 of 3 replicas are of the newest version"));
  EXPECT_EQ(
      deployment(
          (std::string("{spec: {replicas: 3}, status: {updatedReplicas: 3, ") + kProgress).c_str()),
      "")
      << "all replicas are new: what is sick now is a symptom";
  EXPECT_EQ(deployment("{spec: {replicas: 3}, status: {updatedReplicas: 1, conditions: [{type: "
                       "Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}}"),
            "")
      << "it is stuck";
  EXPECT_EQ(deployment("{spec: {replicas: 3}, status: {updatedReplicas: 3}}"), "");
}

TEST(ForeignMaintenance, WhatWasNotReadIsNotAbsent) {
  document::Decoder decoder;
  const auto document = Read(decoder, {{"metadata", {{"name", "x"}}}}, {"metadata.labels"});
  EXPECT_THAT(FindForeignMaintenance({"v1", "Node", "", "x", ""}, *document).status(),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was not read")));
}

}  // namespace
}  // namespace kr::remediation
