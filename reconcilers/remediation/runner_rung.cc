// The ladder: every rung begins with a live check, because nothing may be written on the word of a
// cache alone.
#include <algorithm>
#include <utility>
#include <vector>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::RemedyState;
using signals::Tri;

void Runner::AdvanceLadder() {
  const std::optional<size_t> rung = CurrentRung(status());
  if (!rung) {
    const crds::RemedyProgress& last = status().remedies.back();
    return Fail(
        last.reason.empty() ? crds::reason::kNotCured : std::string_view(last.reason),
        last.state == RemedyState::kSkipped
            ? "no remedy applies: " + last.message
            : "remedy " + last.name + " did not help and it was the last one: " + last.message);
  }
  // A write that may be under way is settled before anything else is asked.
  if (status().remedies[*rung].state == RemedyState::kRunning &&
      (checked_live_ || status().intent)) {
    return AdvanceStep();
  }
  CheckLive();
}

void Runner::CheckLive() {
  busy_ = true;
  live_read_ =
      LiveRead::Start(services_, world_, policy_, target(), [this](StatusOr<LiveState> live) {
        busy_ = false;
        OnLive(std::move(live));
      });
}

void Runner::OnLive(StatusOr<LiveState> live) {
  if (deleted_) return Stopped();
  if (auto end = ShouldStop()) return Finish(*std::move(end));
  if (!live.ok()) {
    if (absl::IsPermissionDenied(live.status())) {
      return Idle(crds::refusal::kPermissionDenied, std::string(Message(live.status())),
                  Now() + services_.timing.retry_max);
    }
    return Idle(crds::refusal::kStaleView,
                "the live state could not be read: " + std::string(Message(live.status())),
                Now() + services_.timing.retry_initial);
  }
  const document::DocumentPtr cached = world_.Target(*policy_, target());
  if (!live->document || !IsTarget(*live->document)) {
    // Ended now, it would begin again at once, for as long as the cache shows a sick target.
    if (cached && IsTarget(*cached)) {
      return Idle(crds::refusal::kStaleView,
                  "the object is gone, and the cache has not seen it yet",
                  Now() + services_.timing.recheck);
    }
    target_gone_ = true;
    return Finish(*ShouldStop());
  }
  // The rest of the evaluation (Events, the next targets) rests on the cache: both must tell the
  // same. Versions are not compared, or an object that flaps would never be repaired.
  if (!cached || !cached->SameBody(*live->document)) {
    return Idle(crds::refusal::kStaleView, "the cache has not caught up with the live object",
                Now() + services_.timing.recheck);
  }
  const LiveSurroundings around(*live, *policy_, world_.Around(*policy_));
  const policy::TargetView view(*policy_, live->document, around,
                                {.now = Now(), .remediation = Facts()});
  const policy::Evaluation evaluation = policy::Evaluate(*policy_, view);
  const size_t rung = *CurrentRung(status());

  // A person who runs a policy by hand has seen why.
  const bool by_hand = status().manual;
  if (evaluation.symptom.value == Tri::kUnknown && !by_hand) {
    return Idle(crds::refusal::kSymptomUnknown, evaluation.symptom.cause,
                Now() + services_.timing.retry_max);
  }
  if (evaluation.symptom.value == Tri::kFalse && !start_.reverted && !by_hand) {
    if (!HasWritten(status())) {
      return Finish({crds::Phase::kCancelled, crds::refusal::kSymptomGone,
                     "the symptom went away before anything was done"});
    }
    if (status().remedies[rung].state == RemedyState::kPending) {
      StartRung(*policy_, rung, Now(), mutable_status());
    }
    mutable_status().remedies[rung].steps_done_at = Now();
    EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying,
               "the symptom is gone; checking that it stays so");
    return Advance();
  }
  if (start_.reverted && !HasWritten(status()) && CountRevert(live->target)) return;

  const policy::Verdict applies = policy::AllHold(policy_->remedies[rung].match_conditions, view);
  if (applies.value == Tri::kUnknown) {
    return Idle(crds::refusal::kSymptomUnknown, "matchConditions: " + applies.cause,
                Now() + services_.timing.retry_max);
  }
  if (applies.value == Tri::kFalse) {
    SkipRung(rung, applies.cause, Now(), mutable_status());
    return Advance();
  }
  if (!plan_fits_ && !HasWritten(status())) {
    if (const auto unread = UnreadOfPlan()) return ReadForPlan(*unread);  // then everything anew
    if (auto too_large = PlanTooLarge(live->target)) {
      return Fail(crds::refusal::kPlanTooLarge, *std::move(too_large));
    }
    plan_fits_ = true;
    plan_objects_.clear();
  }
  if (status().remedies[rung].state == RemedyState::kPending) {
    if (NeedsApproval(rung)) return PlanForApproval(rung, live->target);
    if (!TakeSlot()) return;
  }
  if (!TakeLocks(rung)) return;
  if (status().remedies[rung].state == RemedyState::kPending) {
    StartRung(*policy_, rung, Now(), mutable_status());
    verification_.reset();
  }
  checked_live_ = true;
  ForgetLive();
  live_ = std::move(live->target);
  Advance();
}

