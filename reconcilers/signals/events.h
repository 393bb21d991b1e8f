#pragma once

#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `events`: a named source saw at least `count` occurrences within its window, over all objects of
// the source that belong to the target.
SignalPtr MakeEvents(const crds::EventsSignal& spec);

}  // namespace kr::signals
