#pragma once

#include <string>

#include "cmd/kubectl-remedy/cluster.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::cmd {

// "daemonset/calico-node", "node/worker-1", or only a name where a policy knows the kind.
struct TargetArgument {
  std::string kind;  // as it was typed, "" = not given
  std::string name;

  static StatusOr<TargetArgument> Parse(const std::string& text);
  // Whether `typed` means `kind`: DaemonSet, daemonset, daemonsets, case-insensitively.
  bool Means(std::string_view other_kind) const;
};

// The object that is meant, which `policy` must be about: with UID, and with the namespace of `-n`,
// of the kubeconfig, or none for kinds without.
StatusOr<crds::ObjectReference> FindTarget(Cluster& cluster, const crds::Target& policy,
                                           const TargetArgument& argument,
                                           const std::string& name_space);

}  // namespace kr::cmd
