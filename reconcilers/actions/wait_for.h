#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// waitFor: waits until an expression over the policy's view is true, without a break for `for`.
// Failed(Timeout) after `timeout` from the start of the step, with the expression and, when it
// could not be evaluated, why. With applyTo `it` is the live object, read every two seconds; null
// when it does not exist. Unknown (an error) is never true and starts `for` anew.
//
// Memo: {"since": when it became true}; a restart that loses it waits longer, never shorter.
StatusOr<std::unique_ptr<Action>> MakeWaitFor(const crds::WaitFor& params, const cel::Scope& scope,
                                              std::string_view path);

}  // namespace kr::actions
