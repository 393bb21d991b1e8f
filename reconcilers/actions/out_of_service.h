#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/drain/objects.h"

// What the taint node.kubernetes.io/out-of-service has the control plane take away from a node: its
// pods and VolumeAttachments. A pod that tolerates the taint stays (kube-proxy of kubeadm, our own
// agent: they tolerate everything), and so do one that the kubelet makes from a file, and one that
// has finished: nobody waits for these.
namespace kr::actions {

// So long after the node has become Ready the taint stays for what does not go, because somebody's
// finalizer holds it. A node that is Ready loses nothing by force any more, it only gets no pods.
inline constexpr absl::Duration kRemovalsHoldTaint = absl::Minutes(10);

// Puts into `memo` what the taint is about to remove from the node observed.ref. Look: these are
// needed for that; nullopt: it is in the memo ("pods" and "attachments": UIDs).
std::optional<Next> NoteRemovals(const Observed& observed, const drain::Taint& taint,
                                 nlohmann::json& memo);

// Look or Wait while something of that is still there. nullopt: it is gone, or not waited for (any
// more): somebody wants the remediation to end, or the node has been Ready for kRemovalsHoldTaint.
// `observed.live` must be the node.
std::optional<Next> AwaitRemovals(const nlohmann::json& memo, const Observed& observed);

}  // namespace kr::actions
