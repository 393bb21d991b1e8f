// After a rung's steps: did it help, does it stay so, does anybody set our change back?
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::Phase;
using policy::Verdict;

void Runner::AdvanceVerification() {
  if (RevertBegun()) return TakeChangesBack();
  const size_t rung = *CurrentRung(status());
  const crds::RemedyProgress& progress = status().remedies[rung];
  const absl::Time steps_done = progress.steps_done_at.value_or(Now());
  if (!OwnWritesSeen()) {
    // Mostly it has in a moment, and what is said then is worth a write.
    const absl::Time late = steps_done + services_.timing.recheck;
    if (Now() < late) return WakeAt(late);
    return Idle(crds::reason::kVerifying, "waiting for the cache to see our own write",
                Now() + services_.timing.recheck);
  }
  const document::DocumentPtr document = world_.Target(*policy_, target());
  if (!document || !IsTarget(*document)) {
    return Finish(TargetGone());
  }
  if (const auto step = RevertedStep(*document)) return OnReverted(*step);
  if (const auto step = RevertedElsewhere(*document)) return OnReverted(*step);

  const policy::Remedy& remedy = policy_->remedies[rung];
  const policy::TargetView view(
      *policy_, document, world_.Around(*policy_),
      {.now = Now(), .remediation = Facts(), .events_since = StepsAnswered()});
  if (!verification_ && policy_->keeps_baseline) {
    callbacks_.remediated(*document, view, steps_done);
  }
  const policy::Evaluation evaluation = policy::Evaluate(*policy_, view);
  const Verdict cured = policy::Cured(evaluation);
  const Verdict verify = remedy.verify.empty() ? cured : policy::AllHold(remedy.verify, view);
  if (status().holding && status().holding->revert) {
    return AwaitRevert(cured, view,
                       std::min(evaluation.symptom.valid_until, evaluation.healthy.valid_until));
  }
  if (!verification_) {
    verification_.emplace(
        Verification::Limits{.steps_done_at = steps_done,
                             .cure_within = remedy.cure_within,
                             .stable_for = policy_->spec.recovery.stable_for,
                             .verified_before = status().phase == Phase::kHolding});
  }
  Verification::Decision decision = verification_->Update(evaluation.symptom, cured, verify, Now());
  const absl::Time until = std::min({decision.until, evaluation.symptom.valid_until,
                                     evaluation.healthy.valid_until, verify.valid_until});
  if (decision.result != Verification::Result::kCured) confirmed_changes_.clear();
  // Whoever has only told has cured nothing.
  const bool only_told = OnlyTells(remedy) && !HasWritten(status());
  switch (decision.result) {
    case Verification::Result::kCured:
      if (only_told) {
        return Finish({Phase::kReported, crds::reason::kReported,
                       "remedy " + remedy.name + " has told; the symptom went away by itself"});
      }
      if (const auto step = UnconfirmedChange(*document)) return ConfirmChange(*step);
      if (ReleaseMitigations()) return;
      mutable_status().remedies[rung].state = crds::RemedyState::kVerified;
      mutable_status().remedies[rung].finished_at = Now();
      if (policy_->spec.recovery.revert && !Outstanding(actions::Reversal::kChange).empty())
        return HoldForRevert();
      return Finish(Cured());
    case Verification::Result::kEscalate:
      return RungFailed(crds::reason::kNotCured, std::move(decision.message));
    case Verification::Result::kSymptomChanged:
      if (only_told) return Finish({Phase::kReported, crds::reason::kReported, decision.message});
      return Fail(crds::reason::kSymptomChanged, std::move(decision.message));
    case Verification::Result::kHold:
      if (status().phase != Phase::kHolding) {
        crds::Holding holding{.since = Now()};
        for (size_t t = 0; t < evaluation.triggers.size(); ++t) {
          if (evaluation.triggers[t].value == signals::Tri::kFalse) continue;
          holding.triggers.push_back(policy_->triggers[t].name);
        }
        mutable_status().holding = std::move(holding);
        mutable_status().remedies[rung].state = crds::RemedyState::kVerified;
        EnterPhase(Phase::kHolding, crds::reason::kHolding, decision.message);
      }
      return Idle(crds::reason::kHolding, std::move(decision.message), until);
    case Verification::Result::kWait:
      return Idle(crds::reason::kVerifying, std::move(decision.message), until);
  }
}

absl::Time Runner::StepsAnswered() const {
  const size_t rung = *CurrentRung(status());
  return LastWrite(status(), rung).value_or(status().remedies[rung].steps_done_at.value_or(Now()));
}

bool Runner::OwnWritesSeen() const {
  const crds::ObjectReference& target = remediation().spec.target_ref;
  for (const crds::StepProgress& step : status().steps) {
    for (const crds::WriteRecord& write : step.writes) {
      if (write.resource_version_after.empty()) continue;
      // The watch of the targets need not show another object of their kind.
      const bool same_kind =
          write.object.api_version == target.api_version && write.object.kind == target.kind;
      if (same_kind && !SameTarget(write.object, target)) continue;
      if (!world_.HasSeen(*policy_, write.object, write.resource_version_after)) return false;
    }
  }
  return true;
}

std::optional<size_t> Runner::RevertedStep(const document::Document& target) const {
  // What is not there has no field that could be set back: the symptom says so.
  if (policy::IsPlace(target)) return std::nullopt;
  const size_t rung = *CurrentRung(status());
  std::optional<nlohmann::json> object;
  for (size_t index : AttemptSteps(status(), rung)) {
    const crds::StepProgress& progress = status().steps[index];
    const policy::Step& step = policy_->remedies[rung].steps[static_cast<size_t>(progress.id.step)];
    if (step.spec.apply_to || step.action->reversal() != actions::Reversal::kChange) continue;
    if (progress.state != crds::StepState::kSucceeded) continue;
    if (!progress.writes.empty() && progress.memo.empty()) continue;  // given back
    if (!object) object = target.ToJson();
    if (!step.action->EffectHolds(progress.memo.Parse(), *object)) return index;
  }
  return std::nullopt;
}

void Runner::OnReverted(size_t index) {
  // Who did it stands in managedFields, which the cache does not keep.
  const auto ref = RefOf(status().steps[index]);
  if (!ref) return WakeAt(Now() + services_.timing.retry_max);
  Fetch(*ref, [this, index, rung = *CurrentRung(status())](nlohmann::json live) {
    if (live.is_null()) {
      return Idle(crds::refusal::kStaleView,
                  "the object is gone, and the cache has not seen it yet",
                  Now() + services_.timing.recheck);
    }
    const crds::ObjectReference& target = remediation().spec.target_ref;
    const actions::Action& action = *StepAt(rung, status().steps[index]).action;
    if (CountRevert(live, status().steps[index].object.value_or(target), action.EffectFields())) {
      return;
    }
    // Once more, by the same road: the action asks, the intent is written, the write is sent.
    for (size_t later : AttemptSteps(status(), rung)) {
      if (later >= index) mutable_status().steps[later].state = crds::StepState::kPending;
    }
    mutable_status().remedies[rung].state = crds::RemedyState::kRunning;
    mutable_status().remedies[rung].steps_done_at.reset();
    mutable_status().holding.reset();
    verification_.reset();
    confirmed_changes_.clear();
    checked_live_ = true;
    at_hand_.clear();
    Hand(index).live = std::move(live);
    EnterPhase(Phase::kRunning, crds::reason::kRunning,
               "our change was set back and is made once more");
    Advance();
  });
}

}  // namespace kr::remediation
