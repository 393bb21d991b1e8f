#include "reconcilers/remediation/metrics.h"

#include <vector>

#include "reconcilers/actions/registry.h"
#include "reconcilers/actions/webhook_answer.h"
#include "reconcilers/drain/answer.h"
#include "reconcilers/drain/limits.h"
#include "reconcilers/limits/reasons.h"

namespace kr::remediation {
namespace {

// From a quick cure to a drain that waits overnight, in seconds.
std::vector<double> IncidentBuckets() {
  return {0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600};
}

void ObserveSince(const runtime::Histogram& histogram, const crds::RemediationStatus& status,
                  absl::Time end) {
  if (status.detected_at) histogram.Observe(absl::ToDoubleSeconds(end - *status.detected_at));
}

}  // namespace

RemedyMetrics RemedyMetrics::Register(runtime::Metrics& metrics) {
  RemedyMetrics m;
  m.remediations = metrics.AddCounters(
      "remediations_total", "Remediations made (Created) and ended, by phase.", {"phase"});
  m.refusals = metrics.AddCounters(
      "refusals_total", "Times a sick target began to wait, by the reason why.", {"reason"});
  m.steps = metrics.AddCounters("steps_total",
                                "Steps of remediations that have ended, by action and state.",
                                {"action", "state"});
  m.writes = metrics.AddCounters("action_writes_total",
                                 "Writes of actions to the cluster, by outcome.", {"outcome"});
  m.calls = metrics.AddCounters("webhook_calls_total",
                                "Calls of webhooks, each try, by what came of it.", {"outcome"});
  m.evictions = metrics.AddCounters(
      "evictions_total", "Evictions and deletions of drains, each try, by what the server said.",
      {"answer"});
  m.blocked_seconds =
      metrics.AddCounters("drain_blocked_seconds_total",
                          "Time that drains were held up, by what held them up.", {"by"});
  m.detect_seconds = metrics.AddHistogram(
      "time_to_detect_seconds",
      "Time from the first sight of a symptom to its Remediation, `for` and waiting included.",
      IncidentBuckets());
  m.act_seconds = metrics.AddHistogram(
      "time_to_act_seconds",
      "Time from the first sight of a symptom to the first write of its remedy.",
      IncidentBuckets());
  m.cure_seconds = metrics.AddHistogram(
      "time_to_cure_seconds",
      "Time from the first sight of a symptom to its proved cure, stableFor included.",
      IncidentBuckets());
  m.policies = metrics.AddGauge("policies", "RemediationPolicies that are accepted.");
  m.sick = metrics.AddGauge("sick_targets", "Targets whose symptom is true or unknown.");
  m.running = metrics.AddGauge("remediations_running", "Remediations under way here.");
  m.breakers = metrics.AddGauge("breakers_open", "Policies whose breaker stops new remediations.");
  m.group_breakers = metrics.AddGauge(
      "group_breakers_open", "Groups of targets whose breaker stops new remediations in them.");
  m.cache_bytes =
      metrics.AddGauge("cache_bytes", "Memory of the objects that are watched, indexes included.");
  m.dismissed = metrics.AddGauge("policies_without_memory",
                                 "Policies that wait because what they read does not fit in.");
  // Dashboards see a series before its first event.
  m.remediations.With({"Created"});
  for (const auto phase : {crds::Phase::kSucceeded, crds::Phase::kFailed, crds::Phase::kCancelled,
                           crds::Phase::kObserved, crds::Phase::kReported}) {
    m.remediations.With({crds::ToString(phase)});
  }
  for (const limits::Reason reason : limits::AllReasons()) m.refusals.With({limits::Name(reason)});
  for (const std::string_view action : actions::Kinds()) {
    for (const auto state : {crds::StepState::kSucceeded, crds::StepState::kFailed}) {
      m.steps.With({action, crds::ToString(state)});
    }
  }
  for (const auto outcome : {crds::WriteOutcome::kApplied, crds::WriteOutcome::kUnknown,
                             crds::WriteOutcome::kRejected}) {
    m.writes.With({crds::ToString(outcome)});
  }
  for (const actions::CallOutcome outcome : actions::kCallOutcomes) {
    m.calls.With({actions::ToString(outcome)});
  }
  for (int said = 0; said <= static_cast<int>(drain::Answer::Said::kUnknown); ++said) {
    m.evictions.With({drain::ToString(static_cast<drain::Answer::Said>(said))});
  }
  for (int by = 0; by <= static_cast<int>(drain::Block::By::kServer); ++by) {
    m.blocked_seconds.With({drain::ToString(static_cast<drain::Block::By>(by))});
  }
  return m;
}

void RemedyMetrics::CountWritten(const crds::RemediationStatus& status, absl::Time now) const {
  size_t written = 0;
  for (const crds::StepProgress& step : status.steps) written += step.writes.size();
  if (written == 1) ObserveSince(act_seconds, status, now);
}

void RemedyMetrics::CountEnded(const crds::RemediationStatus& status) const {
  remediations.With({crds::ToString(*status.phase)}).Increment();
  if (status.phase == crds::Phase::kSucceeded && status.finished_at) {
    // Held open after the cure (recovery.revert) is no time to cure.
    absl::Time cured = *status.finished_at;
    for (const crds::RemedyProgress& remedy : status.remedies) {
      if (remedy.state == crds::RemedyState::kVerified && remedy.finished_at) {
        cured = *remedy.finished_at;
      }
    }
    ObserveSince(cure_seconds, status, cured);
  }
  for (const crds::StepProgress& step : status.steps) {
    if (step.state == crds::StepState::kPending) continue;
    steps.With({step.action, crds::ToString(step.state)}).Increment();
    for (const crds::WriteRecord& write : step.writes) {
      writes.With({crds::ToString(write.outcome)}).Increment();
    }
  }
}

}  // namespace kr::remediation
