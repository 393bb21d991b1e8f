#pragma once

#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `alert`: Alertmanager says that an alert with these labels fires for the target. It is a state
// and not an occurrence: after a remedy it has to be resolved, or not be repeated. Right after this
// process began to listen silence is no answer yet: a running remediation is told so (Unknown), for
// any other target it is False.
SignalPtr MakeAlert(const crds::AlertSignal& spec);

}  // namespace kr::signals
