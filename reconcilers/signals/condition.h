#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `condition`: the object has a status condition of a type with one of some statuses, whose reason
// and message match. An object without that condition: False (it does not say that it is sick).
// lastTransitionTime counts as its age only when neither reason nor message is asked for: those may
// change without it.
StatusOr<SignalPtr> MakeCondition(const crds::ConditionSignal& spec, std::string_view path);

}  // namespace kr::signals
