#pragma once

#include "reconcilers/signals/alerts.h"
#include "reconcilers/signals/baselines.h"
#include "reconcilers/signals/leases.h"
#include "reconcilers/signals/number_memory.h"

namespace kr::signals {

// What signals remember of targets between evaluations, as no object says it. Engine thread only.
struct Past {
  NumberMemory numbers;
  Baselines baselines;
  Alerts alerts;
  Leases leases;
};

}  // namespace kr::signals
