#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "reconcilers/policy/evaluate.h"

namespace kr::policy {

// How long the triggers of one target have held. Time counts from our own observation, so a restart
// may lengthen a `for` but never shorten it; a bare type/status condition is as old as its
// lastTransitionTime says. An entry is as old as its youngest signal.
class SymptomClock {
 public:
  struct Symptom {
    signals::Tri value = signals::Tri::kUnknown;  // also before `for` has passed
    // The trigger that has held for long enough, the first such in the policy.
    std::optional<size_t> trigger;
    absl::Time since;  // of that trigger
    // When a trigger that holds now will have held for long enough.
    std::optional<MonotonicTime> ripe_at;
    // That trigger, the next of several, since when it holds, and `ripe_at` by the clock.
    struct Ripening {
      size_t trigger = 0;
      absl::Time since;
      absl::Time due;
    };
    std::optional<Ripening> ripening;
    // Triggers with a long `for` that hold, and since when.
    std::vector<std::pair<size_t, absl::Time>> holding;
  };

  // `held`: since when each trigger held as the process before wrote down; empty or one per
  // trigger.
  Symptom Update(const CompiledPolicy& policy, const Evaluation& evaluation,
                 MonotonicTime monotonic, absl::Time now,
                 const std::vector<std::optional<absl::Time>>& held = {});

 private:
  // Per trigger and signal: since when it was seen to hold.
  std::vector<std::vector<std::optional<MonotonicTime>>> seen_since_;
};

}  // namespace kr::policy
