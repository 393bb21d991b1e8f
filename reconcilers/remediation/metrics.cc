#include "reconcilers/remediation/metrics.h"

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/reasons.h"

namespace kr::remediation {

RemedyMetrics RemedyMetrics::Register(runtime::Metrics& metrics) {
  RemedyMetrics m;
  m.remediations = metrics.AddCounters(
      "remediations_total", "Remediations made (Created) and ended, by phase.", {"phase"});
  m.refusals = metrics.AddCounters(
      "refusals_total", "Times a sick target began to wait, by the reason why.", {"reason"});
  m.writes = metrics.AddCounters("action_writes_total",
                                 "Writes of actions to the cluster, by outcome.", {"outcome"});
  m.detect_seconds = metrics.AddHistogram(
      "detect_to_remediation_seconds",
      "Time from the first sight of a symptom to its Remediation, `for` and waiting included.",
      runtime::LatencyBuckets());
  m.policies = metrics.AddGauge("policies", "RemediationPolicies that are accepted.");
  m.sick = metrics.AddGauge("sick_targets", "Targets whose symptom is true or unknown.");
  m.running = metrics.AddGauge("remediations_running", "Remediations under way here.");
  // Dashboards see a series before its first event.
  m.remediations.With({"Created"});
  for (const auto phase : {crds::Phase::kSucceeded, crds::Phase::kFailed, crds::Phase::kCancelled,
                           crds::Phase::kObserved, crds::Phase::kReported}) {
    m.remediations.With({crds::ToString(phase)});
  }
  for (const limits::Reason reason : limits::AllReasons()) m.refusals.With({limits::Name(reason)});
  for (const auto outcome : {crds::WriteOutcome::kApplied, crds::WriteOutcome::kUnknown,
                             crds::WriteOutcome::kRejected}) {
    m.writes.With({crds::ToString(outcome)});
  }
  return m;
}

}  // namespace kr::remediation
