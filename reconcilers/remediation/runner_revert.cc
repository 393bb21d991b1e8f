// recovery.revert: the target is cured, and what was changed for it is taken back some time later.
// Until then the remediation is held open, so that nothing else begins on the target.
#include <algorithm>
#include <utility>

#include "crds/meta/time.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::Phase;
using policy::Verdict;
using signals::Tri;

bool Runner::RevertBegun() const {
  const std::optional<crds::Holding>& holding = status().holding;
  if (!holding || !holding->revert) return false;
  if (confirmed_cured_ && Now() <= *confirmed_cured_ + services_.timing.write_timeout) return true;
  // Nothing else is written after the cure. What another process began is finished: half of the
  // changes is neither the sick state nor the cured one.
  if (status().intent) return true;
  for (const crds::StepProgress& step : status().steps) {
    for (const crds::WriteRecord& write : step.writes) {
      if (write.intent_at > holding->since) return true;
    }
  }
  return false;
}

void Runner::HoldForRevert() {
  mutable_status().holding = crds::Holding{.since = Now(), .revert = true};
  confirmed_cured_.reset();
  at_hand_.clear();
  EnterPhase(Phase::kHolding, crds::reason::kHolding, "cured");
  Tell(runtime::Event::Type::kNormal, "Cured",
       "cured; changes are taken back " + policy::RevertText(*policy_->spec.recovery.revert));
  Advance();
}

void Runner::AwaitRevert(const Verdict& cured, const signals::View& view, absl::Time until) {
  const crds::Holding& holding = *status().holding;
  if (cured.value == Tri::kFalse) {
    // Not to escalate what is proved, and not to take away what may be needed again.
    mutable_status().holding = crds::Holding{.since = Now()};
    EnterPhase(Phase::kHolding, crds::reason::kHolding, "the cure did not last: " + cured.cause);
    Tell(runtime::Event::Type::kWarning, "CureDidNotLast",
         "changes stay until it is cured again: " + cured.cause);
    return Advance();
  }
  if (cured.value == Tri::kUnknown) {
    return Idle(crds::refusal::kSymptomUnknown,
                "changes stay while it is not known whether it is still cured: " + cured.cause,
                until);
  }
  const absl::Time due = holding.since + policy_->spec.recovery.revert->after;
  if (Now() < due) {
    std::string text = "cured; changes are taken back at " + crds::FormatTime(due);
    if (!policy_->revert_when.empty()) {
      text += " at the earliest, once " + policy_->spec.recovery.revert->when;
    }
    return Idle(crds::reason::kHolding, std::move(text), std::min(due, until));
  }
  const Verdict when = policy::AllHold(policy_->revert_when, view);
  if (when.value != Tri::kTrue) {
    return Idle(crds::reason::kHolding,
                "cured; changes are taken back once " + policy_->spec.recovery.revert->when +
                    (when.value == Tri::kUnknown ? " (unknown: " + when.cause + ")" : ""),
                std::min(until, when.valid_until));
  }
  if (auto halted = world_.Halted(remediation())) return Idle(*halted);
  CheckLive();
}

void Runner::OnHeldLive(LiveState live) {
  const LiveSurroundings around(live, *policy_, world_.Around(*policy_));
  const policy::TargetView view(
      *policy_, live.document, around,
      {.now = Now(), .remediation = Facts(), .events_since = StepsAnswered()});
  const Verdict cured = policy::Cured(policy::Evaluate(*policy_, view));
  const Verdict when = policy::AllHold(policy_->revert_when, view);
  for (const Verdict* verdict : {&cured, &when}) {
    if (verdict->value == Tri::kTrue) continue;
    return Idle(
        crds::reason::kHolding,
        "changes stay, the server does not (yet) show what the cache does: " + verdict->cause,
        Now() + services_.timing.recheck);
  }
  confirmed_cured_ = Now();
  at_hand_.clear();
  seen_live_ = std::move(live);
  TakeChangesBack();
}

void Runner::TakeChangesBack() {
  if (TakeBackNext(Outstanding(actions::Reversal::kChange))) return;
  Finish(Cured());
}

Runner::End Runner::Cured() const {
  std::string message = "remedy " + policy_->remedies[*CurrentRung(status())].name + " cured " +
                        remediation().spec.target_ref.ToString();
  if (!policy_->spec.recovery.revert) {
    return {Phase::kSucceeded, crds::reason::kCured, std::move(message)};
  }
  std::string taken, left;
  for (const crds::StepProgress& progress : status().steps) {
    const policy::Step* step = StepOf(progress);
    if (progress.writes.empty() || step == nullptr) continue;
    if (step->action->reversal() != actions::Reversal::kChange) continue;
    const bool back = progress.state == crds::StepState::kRolledBack;
    std::string& list = back ? taken : left;
    list += (list.empty() ? "" : "; ") + TextOf(progress) + (back ? "" : ": " + progress.message);
  }
  if (!taken.empty()) message += "; taken back: " + taken;
  if (!left.empty()) message += "; left: " + left;
  return {Phase::kSucceeded, crds::reason::kCured, std::move(message)};
}

std::string Runner::TextOf(const crds::StepProgress& progress) const {
  return "step " + std::to_string(progress.id.step + 1) + " of " + progress.id.remedy + " (" +
         progress.action + ")" +
         (progress.object ? " on " + progress.object->ToString() : std::string());
}

}  // namespace kr::remediation
