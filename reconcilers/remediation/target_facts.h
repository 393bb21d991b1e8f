#pragma once

#include "controller/base/status.h"
#include "controller/document/document.h"
#include "reconcilers/limits/protection.h"

namespace kr::remediation {

// What protection has to know about a target. FailedPrecondition when `target` was not made with
// all of limits::ProtectionPaths(): what was not read must not pass for absent.
StatusOr<limits::TargetFacts> FactsOf(const crds::ObjectReference& ref,
                                      const document::Document& target);

}  // namespace kr::remediation
