// Changes are taken back, the last one first: by onFailure: Rollback those of a rung, by
// recovery.revert those of all rungs. Whatever is not ours any more stays and is told.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::StepState;

const policy::Step* Runner::StepOf(const crds::StepProgress& progress) const {
  for (const policy::Remedy& remedy : policy_->remedies) {
    const auto number = static_cast<size_t>(progress.id.step);
    if (remedy.name == progress.id.remedy && number < remedy.steps.size()) {
      return &remedy.steps[number];
    }
  }
  return nullptr;
}

bool Runner::IsOutstanding(const crds::StepProgress& progress) const {
  const policy::Step* step = StepOf(progress);
  if (step == nullptr) return false;
  const actions::Reversal reversal = step->action->reversal();
  if (reversal != actions::Reversal::kChange && reversal != actions::Reversal::kMitigation) {
    return false;
  }
  // Without memo: taken back, or given up.
  if (progress.memo.empty()) return false;
  return std::any_of(progress.writes.begin(), progress.writes.end(), [](const auto& write) {
    return write.outcome == crds::WriteOutcome::kApplied ||
           write.outcome == crds::WriteOutcome::kUnknown;
  });
}

// True: something is under way, or waited for; otherwise nothing is left to take back.
bool Runner::TakeBackNext(const std::vector<size_t>& changes) {
  for (const size_t index : changes) {
    const crds::StepProgress& progress = status().steps[index];
    if (!IsOutstanding(progress)) continue;
    const auto wait = [this](std::string_view reason, std::string message, absl::Time until) {
      Idle(reason, std::move(message), until);
      return true;
    };
    const auto ref = RefOf(progress);
    if (!ref) {
      return wait(crds::refusal::kStaleView,
                  "discovery does not know where to take a change back: " +
                      progress.object.value_or(remediation().spec.target_ref).ToString(),
                  Now() + services_.timing.retry_max);
    }
    // Who cancels it wants it gone, whatever became of the policy meanwhile.
    const bool cancelled = remediation().spec.cancel || deletion_wanted();
    if (auto refusal = cancelled ? world_.Paused() : world_.Halted(remediation())) {
      Idle(*refusal);
      return true;
    }
    AtHand& hand = Hand(index);
    if (Now() >= hand.reread_at) hand.ForgetLive();
    if (!hand.live) {
      ReadObject(index);
      return true;
    }
    if (Now() < hand.retry_at) return wait(ReasonOfPhase(), status().message, hand.retry_at);
    const nlohmann::json memo = progress.memo.Parse();
    const actions::Action& action = *StepOf(progress)->action;
    const actions::Observed observed = Observe(*ref, progress.id, *progress.started_at, hand);
    if (const auto before = action.BeforeUndo(memo, observed)) {
      if (const auto* look = std::get_if<actions::Look>(&*before)) {
        AskServer(index, look->request, look->name);
      } else {
        const auto& pause = std::get<actions::Wait>(*before);
        hand.reread_at = pause.until;
        Idle(ReasonOfPhase(), pause.progress, pause.until);
      }
      return true;
    }
    auto undo = action.Undo(memo, observed);
    if (!undo) {
      if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kApplied, *hand.live);
      TakenBack(index, action.Left(memo, observed));
      continue;
    }
    busy_ = true;
    taking_back_ = "taking back: " + undo->summary;
    Does(taking_back_);
    write_ahead_.Execute(index, *ref, *std::move(undo), /*rollback=*/true,
                         [this, index](WriteAhead::Result result) {
                           busy_ = false;
                           OnWritten(index, /*rollback=*/true, std::move(result));
                         });
    return true;
  }
  return false;
}

void Runner::TakenBack(size_t index, const std::string& left) {
  crds::StepProgress& progress = mutable_status().steps[index];
  // The failed step is what the rollback is about: another process has to see that.
  if (left.empty() && progress.state != StepState::kFailed) {
    progress.state = StepState::kRolledBack;
  }
  progress.message += left.empty() ? " (taken back)" : " (not taken back: " + left + ")";
  progress.memo = crds::RawJson();
  at_hand_.erase(index);
  dirty_ = true;
}

}  // namespace kr::remediation
