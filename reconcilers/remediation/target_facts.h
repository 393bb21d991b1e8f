#pragma once

#include "controller/base/status.h"
#include "controller/document/document.h"
#include "reconcilers/limits/protection.h"

namespace kr::remediation {

// What protection has to know about a target; `means_control_plane` as its policy says.
// FailedPrecondition when `target` was not made with all of limits::ProtectionPaths(): what was not
// read must not pass for absent.
StatusOr<limits::TargetFacts> FactsOf(const crds::ObjectReference& ref,
                                      const document::Document& target, bool means_control_plane);

// Whether the Node is one of the control plane, as its labels say. FailedPrecondition when it was
// not made with limits::kControlPlanePaths.
StatusOr<bool> IsControlPlane(const document::Document& node);

}  // namespace kr::remediation
