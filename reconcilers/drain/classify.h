#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reconcilers/drain/objects.h"

namespace kr::drain {

// What a pod is to a drain, by what brings it back.
enum class Kind {
  kMirror,       // of a file on the node: its kubelet makes it again
  kDaemonSet,    // it would be made again on the same node
  kFinished,     // nothing runs
  kUnmanaged,    // nobody brings it back
  kStatefulSet,  // a member of a quorum
  kOperated,     // of an operator's own kind, which may be a quorum, too
  kStateless,    // a ReplicaSet, ReplicationController or Job makes another one
};

Kind Classify(const Pod& pod);
// "StatefulSet", for messages.
std::string_view ToString(Kind kind);

// Whether another member must not go before this one is back.
bool OneAtATime(Kind kind);
// What a pod asks of drains by the label cluster.x-k8s.io/drain (of Cluster API): to be left where
// it is, or to be waited for until it has completed.
bool AsksToBeSkipped(const Pod& pod);
bool AsksToComplete(const Pod& pod);
// priorityClassName system-node-critical or system-cluster-critical.
bool IsSystemCritical(const Pod& pod);
// A mirror pod without which the node is none of the control plane: etcd, kube-apiserver.
bool IsControlPlane(const Pod& pod);

// "Pod shop/db-1".
std::string TextOf(const Pod& pod);
// The ordinal of a StatefulSet's pod; -1 when its name has none.
int64_t OrdinalOf(std::string_view pod_name);
// The name without it: that of the set.
std::string_view SetNameOf(std::string_view pod_name);

}  // namespace kr::drain
