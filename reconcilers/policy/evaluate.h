#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/target_view.h"
#include "reconcilers/signals/tri.h"

namespace kr::policy {

// What is known at one moment, why not more, and how long that holds by itself.
struct Verdict {
  signals::Tri value = signals::Tri::kUnknown;
  std::string cause;  // of Unknown; of False, when it is known, what is false
  absl::Time valid_until = absl::InfiniteFuture();
};

struct TriggerReading {
  signals::Tri value = signals::Tri::kUnknown;
  // Parallel to Trigger::signals, up to the first that is False: that decides.
  std::vector<signals::Reading> signals;
};

struct Evaluation {
  std::vector<TriggerReading> triggers;  // parallel to CompiledPolicy::triggers
  Verdict symptom;                       // any trigger
  Verdict healthy;                       // all of recovery.healthy
};

// The state of a target. Pure: a function of the view. Of an empty place only triggers with
// `absent` say anything, and it is not healthy.
Evaluation Evaluate(const CompiledPolicy& policy, const signals::View& view);

// All of `programs` (none: True).
Verdict AllHold(const std::vector<NamedProgram>& programs, const signals::View& view);

// Every trigger False and healthy True. `evaluation` must come from a view whose Events count from
// the rung's last write on.
Verdict Cured(const Evaluation& evaluation);

// The present values of what `changed` signals compare with a TargetBaseline.
std::vector<crds::BaselineValue> BaselineValues(const CompiledPolicy& policy,
                                                const signals::View& view);

}  // namespace kr::policy
