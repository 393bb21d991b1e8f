#include "reconcilers/policy/default_health.h"

namespace kr::policy {

std::string_view DefaultHealthy(const kube::GroupVersionKind& kind) {
  if (kind.group == "apps" && kind.kind == "DaemonSet") {
    return "object.status.?observedGeneration.orValue(0) >= object.metadata.generation && "
           "object.status.?updatedNumberScheduled.orValue(0) == "
           "object.status.?desiredNumberScheduled.orValue(0) && "
           "object.status.?numberUnavailable.orValue(0) == 0";
  }
  if (kind.group == "apps" && kind.kind == "Deployment") {
    return "object.status.?observedGeneration.orValue(0) >= object.metadata.generation && "
           "object.status.?updatedReplicas.orValue(0) >= object.spec.?replicas.orValue(1) && "
           "object.status.?availableReplicas.orValue(0) >= object.spec.?replicas.orValue(1)";
  }
  if (kind.group == "apps" && kind.kind == "StatefulSet") {
    return "object.status.?observedGeneration.orValue(0) >= object.metadata.generation && "
           "object.status.?currentRevision.orValue('') == "
           "object.status.?updateRevision.orValue('') && "
           "object.status.?availableReplicas.orValue(0) >= object.spec.?replicas.orValue(1)";
  }
  if (kind.group.empty() && kind.kind == "Node") {
    return "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')";
  }
  return "";
}

}  // namespace kr::policy
