#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// The action of a step, compiled. `path` is where the step stands in the policy
// ("spec.remedies[0].steps[1]"); errors are InvalidArgument and begin with the field at fault:
//   spec.remedies[0].steps[1].waitFor.expression: 1:8: undeclared name "objekt"
// All faults that need no live object are found here.
StatusOr<std::unique_ptr<Action>> Make(const crds::Step& step, const cel::Scope& scope,
                                       std::string_view path);

// Whether what an action of that name does is a mitigation, whatever its parameters.
bool IsMitigation(std::string_view kind);

// The names of all actions, as in a policy: "setEnv", ...
std::span<const std::string_view> Kinds();

}  // namespace kr::actions
