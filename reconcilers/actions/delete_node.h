#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// deleteNode: removes the Node object, with the UID that was seen, and is done when it is gone (or
// another one has registered under its name). The pods of a node that is deleted are removed
// without a word to its kubelet, so it needs one of
//   - a drain in this Remediation that is complete (Partial is not), after which the node has
//   stayed
//     cordoned;
//   - fencing evidence (fencing.h).
// Failed(NotDrained), NotFenced, FencingVoid; Failed(Protected) for a node of the control plane,
// always.
//
// Irreversible. Memo: {"sent": true} once a request may have been sent.
StatusOr<std::unique_ptr<Action>> MakeDeleteNode(const crds::DeleteNode& params,
                                                 const cel::Scope& scope, std::string_view path);

}  // namespace kr::actions
