#include "reconcilers/policy/symptom_clock.h"

#include <algorithm>

namespace kr::policy {

using signals::Tri;

SymptomClock::Symptom SymptomClock::Update(const CompiledPolicy& policy,
                                           const Evaluation& evaluation, MonotonicTime monotonic,
                                           absl::Time now,
                                           const std::vector<std::optional<absl::Time>>& held) {
  Symptom symptom{.value = evaluation.symptom.value};
  seen_since_.resize(evaluation.triggers.size());
  for (size_t t = 0; t < evaluation.triggers.size(); ++t) {
    const TriggerReading& reading = evaluation.triggers[t];
    std::vector<std::optional<MonotonicTime>>& seen = seen_since_[t];
    seen.resize(reading.signals.size());
    absl::Duration age = absl::InfiniteDuration();
    for (size_t s = 0; s < seen.size(); ++s) {
      if (reading.signals[s].value != Tri::kTrue) {
        seen[s].reset();
        continue;
      }
      if (!seen[s]) seen[s] = monotonic;
      absl::Duration signal_age = monotonic - *seen[s];
      if (reading.signals[s].since) {
        signal_age = std::max(signal_age, now - *reading.signals[s].since);
      }
      age = std::min(age, signal_age);
    }
    if (reading.value != Tri::kTrue) continue;
    if (t < held.size() && held[t]) age = std::max(age, now - *held[t]);
    if (policy.triggers[t].IsLong()) symptom.holding.emplace_back(t, now - age);
    const absl::Duration missing = policy.triggers[t].hold_for - age;
    if (missing > absl::ZeroDuration()) {
      const MonotonicTime ripe = monotonic + missing;
      if (!symptom.ripe_at || ripe < *symptom.ripe_at) {
        symptom.ripe_at = ripe;
        symptom.ripening = {t, now - age, now + missing};
      }
    } else if (!symptom.trigger) {
      symptom.trigger = t;
      symptom.since = now - age;
    }
  }
  return symptom;
}

}  // namespace kr::policy
