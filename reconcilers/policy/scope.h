#pragma once

#include <string>
#include <vector>

#include "controller/cel/type.h"
#include "crds/v1alpha1/remediation_policy.h"

// The names that a policy's expressions may use, and what type they have. docs/api.md lists them
// for users.
namespace kr::policy {

// `target`, `object`, `params`, `related`, `events`, `now`. Variables are added one by one as they
// compile (DeclareVariable), so that each may use those before it.
cel::Scope BaseScope(const std::vector<crds::Related>& related,
                     const std::vector<crds::EventSource>& events,
                     const std::vector<crds::Param>& params = {});
void DeclareVariable(cel::Scope& scope, const std::string& name, const cel::Type& type);

// What only exists while a remediation runs: `remediation`. For verify, matchConditions and steps.
cel::Scope WithRemediation(cel::Scope scope);

// `object` and `target` alone.
cel::Scope TargetScope();

// `it`, one object of a join, and `params`.
cel::Scope ItScope(const std::vector<crds::Param>& params = {});
// `of`, one object that a join starts from, and `params`.
cel::Scope OfScope(const std::vector<crds::Param>& params);

}  // namespace kr::policy
