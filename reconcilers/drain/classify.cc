#include "reconcilers/drain/classify.h"

#include <charconv>

#include "absl/strings/match.h"

namespace kr::drain {
namespace {

bool HasDrainLabel(const Pod& pod, const char* value) {
  const auto label = pod.labels.find("cluster.x-k8s.io/drain");
  return label != pod.labels.end() && absl::EqualsIgnoreCase(label->second, value);
}

}  // namespace

Kind Classify(const Pod& pod) {
  if (pod.mirror) return Kind::kMirror;
  const bool apps = pod.owner && pod.owner->group == "apps";
  if (apps && pod.owner->kind == "DaemonSet") return Kind::kDaemonSet;
  if (pod.Finished()) return Kind::kFinished;
  if (!pod.owner) return Kind::kUnmanaged;
  if (apps && pod.owner->kind == "StatefulSet") return Kind::kStatefulSet;
  const bool known = (apps && pod.owner->kind == "ReplicaSet") ||
                     (pod.owner->group.empty() && pod.owner->kind == "ReplicationController") ||
                     (pod.owner->group == "batch" && pod.owner->kind == "Job");
  return known ? Kind::kStateless : Kind::kOperated;
}

std::string_view ToString(Kind kind) {
  switch (kind) {
    case Kind::kMirror:
      return "mirror pod";
    case Kind::kDaemonSet:
      return "DaemonSet";
    case Kind::kFinished:
      return "finished";
    case Kind::kUnmanaged:
      return "without controller";
    case Kind::kStatefulSet:
      return "StatefulSet";
    case Kind::kOperated:
      return "of an operator";
    case Kind::kStateless:
      return "replicated";
  }
  return "";
}

bool OneAtATime(Kind kind) {
  return kind == Kind::kStatefulSet || kind == Kind::kOperated;
}

bool IsSystemCritical(const Pod& pod) {
  return pod.spec->priority_class == "system-node-critical" ||
         pod.spec->priority_class == "system-cluster-critical";
}

bool IsControlPlane(const Pod& pod) {
  if (!pod.mirror || pod.key.name_space != "kube-system") return false;
  const auto component = pod.labels.find("component");
  for (const std::string name : {"etcd", "kube-apiserver"}) {
    if (component != pod.labels.end() && component->second == name) return true;
    if (pod.key.name == name + "-" + pod.node) return true;
  }
  return false;
}

bool AsksToBeSkipped(const Pod& pod) {
  return HasDrainLabel(pod, "skip");
}

bool AsksToComplete(const Pod& pod) {
  return HasDrainLabel(pod, "wait-completed");
}

std::string TextOf(const Pod& pod) {
  return "Pod " + pod.key.ToString();
}

int64_t OrdinalOf(std::string_view pod_name) {
  const size_t dash = pod_name.rfind('-');
  if (dash == std::string_view::npos) return -1;
  int64_t ordinal = -1;
  const char* end = pod_name.data() + pod_name.size();
  const auto [rest, error] = std::from_chars(pod_name.data() + dash + 1, end, ordinal);
  return error == std::errc() && rest == end ? ordinal : -1;
}

std::string_view SetNameOf(std::string_view pod_name) {
  return pod_name.substr(0, pod_name.rfind('-'));
}

}  // namespace kr::drain
