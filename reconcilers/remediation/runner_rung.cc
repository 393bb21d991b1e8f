// The ladder: every rung begins with a live check, because nothing may be written on the word of a
// cache alone.
#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "controller/cache/resource_version.h"
#include "crds/v1alpha1/reasons.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"
#include "reconcilers/signals/past.h"

namespace kr::remediation {

using crds::RemedyState;
using signals::Tri;

void Runner::AdvanceLadder() {
  const std::optional<size_t> rung = CurrentRung(status());
  if (!rung) return Finish(EndOfLadder());
  // A write that may be under way is settled before anything else is asked.
  if (status().remedies[*rung].state == RemedyState::kRunning &&
      (checked_live_ || status().intent || !BegunSections().empty())) {
    return AdvanceStep();
  }
  CheckLive();
}

Runner::End Runner::EndOfLadder() const {
  const std::vector<crds::RemedyProgress>& remedies = status().remedies;
  const auto is = [](RemedyState state) {
    return [state](const crds::RemedyProgress& remedy) { return remedy.state == state; };
  };
  const auto failed = std::find_if(remedies.rbegin(), remedies.rend(), is(RemedyState::kFailed));
  // Behind it are those that do not apply, and those that only tell.
  if (failed != remedies.rend()) {
    const bool others = std::any_of(remedies.rbegin(), failed, [](const auto& remedy) {
      return remedy.attempt == 0;  // its matchConditions did not hold
    });
    return {crds::Phase::kFailed,
            failed->reason.empty() ? crds::reason::kNotCured : std::string_view(failed->reason),
            "remedy " + failed->name + " did not help and " +
                (others ? "no later one applies: " : "it was the last one: ") + failed->message};
  }
  const auto told = std::find_if(remedies.rbegin(), remedies.rend(), [](const auto& remedy) {
    return remedy.state == RemedyState::kSkipped && remedy.attempt > 0;
  });
  if (told == remedies.rend()) {
    return {crds::Phase::kFailed, crds::reason::kNotCured,
            "no remedy applies: " + remedies.back().message};
  }
  std::string message = "remedy " + told->name + " has told";
  if (told != remedies.rbegin()) message += "; no later one applies: " + remedies.back().message;
  return {crds::Phase::kReported, crds::reason::kReported, std::move(message)};
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
  if (auto end = MayStop()) return Finish(*std::move(end));
  if (!live.ok()) {
    if (absl::IsPermissionDenied(live.status())) {
      std::string message(Message(live.status()));
      // What is held stays held; otherwise waiting would help nobody.
      if (status().phase != crds::Phase::kHolding) {
        return Fail(crds::refusal::kPermissionDenied, std::move(message));
      }
      return Idle(crds::refusal::kPermissionDenied, std::move(message),
                  Now() + services_.timing.retry_max);
    }
    return Idle(crds::refusal::kStaleView,
                "the live state could not be read: " + std::string(Message(live.status())),
                NextTry());
  }
  Answered();
  const document::DocumentPtr cached = world_.Target(*policy_, target());
  // What is gone is no work for anybody, even if the cache shows it still: admission waits for that
  // (limits::SecondLook), and holds no slot meanwhile.
  if (!live->document || !IsTarget(*live->document)) return Finish(TargetGone());
  const LiveSurroundings around(*live, *policy_, world_.Around(*policy_));
  const policy::TargetView view(*policy_, live->document, around,
                                {.now = Now(), .remediation = Facts()});
  const policy::Evaluation evaluation = policy::Evaluate(*policy_, view);
  const size_t rung = *CurrentRung(status());

  // A person who runs a policy by hand has seen why.
  const bool by_hand = status().manual;
  const bool gone = evaluation.symptom.value == Tri::kFalse && !start_.reverted && !by_hand;
  const bool behind = cached && cache::CompareResourceVersions(live->document->resource_version(),
                                                               cached->resource_version()) ==
                                    std::strong_ordering::less;
  if (gone && !behind && !HasWritten(status())) {
    return Finish({crds::Phase::kCancelled, crds::refusal::kSymptomGone,
                   "the symptom went away before anything was done"});
  }
  // The rest of the evaluation (Events, the next targets) rests on the cache: both must tell the
  // same. Versions are not compared, or an object that flaps would never be repaired.
  if (!cached || !cached->SameBody(*live->document)) {
    return AwaitCache("the cache has not caught up with the live object");
  }
  const std::string lease = LeaseBehind(*live, world_.Around(*policy_).Past().leases);
  if (!lease.empty()) return AwaitCache("the cache has not caught up with " + lease);
  disagreement_ = absl::ZeroDuration();
  if (status().phase == crds::Phase::kHolding) return OnHeldLive(*std::move(live));
  if (evaluation.symptom.value == Tri::kUnknown && !by_hand) {
    return Idle(crds::refusal::kSymptomUnknown, evaluation.symptom.cause,
                Now() + services_.timing.retry_max);
  }
  if (gone) {
    if (status().remedies[rung].state == RemedyState::kPending) {
      StartRung(*policy_, rung, Now(), mutable_status());
    }
    // What may have been done and is not asked for any more must not hold up a later attempt.
    if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
    mutable_status().remedies[rung].steps_done_at = Now();
    EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying,
               "the symptom is gone; checking that it stays so");
    return Advance();
  }
  if (start_.reverted && !HasWritten(status()) &&
      CountRevert(live->target, remediation().spec.target_ref, ChangedFields())) {
    return;
  }

