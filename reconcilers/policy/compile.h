#pragma once

#include <vector>

#include "controller/base/status.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// Turns a policy that passed crds::FromJson into something that can be evaluated. InvalidArgument
// names the field and, within an expression, line and column:
//   spec.triggers[0].match[0].expression: 1:8: undeclared name "objct", did you mean "object"?
// In the order of spec.target.kinds; never empty. Pure.
StatusOr<std::vector<CompiledPolicyPtr>> CompileKinds(const crds::RemediationPolicy& policy);
// The first of them: of a policy for one kind the only one.
StatusOr<CompiledPolicyPtr> Compile(const crds::RemediationPolicy& policy);

}  // namespace kr::policy
