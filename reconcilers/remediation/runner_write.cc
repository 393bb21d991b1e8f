// The one write that an action answers: is it still wanted, then intent, request, outcome.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/effects_finalizer.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::StepState;
using signals::Tri;

std::optional<Runner::Paused> Runner::MayAct(size_t index, const policy::Step& step) {
  // Waits that concern the whole remediation, not this object alone.
  const auto idle = [this](std::string_view reason, std::string message, absl::Time until) {
    Idle(reason, std::move(message), until);
    return Paused();
  };
  const bool section = InSection();
  // A notice changes nothing, whomever it goes to.
  const bool writes = step.action->reversal() != actions::Reversal::kNothing && !section;
  if (const auto refusal = writes ? world_.Forbidden(remediation()) : std::nullopt) {
    Idle(*refusal);
    return Paused();
  }
  if (writes && !MayTouch(index, step)) return Paused();
  AtHand& hand = Hand(index);
  if (Now() < hand.retry_at) {
    // Whoever else writes goes on meanwhile: with what is known now the next try would be late
    // again.
    hand.reread_at = std::min(hand.reread_at, hand.retry_at);
    return actions::Wait{.until = hand.retry_at,
                         .progress = hand.refusal.empty()
                                         ? status().message
                                         : "the server puts it off: " + hand.refusal,
                         .memo = nullptr};
  }
  if (section) return std::nullopt;
  // Taken over from a process that died with this write in its hands: it was not executed, and who
  // knows how long ago that was.
  if (!checked_live_) {
    CheckLive();
    return Paused();
  }
  // The rung's first step was checked live; before a write that comes later, be it after nothing
  // but waiting, the cache has to say that the symptom is still there.
  const size_t rung = *CurrentRung(status());
  // By hand nobody asks for a symptom.
  const bool later = !status().manual && (AttemptSteps(status(), rung).front() != index ||
                                          LastWrite(status(), rung).has_value());
  if (later && step.action->disruption() != actions::Disruption::kNone) {
    if (!OwnWritesSeen()) {
      return idle(crds::reason::kRunning, "waiting for the cache to see our own write",
                  Now() + services_.timing.recheck);
    }
    const policy::Verdict symptom = EvaluateCached(absl::InfinitePast()).symptom;
    if (symptom.value == Tri::kUnknown) {
      return idle(crds::refusal::kSymptomUnknown, symptom.cause,
                  Now() + services_.timing.retry_max);
    }
    if (symptom.value == Tri::kFalse && !HasWritten(status())) {
      Finish({crds::Phase::kCancelled, crds::refusal::kSymptomGone,
              "the symptom went away before anything was done"});
      return Paused();
    }
    if (symptom.value == Tri::kFalse) {
      if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
      mutable_status().steps[index].state = StepState::kSkipped;
      mutable_status().steps[index].message = "the symptom is gone";
      mutable_status().remedies[rung].steps_done_at = Now();
      EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying,
                 "the symptom went away in the middle of the remedy; checking that it stays so");
      Advance();
      return Paused();
    }
  }
  return std::nullopt;
}

// False: it will not, or it is being read whether it may.
bool Runner::MayTouch(size_t index, const policy::Step& step) {
  const crds::StepProgress& progress = status().steps[index];
  if (!progress.object) return true;  // the target: Forbidden has looked
  if (!Hand(index).live) {
    ReadObject(index);
    return false;
  }
  const auto refusal = world_.Untouchable(*policy_, step, *progress.object, *Hand(index).live);
  if (!refusal) return true;
  if (refusal->reason == limits::Reason::kStaleView || status().intent ||
      !progress.writes.empty()) {
    Idle(*refusal);
    return false;
  }
  Tell(runtime::Event::Type::kNormal, "ObjectLeftAlone", refusal->message);
  StepEnded(index, StepState::kSkipped,
            std::string(limits::Name(refusal->reason)) + ": " + refusal->message);
  return false;
}

