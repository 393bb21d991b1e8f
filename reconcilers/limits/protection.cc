#include "reconcilers/limits/protection.h"

#include <algorithm>
#include <vector>

#include "crds/v1alpha1/common.h"

namespace kr::limits {
namespace {

Refusal Protected(std::string message) {
  return {.reason = Reason::kProtected, .message = std::move(message)};
}

}  // namespace

std::span<const std::string_view> ProtectionPaths() {
  static const auto* const kPaths = [] {
    auto* paths = new std::vector<std::string_view>{
        "metadata.labels['kube-remedy.io/exclude']",
        "metadata.annotations['kubernetes.io/config.mirror']?",
        "metadata.deletionTimestamp?",
    };
    paths->insert(paths->end(), std::begin(kControlPlanePaths), std::end(kControlPlanePaths));
    return paths;
  }();
  return *kPaths;
}

std::optional<Refusal> CheckProtection(const TargetFacts& target,
                                       std::span<const std::string> named_namespaces,
                                       std::string_view own_namespace) {
  if (target.exclude_label == "true") {
    return Protected(target.ref.ToString() + " has the label " + std::string(crds::kExcludeLabel) +
                     ": \"true\"");
  }
  const std::string& name_space = target.ref.name_space;
  if (target.namespace_excluded) {
    return Protected("the namespace " + name_space + " has the label " +
                     std::string(crds::kExcludeLabel) + ": \"true\"");
  }
  if (!own_namespace.empty() && name_space == own_namespace) {
    return Protected(target.ref.ToString() + " is in the namespace of kube-remedy itself");
  }
  if (std::ranges::count(kProtectedNamespaces, name_space) > 0 &&
      std::ranges::count(named_namespaces, name_space) == 0) {
    return Protected("the namespace " + name_space +
                     " is protected: only a policy that names it in target.namespaces acts there");
  }
  if (target.control_plane) {
    return Protected(target.ref.ToString() +
                     " is of the control plane: only a policy with target.includeControlPlane: "
                     "true acts there");
  }
  if (target.deleting) return Protected(target.ref.ToString() + " is being deleted");
  if (target.mirror_pod) {
    return Protected(target.ref.ToString() +
                     " is a mirror pod: its node runs it from a file, whatever the API says");
  }
  return std::nullopt;
}

}  // namespace kr::limits
