#pragma once

#include "absl/time/time.h"
#include "controller/runtime/metrics.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::remediation {

// What the operator counts about its own work, stage by stage. Label values are bounded: reasons,
// phases, kinds of action; never objects. docs/metrics.md says what each is good for.
struct RemedyMetrics {
  runtime::CounterFamily remediations;     // {phase}: made ("Created") and ended
  runtime::CounterFamily refusals;         // {reason}: targets that began to wait
  runtime::CounterFamily steps;            // {action, state}: that ended, with their remediation
  runtime::CounterFamily writes;           // {outcome}: of actions
  runtime::CounterFamily calls;            // {outcome}: of webhooks, each try
  runtime::CounterFamily evictions;        // {answer}: of drains, each try
  runtime::CounterFamily blocked_seconds;  // {by}: that drains waited for something
  // All from the first sight of the symptom, so `for` and waiting are included.
  runtime::Histogram detect_seconds;  // until the Remediation was made
  runtime::Histogram act_seconds;     // until its first write was answered
  runtime::Histogram cure_seconds;    // until it ended Succeeded
  runtime::Gauge policies;
  runtime::Gauge sick;            // targets over all policies
  runtime::Gauge running;         // Remediations under way
  runtime::Gauge breakers;        // policies whose breaker is not closed
  runtime::Gauge cache_bytes;     // of everything that is kept of the cluster
  runtime::Gauge dismissed;       // policies that gave way to the budget of the caches
  runtime::Gauge group_breakers;  // groups of all policies whose breaker tripped

  static RemedyMetrics Register(runtime::Metrics& metrics);

  // A write of an action to the cluster was answered with success.
  void CountWritten(const crds::RemediationStatus& status, absl::Time now) const;
  // The remediation has ended.
  void CountEnded(const crds::RemediationStatus& status) const;
};

}  // namespace kr::remediation
