#pragma once

#include <string_view>

// What Kubernetes itself calls things of nodes.
namespace kr::crds {

// Labels of Nodes of the control plane: the second one of old, the third where etcd has nodes of
// its own.
inline constexpr std::string_view kControlPlaneLabels[] = {"node-role.kubernetes.io/control-plane",
                                                           "node-role.kubernetes.io/master",
                                                           "node-role.kubernetes.io/etcd"};

// The namespace in which every kubelet renews the Lease of its node.
inline constexpr char kNodeLeases[] = "kube-node-lease";

}  // namespace kr::crds
