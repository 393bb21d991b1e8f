// onFailure: Rollback: the changes of a rung are taken back, the last one first.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::StepState;

bool Runner::RollBackNext(size_t failed) {
  const size_t rung = *CurrentRung(status());
  std::vector<size_t> steps = AttemptSteps(status(), rung);
  std::reverse(steps.begin(), steps.end());
  for (size_t index : steps) {
    crds::StepProgress& progress = mutable_status().steps[index];
    const policy::Step& step = policy_->remedies[rung].steps[static_cast<size_t>(progress.id.step)];
    const bool changed = !progress.writes.empty() && !progress.memo.empty() &&
                         step.action->reversal() == actions::Reversal::kChange;
    if (!changed || progress.state == StepState::kRolledBack) continue;
    const auto ref = RefOf(progress);
    if (!ref) return false;
    AtHand& hand = Hand(index);
    if (!hand.live) {
      ReadObject(index);
      return true;
    }
    if (Now() < hand.retry_at) {
      Idle(crds::reason::kRunning, status().message, hand.retry_at);
      return true;
    }
    auto undo = step.action->Undo(progress.memo.Parse(),
                                  Observe(*ref, progress.id, *progress.started_at, hand));
    if (!undo) {
      const std::string why_not = actions::WhyNoUndo(progress.memo.Parse());
      if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kApplied, *hand.live);
      if (index != failed && why_not.empty()) progress.state = StepState::kRolledBack;
      progress.message +=
          why_not.empty() ? " (rolled back)" : " (not rolled back: " + why_not + ")";
      progress.memo = crds::RawJson();
      at_hand_.erase(index);
      continue;
    }
    busy_ = true;
    mutable_status().message = "rolling back: " + undo->summary;
    write_ahead_.Execute(index, *ref, *std::move(undo), /*rollback=*/true,
                         [this, index](WriteAhead::Result result) {
                           busy_ = false;
                           OnWritten(index, std::move(result));
                         });
    return true;
  }
  return false;
}

}  // namespace kr::remediation
