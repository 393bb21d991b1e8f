#include "reconcilers/policy/evaluate.h"

#include <algorithm>
#include <utility>

namespace kr::policy {

using signals::Tri;

namespace {

TriggerReading Read(const Trigger& trigger, const signals::View& view, bool empty_place) {
  if (empty_place && !trigger.about_places) return {.value = Tri::kFalse};
  TriggerReading reading{.value = Tri::kTrue};
  for (const signals::SignalPtr& signal : trigger.signals) {
    reading.signals.push_back(signal->Read(view));
    reading.value = And(reading.value, reading.signals.back().value);
    // Most targets of most policies are well, and most signals need not be asked to know that.
    if (reading.value == Tri::kFalse) break;
  }
  return reading;
}

}  // namespace

Evaluation Evaluate(const CompiledPolicy& policy, const signals::View& view) {
  Evaluation result;
  result.symptom.value = Tri::kFalse;
  const bool empty_place = policy.has_places && view.object() == nullptr;
  for (const Trigger& trigger : policy.triggers) {
    TriggerReading reading = Read(trigger, view, empty_place);
    result.symptom.value = Or(result.symptom.value, reading.value);
    for (const signals::Reading& signal : reading.signals) {
      result.symptom.valid_until = std::min(result.symptom.valid_until, signal.valid_until);
      if (reading.value == Tri::kUnknown && result.symptom.cause.empty()) {
        result.symptom.cause = signal.cause;
      }
    }
    result.triggers.push_back(std::move(reading));
  }
  result.healthy = empty_place ? Verdict{.value = Tri::kFalse, .cause = "the object does not exist"}
                               : AllHold(policy.healthy, view);
  for (const signals::SignalPtr& signal : policy.healthy_signals) {
    // What is False already is not made any falser.
    if (empty_place || result.healthy.value == Tri::kFalse) break;
    const signals::Reading reading = signal->Read(view);
    const Tri combined = And(result.healthy.value, reading.value);
    if (combined != result.healthy.value) {
      result.healthy.cause =
          reading.cause.empty() ? "the node's lease is not renewed" : reading.cause;
    }
    result.healthy.value = combined;
    result.healthy.valid_until = std::min(result.healthy.valid_until, reading.valid_until);
  }
  return result;
}

Verdict AllHold(const std::vector<NamedProgram>& programs, const signals::View& view) {
  Verdict verdict{.value = Tri::kTrue};
  for (const NamedProgram& named : programs) {
    const cel::Outcome outcome = named.program.Evaluate(view, view.now());
    verdict.valid_until = std::min(verdict.valid_until, outcome.valid_until);
    Tri value = Tri::kUnknown;
    std::string cause;
    if (!outcome.value.ok()) {
      cause = named.name + ": " + std::string(Message(outcome.value.status()));
    } else if (const bool* holds = outcome.value->AsBool()) {
      value = signals::FromBool(*holds);
      if (!*holds) cause = named.name + " does not hold";
    } else {
      cause = named.name + ": the value is not true or false";
    }
    // What decides the verdict gives its cause: False over Unknown.
    const Tri combined = And(verdict.value, value);
    if (combined != verdict.value) verdict.cause = std::move(cause);
    verdict.value = combined;
  }
  return verdict;
}

Verdict Cured(const Evaluation& evaluation) {
  Verdict verdict{
      .value = And(Not(evaluation.symptom.value), evaluation.healthy.value),
      .valid_until = std::min(evaluation.symptom.valid_until, evaluation.healthy.valid_until)};
  if (verdict.value == Tri::kTrue) return verdict;
  if (evaluation.symptom.value == Tri::kTrue) {
    verdict.cause = "the symptom still holds";
  } else {
    verdict.cause =
        evaluation.healthy.cause.empty() ? evaluation.symptom.cause : evaluation.healthy.cause;
  }
  return verdict;
}

std::vector<crds::BaselineValue> BaselineValues(const CompiledPolicy& policy,
                                                const signals::View& view) {
  std::vector<crds::BaselineValue> values;
  for (const Trigger& trigger : policy.triggers) {
    for (const signals::SignalPtr& signal : trigger.signals) {
      if (auto value = signal->Baseline(view)) values.push_back(*std::move(value));
    }
  }
  return values;
}

}  // namespace kr::policy
