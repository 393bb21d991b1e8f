#pragma once

#include "reconcilers/signals/alerts.h"
#include "reconcilers/signals/baselines.h"
#include "reconcilers/signals/leases.h"
#include "reconcilers/signals/number_memory.h"

namespace kr::signals {

// Why a signal is Unknown to an onlooker.
inline constexpr char kControllerOnly[] = "known to the controller only";

// What signals remember of targets between evaluations, as no object says it. Engine thread only.
struct Past {
  // This process has only come to look: what one gets to know over time (alerts, how a number grew,
  // how old a lease is) it cannot say anything about.
  bool onlooker = false;
  NumberMemory numbers;
  Baselines baselines;
  Alerts alerts;
  Leases leases;
};

}  // namespace kr::signals