Runner::Paused Runner::ExecuteWrite(size_t index, const policy::Step& step, actions::Write write) {
  if (std::optional<Paused> instead = MayAct(index, step)) return *std::move(instead);
  if (NeedsFinalizer(step)) {
    PutFinalizer();
    return std::nullopt;
  }
  busy_ = true;
  seen_live_.reset();
  Does(write.summary);
  // Of a step with several writes: that it goes on to the next says what came of the one before.
  if (status().intent && step.action->HasSections() &&
      status().steps[index].memo.Parse() != write.memo) {
    write_ahead_.Resolve(crds::WriteOutcome::kApplied, {});
  }
  const bool elsewhere = write.object.has_value();
  const actions::ObjectRef ref = elsewhere ? *write.object : *RefOf(status().steps[index]);
  write_ahead_.Execute(index, ref, std::move(write), /*rollback=*/false,
                       [this, index, elsewhere](WriteAhead::Result result) {
                         busy_ = false;
                         if (elsewhere) result.object.reset();
                         OnWritten(index, /*rollback=*/false, std::move(result));
                       });
  // Nobody is to decide on what was so before: from the intent on it counts.
  services_.drains.FollowRestarts(remediation());
  return std::nullopt;
}

bool Runner::NeedsFinalizer(const policy::Step& step) const {
  if (HasEffectsFinalizer(remediation())) return false;
  if (step.action->HasSections()) return true;
  switch (step.action->reversal()) {
    case actions::Reversal::kMitigation:
      return true;
    case actions::Reversal::kChange:
      return policy_->spec.recovery.revert.has_value();
    default:
      return false;
  }
}

void Runner::PutFinalizer() {
  busy_ = true;
  services_.api.Send(
      AddEffectsFinalizer(remediation(), services_.timing.write_timeout),
      [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
        auto self = weak.lock();
        if (!self) return;
        Runner& runner = **self;
        runner.busy_ = false;
        if (reply.ok()) {
          runner.Answered();
          const auto object =
              crds::FromJson<crds::Remediation>(nlohmann::json::parse(reply->body, nullptr, false));
          if (object.ok()) runner.writer_.Absorb(*object);
          return runner.Advance();
        }
        // Changed meanwhile (the watch brings it), being deleted, or nobody knows.
        runner.Idle(crds::reason::kRunning,
                    "the finalizer could not be put on: " + std::string(Message(reply.status())),
                    runner.NextTry());
      },
      {.permit = runtime::PermitNeed::kWrite});
}

void Runner::OnWritten(size_t index, bool rollback, WriteAhead::Result result) {
  using Kind = WriteAhead::Result::Kind;
  dirty_ = true;
  if (result.kind == Kind::kSaveFailed) {
    Continue(result.save);
    return;
  }
  last_save_ = services_.engine.Now();
  if (deleted_) return Stopped();
  AtHand& hand = Hand(index);
  hand.ForgetLive();
  hand.refusal.clear();
  hand.wait_memo = nullptr;  // it is older than the one that was stored
  hand.live = std::move(result.object);
  switch (result.kind) {
    case Kind::kDone:
      hand.retry = services_.timing.retry_initial;
      services_.metrics.CountWritten(status(), Now());
      Tell(runtime::Event::Type::kNormal, rollback ? "ChangeTakenBack" : "RemedyApplied",
           rollback ? taking_back_ : status().message);
      return Advance();
    case Kind::kRejected:
      write_ahead_.Resolve(crds::WriteOutcome::kRejected, {});
      if (rollback) {
        TakenBack(index, "the API server refused: " + std::string(Message(result.error)));
        return Advance();
      }
      return StepEnded(index, StepState::kFailed,
                       (absl::IsPermissionDenied(result.error)
                            ? std::string(crds::refusal::kPermissionDenied) + ": "
                            : std::string()) +
                           "the API server refused: " + std::string(Message(result.error)));
    case Kind::kNotSent:
      // It is known that nothing was written: others need not wait for this one.
      mutable_status().intent.reset();
      hand.refusal = result.refusal;
      break;
    case Kind::kUnknown:
    case Kind::kSaveFailed:
      break;
  }
  // Not at once: the server may be busy, or somebody else writes as fast as we do.
  const absl::Duration wait = std::max(hand.retry, result.retry_after);
  hand.retry = std::min(hand.retry * 2, services_.timing.retry_max);
  hand.retry_at = Now() + wait;
  if (!hand.refusal.empty()) return Advance();  // the action decides how long that may go on
  Idle(ReasonOfPhase(), "will look again: " + std::string(Message(result.error)), hand.retry_at);
}

}  // namespace kr::remediation
