// Mitigations (cordon, taint) are released: at recovery, and when the remediation is cancelled. One
// that failed keeps them, with its slot, until its target is well again or a person wants them
// gone: otherwise the failed drains of a night would cordon the fleet one by one.
#include <algorithm>
#include <utility>

#include "reconcilers/actions/registry.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using actions::Reversal;
using signals::Tri;

std::vector<size_t> Runner::Outstanding(Reversal reversal) const {
  std::vector<size_t> found;
  for (size_t index = status().steps.size(); index-- > 0;) {
    const crds::StepProgress& progress = status().steps[index];
    if (!IsOutstanding(progress)) continue;
    if (StepOf(progress)->action->reversal() == reversal) found.push_back(index);
  }
  return found;
}

// True: something is under way, or waited for.
bool Runner::ReleaseMitigations() {
  return TakeBackNext(Outstanding(Reversal::kMitigation));
}

void Runner::AdvanceAftermath() {
  const bool wanted =
      deletion_wanted() || remediation().spec.cancel || policy_gone_ || target_gone_;
  if (!wanted) {
    const std::optional<absl::Time> due = ReleaseDue();
    if (!due || Now() < *due) return;
  }
  if (ReleaseMitigations()) return;
  // All of it is in the status: then the finalizer may go.
  writer_.Save([this](SaveResult result) {
    if (!Continue(result)) return;
    ended_ = true;
    callbacks_.ended(*this);
  });
}

std::optional<absl::Time> Runner::ReleaseDue() {
  const document::DocumentPtr document = world_.Target(*policy_, target());
  if (world_.Stale(*policy_) || !document || !IsTarget(*document)) {
    WakeAt(Now() + services_.timing.retry_max);
    return std::nullopt;
  }
  const policy::TargetView view(
      *policy_, document, world_.Around(*policy_),
      {.now = Now(), .remediation = Facts(), .events_since = *status().finished_at});
  const policy::Evaluation evaluation = policy::Evaluate(*policy_, view);
  const policy::Verdict cured = policy::Cured(evaluation);
  if (cured.value != Tri::kTrue) {
    well_since_.reset();
    WakeAt(cured.valid_until);
    return std::nullopt;
  }
  if (!well_since_) well_since_ = Now();
  const absl::Time due = *well_since_ + policy_->spec.recovery.stable_for;
  if (Now() < due) WakeAt(std::min(due, cured.valid_until));
  return due;
}

}  // namespace kr::remediation