  const bool begins = status().remedies[rung].state == RemedyState::kPending;
  const policy::Verdict applies = policy::AllHold(policy_->remedies[rung].match_conditions, view);
  if (begins && applies.value == Tri::kUnknown) {
    return Idle(crds::refusal::kSymptomUnknown, "matchConditions: " + applies.cause,
                Now() + services_.timing.retry_max);
  }
  if (begins && applies.value == Tri::kFalse) {
    SkipRung(rung, applies.cause, Now(), mutable_status());
    return Advance();
  }
  if (!plan_fits_ && !HasWritten(status())) {
    if (const auto unread = UnreadOfPlan(view, around)) {
      // What cannot be read is judged by its step, when it comes to that. Then everything anew.
      return TryFetch(*unread, [this, key = PlanKey(*unread)](StatusOr<nlohmann::json> found) {
        plan_objects_[key] = found.ok() ? *std::move(found) : nlohmann::json();
        Advance();
      });
    }
    if (auto too_large = PlanTooLarge(live->target, view, around)) {
      return Fail(crds::refusal::kPlanTooLarge, *std::move(too_large));
    }
    plan_fits_ = true;
    plan_objects_.clear();
  }
  if (begins) {
    if (NeedsApproval(rung)) return PlanForApproval(rung);
    if (!TakeSlot()) return;
  }
  if (!TakeLocks(rung)) return;
  if (begins) {
    StartRung(*policy_, rung, Now(), mutable_status());
    verification_.reset();
    KeepRecord(policy_->remedies[rung]);
  }
  checked_live_ = true;
  at_hand_.clear();
  seen_live_ = *std::move(live);
  Advance();
}

void Runner::AwaitCache(std::string message) {
  // A change of the cache wakes us anyway.
  disagreement_ = std::clamp(disagreement_ * 2, services_.timing.recheck,
                             std::max(services_.timing.recheck, services_.timing.retry_max));
  Idle(crds::refusal::kStaleView, std::move(message), Now() + disagreement_);
}

