#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// rolloutRestart: one annotation in the pod template, so that the workload replaces all its pods by
// its own rules. The value is the time at which the step began: asked again after a crash, it is
// already so. Done when it is written; waitFor waits for the rollout.
//
// Failed(RolloutInProgress), Failed(RolloutPaused), Failed(OnDelete): nothing would happen, or two
// rollouts at once. Report(ManagedByOther) for an object with a controller,
// Failed(KindNotSupported), Failed(TargetGone).
//
// Memo: {"at": the annotation's value}.
StatusOr<std::unique_ptr<Action>> MakeRolloutRestart(const crds::RolloutRestart& params,
                                                     const cel::Scope& scope,
                                                     std::string_view path);

}  // namespace kr::actions
