#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// deletePod: gets rid of one pod, by eviction (which asks PodDisruptionBudgets) or deletion, and is
// done when it is gone: 404, or another UID under its name. The request carries the pod's UID.
//
// An eviction that a budget blocks is tried again with growing pauses until `timeout`; progress and
// failure say what the server said, which names the budget. Failed(EvictionBlocked),
// Failed(Timeout) with the finalizers that hold the pod, Failed(MirrorPod): its kubelet would make
// it again at once. Failed(NotAPod).
//
// Mode Force deletes with no grace, whatever the kubelet says: only of a node that is proved to be
// off (fencing.h). Failed(NotFenced), Failed(FencingVoid).
//
// Memo: {"sent": true} once a request may have been sent.
StatusOr<std::unique_ptr<Action>> MakeDeletePod(const crds::DeletePod& params,
                                                const cel::Scope& scope, std::string_view path);

}  // namespace kr::actions
