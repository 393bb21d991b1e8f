#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// taint: one conditional patch adds the taint and notes the Remediation as a holder (Holders). A
// taint of that key and effect that somebody else has set is left as it is, and not taken back.
//
// node.kubernetes.io/out-of-service makes the control plane take the pods of the node away by
// force, so it needs fencing evidence (fencing.h). It is taken back once the pods and
// VolumeAttachments that it was to remove are gone (out_of_service.h).
//
// A mitigation. Memo: {"uid": the Remediation's, "value": of the taint, and what NoteRemovals
// adds}.
StatusOr<std::unique_ptr<Action>> MakeTaint(const crds::Taint& params, const cel::Scope& scope,
                                            std::string_view path);

// untaint: gives up what this Remediation holds of taints with that key (and effect), now and not
// at recovery. What is not ours is left, and told.
StatusOr<std::unique_ptr<Action>> MakeUntaint(const crds::Untaint& params, const cel::Scope& scope,
                                              std::string_view path);

}  // namespace kr::actions
