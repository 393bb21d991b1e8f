#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// scale: sets the number of replicas, through the scale subresource of the kinds of Kubernetes that
// have one, otherwise by spec.replicas; one conditional merge patch. What the expression gives is
// brought into [min, max], stored in the memo with the write, and never computed again: a factor is
// applied once.
//
// Nothing is written when it is already so; with raiseOnly or lowerOnly also not when there are
// more or fewer. Report(ManagedByOther) for an object with a controller, Report(ScaledByAutoscaler)
// when a HorizontalPodAutoscaler is in charge (not when it is switched off by 0 replicas) unless it
// is to be ignored. Failed(ValueUnknown) when the expression has no value for a minute,
// Failed(InvalidValue) when it is no number of replicas, Failed(NoReplicas), Failed(TargetGone).
//
// Memo: {"replicas": wanted, "before": what there were}.
StatusOr<std::unique_ptr<Action>> MakeScale(const crds::Scale& params, const cel::Scope& scope,
                                            std::string_view path);

}  // namespace kr::actions
