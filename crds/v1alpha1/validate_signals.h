#pragma once

#include <string>

#include "crds/meta/problems.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::crds {

// What the signals of one trigger ask of each other and of the rest of the policy, names of other
// parts aside. `path` is the trigger's.
void ValidateSignals(const Trigger& trigger, const RemediationPolicySpec& spec,
                     const FieldPath& path, Problems& problems);

// The signals of Trigger::OnlyOccurrences that it has: "events and alert".
std::string OccurrencesOf(const Trigger& trigger);

}  // namespace kr::crds
