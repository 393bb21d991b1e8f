#pragma once

#include "controller/runtime/metrics.h"

namespace kr::remediation {

// What the operator counts about its own work. Label values are bounded: reasons, phases; never
// objects.
struct RemedyMetrics {
  runtime::CounterFamily remediations;  // {phase}: made ("Created") and ended
  runtime::CounterFamily refusals;      // {reason}: targets that began to wait
  runtime::CounterFamily writes;        // {outcome}: of actions
  runtime::Histogram detect_seconds;    // first seen sick until the Remediation was made
  runtime::Gauge policies;
  runtime::Gauge sick;     // targets over all policies
  runtime::Gauge running;  // Remediations under way

  static RemedyMetrics Register(runtime::Metrics& metrics);
};

}  // namespace kr::remediation