bool Runner::TakeLocks(size_t rung) {
  std::vector<crds::ObjectReference> objects{remediation().spec.target_ref};
  const policy::Surroundings& around = world_.Around(*policy_);
  const policy::TargetView view(*policy_, world_.Target(*policy_, target()), around,
                                {.now = Now(), .remediation = Facts()});
  bool writes = false;
  for (const policy::Step& step : policy_->remedies[rung].steps) {
    if (step.action->reversal() == actions::Reversal::kNothing) continue;
    writes = true;
    if (!step.apply_to && !std::holds_alternative<crds::Apply>(step.spec.action)) continue;
    // As they would be chosen now; a step that cannot tell yet takes them when it begins.
    const auto choice = Choose(step, view, around);
    if (!choice.ok()) continue;
    for (const crds::ObjectReference& object : choice->objects) {
      if (objects.size() < crds::kMaxLocks) objects.push_back(object);
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
    if (locks.size() == crds::kMaxLocks) break;
    locks.push_back(std::move(objects[i]));
    dirty_ = true;
  }
  if (status().phase == crds::Phase::kPending) {
    EnterPhase(crds::Phase::kRunning, crds::reason::kRunning, "everything that it writes is free");
  }
  return true;
}

void Runner::KeepRecord(const policy::Remedy& remedy) {
  if (remedy.record.empty()) return;
  const policy::TargetView view(*policy_, world_.Target(*policy_, target()),
                                world_.Around(*policy_), {.now = Now(), .remediation = Facts()});
  nlohmann::json record =
      status().record.empty() ? nlohmann::json::object() : status().record.Parse();
  for (const policy::NamedProgram& entry : remedy.record) {
    const auto value = entry.program.Evaluate(view, Now()).value;
    nlohmann::json with = record;
    if (value.ok()) with[entry.name] = value->ToJson();
    const bool fits = with.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).size() <=
                      crds::kMaxRecordBytes;
    if (value.ok() && fits) {
      record = std::move(with);
      continue;
    }
    // Evidence that cannot be had is no reason to leave the target sick.
    Tell(runtime::Event::Type::kWarning, "EvidenceNotKept",
         "record " + entry.name + ": " +
             (value.ok() ? "does not fit" : std::string(Message(value.status()))));
  }
  if (!record.empty()) mutable_status().record = crds::RawJson(record);
}

std::vector<actions::FieldPath> Runner::ChangedFields() const {
  std::vector<actions::FieldPath> fields;
  for (const policy::Remedy& remedy : policy_->remedies) {
    for (const policy::Step& step : remedy.steps) {
      const bool elsewhere = step.apply_to || step.action->kind() == "apply";
      if (elsewhere || step.action->reversal() != actions::Reversal::kChange) continue;
      std::ranges::move(step.action->EffectFields(), std::back_inserter(fields));
    }
  }
  return fields;
}

namespace {

// As far as the object tells: a field that is removed has no owner any more.
std::string WhoReverted(const nlohmann::json& live, std::span<const actions::FieldPath> fields) {
  const bool removed = actions::IsRemoved(live, actions::kFieldManager, fields);
  if (!removed) {
    std::string owner = actions::LastOwner(live, actions::kFieldManager, fields);
    if (!owner.empty()) return owner;
  }
  const std::string last = actions::LastOtherManager(live, actions::kFieldManager);
  if (!removed) return last.empty() ? "an unknown field manager" : last;
  return last.empty() ? "somebody (by removing it)"
                      : "somebody (by removing it; last write by " + last.substr(0, 80) + ")";
}

}  // namespace

bool Runner::CountRevert(const nlohmann::json& live, const crds::ObjectReference& object,
                         std::span<const actions::FieldPath> fields) {
  // Our own policies all write under the same name.
  std::string manager = world_.OtherWriter(remediation(), object);
  if (manager.empty()) manager = WhoReverted(live, fields);
  mutable_status().contended =
      limits::CountRevert(status().contended, manager, object, services_.limits, Now());
  dirty_ = true;
  if (!limits::IsDisputed(status().contended)) {
    Tell(
        runtime::Event::Type::kWarning, "ChangeReverted",
        manager + " set our change of " + object.ToString() + " back; the next time it is left so");
    return false;
  }
  Fail(crds::refusal::kContended,
       manager + " set our change of " + object.ToString() +
           " back for the second time; nothing more is done until the policy changes. Let that "
           "manager make the change, or exclude the object with the label " +
           std::string(crds::kExcludeLabel) + "=true.");
  return true;
}

void Runner::RungFailed(std::string_view reason, std::string message) {
  if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
  const size_t rung = *CurrentRung(status());
  if (!OnlyTells(policy_->remedies[rung]) || reason != crds::reason::kNotCured) {
    Tell(runtime::Event::Type::kWarning, "RemedyFailed",
         "remedy " + status().remedies[rung].name + ": " + message);
  }
  FailRung(*policy_, rung, reason, message, Now(), mutable_status());
  checked_live_ = false;
  seen_live_.reset();
  at_hand_.clear();
  verification_.reset();
  EnterPhase(crds::Phase::kRunning, reason, std::move(message));
  Advance();
}

}  // namespace kr::remediation