bool Runner::TakeLocks(size_t rung) {
  std::vector<crds::ObjectReference> objects{remediation().spec.target_ref};
  bool writes = false;
  for (const policy::Step& step : policy_->remedies[rung].steps) {
    if (step.action->reversal() == actions::Reversal::kNothing) continue;
    writes = true;
    if (!step.spec.apply_to) continue;
    if (const auto ref = RefOf(step)) {
      const kube::GroupVersionKind& gvk = ref->resource.gvk;
      objects.push_back({gvk.ApiVersion(), gvk.kind, ref->key.name_space, ref->key.name, ref->uid});
    }
  }
  if (!writes) return true;
  if (const auto refusal = callbacks_.claim(remediation(), objects)) {
    if (status().phase != crds::Phase::kPending) {
      EnterPhase(crds::Phase::kPending, limits::Name(refusal->reason), refusal->message);
      if (status().manual) callbacks_.released(remediation());  // it is admitted anew
    }
    Idle(*refusal);
    return false;
  }
  // With the log of the first write, so that the next process knows of them.
  for (size_t i = 1; i < objects.size(); ++i) {
    std::vector<crds::ObjectReference>& locks = mutable_status().locks;
    if (std::find(locks.begin(), locks.end(), objects[i]) != locks.end()) continue;
    locks.push_back(std::move(objects[i]));
    dirty_ = true;
  }
  if (status().phase == crds::Phase::kPending) {
    EnterPhase(crds::Phase::kRunning, crds::reason::kRunning, "everything that it writes is free");
  }
  return true;
}

bool Runner::CountRevert(const nlohmann::json& live) {
  // Our own policies all write under the same name.
  std::string manager = world_.OtherWriter(remediation());
  if (manager.empty()) manager = actions::LastOtherManager(live, actions::kFieldManager);
  if (manager.empty()) manager = "an unknown field manager";
  mutable_status().contended = limits::CountRevert(
      status().contended, manager, remediation().spec.target_ref, services_.limits, Now());
  dirty_ = true;
  if (!limits::IsDisputed(status().contended)) {
    Tell(runtime::Event::Type::kWarning, "ChangeReverted",
         manager + " set our change back; it is made once more");
    return false;
  }
  Fail(crds::refusal::kContended,
       manager +
           " set our change back for the second time; nothing more is done until the policy "
           "changes. Let that manager make the change, or exclude the object with the label " +
           std::string(crds::kExcludeLabel) + "=true.");
  return true;
}

void Runner::RungFailed(std::string_view reason, std::string message) {
  const size_t rung = *CurrentRung(status());
  Tell(runtime::Event::Type::kWarning, "RemedyFailed",
       "remedy " + status().remedies[rung].name + ": " + message);
  FailRung(*policy_, rung, reason, message, Now(), mutable_status());
  checked_live_ = false;
  verification_.reset();
  EnterPhase(crds::Phase::kRunning, reason, std::move(message));
  Advance();
}

}  // namespace kr::remediation
