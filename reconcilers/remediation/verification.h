#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/signals/tri.h"

namespace kr::remediation {

// Judges whether a rung helped, from what is seen after its steps. A value that is fed with every
// evaluation; time is an argument. After a restart it begins anew: a cure may be confirmed later,
// never earlier.
class Verification {
 public:
  struct Limits {
    absl::Time steps_done_at;
    absl::Duration cure_within;  // from steps_done_at, stable_for included
    absl::Duration stable_for;
    bool verified_before = false;  // by another process: nothing escalates any more
  };
  enum class Result {
    kWait,            // nothing is decided yet; look again at `until`
    kHold,            // verified, but the target is not cured (a trigger still holds)
    kCured,           // verified, and cured
    kEscalate,        // the symptom outlived the rung
    kSymptomChanged,  // neither symptom nor cure at the deadline: nobody knows what helps
  };
  struct Decision {
    Result result = Result::kWait;
    absl::Time until = absl::InfiniteFuture();
    std::string message;  // what is waited for
  };

  explicit Verification(Limits limits) : limits_(limits), holding_(limits.verified_before) {}

  // `verify`: the rung's own expressions, or `cured` when it has none. `symptom` and `cured` count
  // Events from the rung's last write on.
  Decision Update(const policy::Verdict& symptom, const policy::Verdict& cured,
                  const policy::Verdict& verify, absl::Time now);

 private:
  Limits limits_;
  std::optional<absl::Time> cured_since_;
  std::optional<absl::Time> verified_since_;
  bool holding_ = false;  // verified for stable_for once: nothing escalates any more
};

}  // namespace kr::remediation
