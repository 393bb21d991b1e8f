#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crds/meta/object_meta.h"

namespace kr::limits {

// Who controls a Pod: what a lineage of pods needs to know. Both empty: nobody.
struct PodOwners {
  std::string controller_kind;  // of the controller in the Pod's ownerReferences: "ReplicaSet"
  std::string top_uid;          // UID at the top of the chain of controllers: the Deployment's
};

// The identity under which cooldowns and failures are remembered. It outlives the object: replacing
// a pod or re-registering a node does not reset its memory.
//   Node: its name. Pod: namespace and top controller, under a StatefulSet also the pod's name;
//   without a controller like everything else: group, kind, namespace, name.
// The version of the API is no part of it. The text is for people and logs too.
std::string Lineage(const crds::ObjectReference& target,
                    const std::optional<PodOwners>& pod_owners = std::nullopt);

// Names (policy, lineage): the first 64 bits of a SHA-256, 16 hex digits. It stands in the name,
// the label (crds::kLineageLabel) and the status of a Remediation, so that nobody who reads one has
// to find out again who controlled its target.
std::string LineageDigest(std::string_view policy_uid, std::string_view lineage);

}  // namespace kr::limits
