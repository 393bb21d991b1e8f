#pragma once

#include <string>

#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `absent`: there is no object at the place that the target is. `kind` is for people.
SignalPtr MakeAbsent(std::string kind);

}  // namespace kr::signals
