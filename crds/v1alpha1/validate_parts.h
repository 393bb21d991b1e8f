#pragma once

#include <optional>
#include <vector>

#include "crds/meta/label_selector.h"
#include "crds/meta/problems.h"
#include "crds/v1alpha1/remediation_policy.h"

// The parts of Validate, each for its part of a policy, and what they share.
namespace kr::crds {

void ValidateSelector(const std::optional<LabelSelector>& selector, const FieldPath& path,
                      Problems& problems);

// `path` is that of the spec: params and paramRef stand side by side.
void ValidateParams(const RemediationPolicySpec& spec, const FieldPath& path, Problems& problems);
void ValidateNodeSteps(const RemediationPolicySpec& spec, const FieldPath& path,
                       Problems& problems);
void ValidateRelated(const std::vector<Related>& joins, const FieldPath& path, Problems& problems);

}  // namespace kr::crds
