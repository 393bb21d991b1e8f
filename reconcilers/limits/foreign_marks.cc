#include "reconcilers/limits/foreign_marks.h"

namespace kr::limits {
namespace {

using Where = ForeignMark::Where;

// The tools' own documentation says what the marks mean. Not among them is a cordon: who cordoned a
// node said nothing about other work on it (it counts in budgets, and is never undone).
constexpr ForeignMark kMarks[] = {
    {"Cluster Autoscaler", "Pod", Where::kAnnotation,
     "cluster-autoscaler.kubernetes.io/safe-to-evict", "false", "must not remove it"},
    {"Cluster Autoscaler", "Node", Where::kTaint, "ToBeDeletedByClusterAutoscaler", "",
     "is taking it away"},
    {"Karpenter", "Pod", Where::kAnnotation, "karpenter.sh/do-not-disrupt", "",
     "must not disrupt it"},
    {"Karpenter", "Node", Where::kAnnotation, "karpenter.sh/do-not-disrupt", "",
     "must not disrupt it"},
    {"Karpenter", "Node", Where::kTaint, "karpenter.sh/disrupted", "", "is taking it away"},
    {"Cluster API", "", Where::kAnnotation, "cluster.x-k8s.io/paused", "", "is paused for it"},
    {"Cluster API", "", Where::kAnnotation, "cluster.x-k8s.io/skip-remediation", "",
     "must not remediate it"},
    {"Cluster API", "Pod", Where::kLabel, "cluster.x-k8s.io/drain", "", "must not evict it"},
    {"medik8s", "Node", Where::kTaint, "medik8s.io/drain", "", "has it in maintenance"},
    {"medik8s", "Node", Where::kTaint, "remediation.medik8s.io/*", "", "is remediating it"},
    {"Gardener MCM", "Node", Where::kAnnotation, "node.machine.sapcloud.io/preserve", "",
     "must preserve it"},
    {"kured", "Node", Where::kAnnotation, "weave.works/kured-reboot-in-progress", "",
     "is rebooting it"},
    {"NVSentinel", "Node", Where::kLabel, "dgxc.nvidia.com/nvsentinel-state", "",
     "is remediating it"},
    {"NVSentinel", "Node", Where::kLabel, "k8saas.nvidia.com/ManagedByNVSentinel", "false",
     "must leave it to its owner"},
    {"node-operation-controller", "Node", Where::kTaint, "nodeops.k8s.preferred.jp/operating", "",
     "is operating on it"},
    {"an administrator", "Node", Where::kTaint, "node.kubernetes.io/out-of-service", "",
     "is removing its pods by force"},
    // The node lifecycle conditions of KEP-5683.
    {"somebody", "Node", Where::kCondition, "GracefulNodeShutdownInProgress", "",
     "is shutting it down"},
    {"somebody", "Node", Where::kCondition, "DrainInProgress", "", "is draining it"},
    {"somebody", "Node", Where::kCondition, "Drained", "", "has drained it"},
    {"somebody", "Node", Where::kCondition, "MaintenancePlanned", "", "is about to maintain it"},
    {"somebody", "Node", Where::kCondition, "MaintenanceInProgress", "", "is maintaining it"},
};

}  // namespace

std::span<const ForeignMark> ForeignMarks() {
  return kMarks;
}

std::vector<std::string> ForeignMarkPaths(std::string_view group, std::string_view kind) {
  std::vector<std::string> paths;
  bool taints = false, conditions = false;
  for (const ForeignMark& mark : kMarks) {
    if (!mark.kind.empty() && (mark.kind != kind || !group.empty())) continue;
    const std::string key(mark.key);
    if (mark.where == Where::kAnnotation) paths.push_back("metadata.annotations['" + key + "']");
    if (mark.where == Where::kLabel) paths.push_back("metadata.labels['" + key + "']");
    taints = taints || mark.where == Where::kTaint;
    conditions = conditions || mark.where == Where::kCondition;
  }
  if (taints) {
    // Who holds a taint of ours stands on the node (actions/holders.h).
    paths.insert(paths.end(),
                 {"spec.taints[*].key", "spec.taints[*].value", "spec.taints[*].effect",
                  "metadata.annotations['kube-remedy.io/holders']"});
    paths.emplace_back("status.conditions[*].reason");
  }
  if (group == "apps" && kind == "Deployment") {
    paths.insert(paths.end(), {"spec.paused", "spec.replicas", "status.updatedReplicas",
                               "status.conditions[*].reason"});
    conditions = true;
  }
  if (conditions) {
    paths.insert(paths.end(), {"status.conditions[*].type", "status.conditions[*].status"});
  }
  return paths;
}

bool IsMarkKey(const ForeignMark& mark, std::string_view key) {
  if (!mark.key.ends_with('*')) return key == mark.key;
  return key.starts_with(mark.key.substr(0, mark.key.size() - 1));
}

bool IsMarkValue(const ForeignMark& mark, std::string_view value) {
  return mark.value.empty() ? value != "false" : value == mark.value;
}

}  // namespace kr::limits
