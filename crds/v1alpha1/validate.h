#pragma once

#include "crds/meta/problems.h"
#include "crds/v1alpha1/remediation_budget.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::crds {

// What a schema cannot say and what needs neither CEL nor RE2: names that refer to something exist,
// names are unique, a target is narrowed, waiting times fit into each other, a policy can prove its
// cure by more than events. Paths start at `path` ("spec"). Pure.
void Validate(const RemediationPolicySpec& spec, const FieldPath& path, Problems& problems);
// A budget limits something.
void Validate(const RemediationBudgetSpec& spec, const FieldPath& path, Problems& problems);

}  // namespace kr::crds
