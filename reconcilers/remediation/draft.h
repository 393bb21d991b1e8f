#pragma once

#include <string>
#include <string_view>

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/memory.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

// A Remediation that is about to be created.
struct Draft {
  crds::Remediation object;  // metadata and spec
  StartFacts start;
};

// The next Remediation of a lineage (limits::LineageDigest). Pure: the same episode gives the same
// name, so that creating it twice is refused by the API server.
Draft MakeDraft(const policy::CompiledPolicy& policy, const document::Document& target,
                std::string_view lineage, const policy::Sick& sick,
                const limits::Beginning& beginning, bool reverted);

// Of kPolicyLabel: as much of the policy's name as a label takes.
std::string PolicyLabelValue(std::string_view policy);

crds::ObjectReference TargetRef(const policy::CompiledPolicy& policy,
                                const document::Document& target);

}  // namespace kr::remediation
