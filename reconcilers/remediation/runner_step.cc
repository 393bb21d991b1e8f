// The steps of a rung: ask the action, do the one thing that it answers, ask again.
#include <algorithm>
#include <utility>

#include "controller/kube/request.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::StepState;
using signals::Tri;

void Runner::AdvanceStep() {
  const size_t rung = *CurrentRung(status());
  const policy::Remedy& remedy = policy_->remedies[rung];
  for (size_t index : AttemptSteps(status(), rung)) {
    const crds::StepProgress& progress = status().steps[index];
    const policy::Step& step = remedy.steps[static_cast<size_t>(progress.id.step)];
    switch (progress.state) {
      case StepState::kSucceeded:
      case StepState::kSkipped:
      case StepState::kRolledBack:
        continue;
      case StepState::kFailed:
        if (step.spec.on_failure == crds::OnFailure::kContinue) continue;
        return StepFailed(index, step);
      case StepState::kPending:
      case StepState::kRunning:
        return AskStep(index, step);
    }
  }
  mutable_status().remedies[rung].state = crds::RemedyState::kVerifying;
  mutable_status().remedies[rung].steps_done_at = Now();
  if (policy_->only_notifies) {
    return Finish({crds::Phase::kReported, crds::reason::kReported, status().message});
  }
  EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying, "the steps are done");
  Advance();
}

void Runner::AskStep(size_t index, const policy::Step& step) {
  crds::StepProgress& progress = mutable_status().steps[index];
  const auto ref = RefOf(step);
  if (!ref) {
    return Idle(crds::refusal::kStaleView,
                "discovery does not know where " + step.spec.apply_to->ref->kind + " lives",
                Now() + services_.timing.retry_max);
  }
  if (progress.state == StepState::kPending) {
    progress.state = StepState::kRunning;
    progress.started_at = Now();
    wait_memo_ = nullptr;
    if (step.spec.apply_to) ForgetLive();
    dirty_ = true;
  }
  const nlohmann::json memo = wait_memo_.is_null() ? progress.memo.Parse() : wait_memo_;
  OnNext(index, step, step.action->Ask(memo, Observe(*ref, *progress.started_at)));
}

void Runner::OnNext(size_t index, const policy::Step& step, actions::Next next) {
  if (std::holds_alternative<actions::Read>(next)) return ReadObject(*RefOf(step));
  if (auto* question = std::get_if<actions::DryRun>(&next)) return AskServer(std::move(*question));
  if (auto* write = std::get_if<actions::Write>(&next)) {
    return ExecuteWrite(index, step, std::move(*write));
  }
  if (auto* wait = std::get_if<actions::Wait>(&next)) {
    wait_memo_ = std::move(wait->memo);
    return Idle(crds::reason::kRunning, wait->progress, wait->until);
  }
  // The step is over, so whatever was under way has been settled by reading.
  if (auto* done = std::get_if<actions::Done>(&next)) {
    if (status().intent) {
      write_ahead_.Resolve(crds::WriteOutcome::kApplied, live_.value_or(nlohmann::json()));
    }
    if (!done->announcement.empty()) {
      Tell(runtime::Event::Type::kWarning, "Notified", done->announcement);
    }
    return StepEnded(index, StepState::kSucceeded, std::move(done->message));
  }
  if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
  if (auto* report = std::get_if<actions::Report>(&next)) {
    mutable_status().steps[index].state = StepState::kSkipped;
    mutable_status().steps[index].message = report->message;
    return Finish({crds::Phase::kReported, report->reason, report->message});
  }
  auto& failed = std::get<actions::Failed>(next);
  StepEnded(index, StepState::kFailed, failed.reason + ": " + failed.message);
}

std::optional<actions::ObjectRef> Runner::RefOf(const policy::Step& step) const {
  crds::ObjectReference object = remediation().spec.target_ref;
  if (step.spec.apply_to && step.spec.apply_to->ref) {
    const crds::ApplyToRef& ref = *step.spec.apply_to->ref;
    object = {ref.api_version, ref.kind, ref.name_space, ref.name, ""};
  }
  const auto resource =
      world_.Find(kube::GroupVersionKind::FromApiVersion(object.api_version, object.kind));
  if (!resource) return std::nullopt;
  return actions::ObjectRef{*resource, {object.name_space, object.name}, object.uid};
}

actions::Observed Runner::Observe(const actions::ObjectRef& ref, absl::Time step_started) {
  // A plan is compared with the one that was shown as of then: what changes by time alone is no
  // other plan.
  std::optional<absl::Time> as_of;
  if (planning_ && !Observes()) {
    if (const crds::ApprovalRecord* request = FindRequest(planning_->rung)) {
      as_of = request->requested_at;
    }
  }
  actions::Observed observed{.ref = ref,
                             .live = live_,
                             .dry_run = dry_run_,
                             .now = as_of.value_or(Now()),
                             .step_started = step_started,
                             .server_timeout = services_.timing.write_timeout};
  observed.evaluate = [this, as_of](const cel::Program& program) -> StatusOr<nlohmann::json> {
    if (!OwnWritesSeen()) return Unavailable("the cache has not seen our own write yet");
    const absl::Time now = as_of.value_or(Now());
    const policy::TargetView view(*policy_, world_.Target(*policy_, target()),
                                  world_.Around(*policy_), {.now = now, .remediation = Facts()});
    const cel::Outcome outcome = program.Evaluate(view, now);
    // What changes by time alone has to be looked at again then.
    if (!as_of) WakeAt(outcome.valid_until);
    KR_RETURN_IF_ERROR(outcome.value.status());
    return outcome.value->ToJson();
  };
  return observed;
}

void Runner::ForgetLive() {
  live_.reset();
  dry_run_.reset();
}

void Runner::AskServer(actions::DryRun question) {
  busy_ = true;
  question.request.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(question.request),
                     [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
                       auto self = weak.lock();
                       if (!self) return;
                       (*self)->busy_ = false;
                       (*self)->OnDryRun(std::move(reply));
                     });
}

void Runner::OnDryRun(StatusOr<kube::Reply> reply) {
  if (reply.ok()) {
    dry_run_ = nlohmann::json::parse(reply->body, nullptr, false);
    return Advance();
  }
  if (absl::IsInvalidArgument(reply.status())) {
    dry_run_ = nlohmann::json();  // the server will not take it: the action decides what that means
    return Advance();
  }
  // Gone, forbidden for now, or the server is away: from the beginning, later.
  ForgetLive();
  Idle(crds::reason::kRunning, "dry-run: " + std::string(Message(reply.status())),
       Now() + services_.timing.retry_max);
}

void Runner::ReadObject(const actions::ObjectRef& ref) {
  ForgetLive();
  busy_ = true;
  kube::HttpRequest request = kube::GetObject(ref.resource, ref.key);
  request.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(request), [weak = std::weak_ptr(self_),
                                          uid = ref.uid](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    Runner& runner = **self;
    runner.busy_ = false;
    if (reply.ok()) {
      runner.live_ = nlohmann::json::parse(reply->body, nullptr, false);
      const auto pointer = nlohmann::json::json_pointer("/metadata/uid");
      const bool replaced =
          !uid.empty() && runner.live_->contains(pointer) && (*runner.live_)[pointer] != uid;
      if (replaced) runner.live_ = nlohmann::json();
    } else if (absl::IsNotFound(reply.status())) {
      runner.live_ = nlohmann::json();
    } else {
      return runner.Idle(crds::reason::kRunning,
                         "the object could not be read: " + std::string(Message(reply.status())),
                         runner.Now() + runner.services_.timing.retry_initial);
    }
    runner.Advance();
  });
}

void Runner::ExecuteWrite(size_t index, const policy::Step& step, actions::Write write) {
  if (auto refusal = world_.Forbidden(remediation())) return Idle(*refusal);
  if (Now() < retry_at_) return Idle(status().reason, status().message, retry_at_);
  // Taken over from a process that died with this write in its hands: it was not executed, and who
  // knows how long ago that was.
  if (!checked_live_) return CheckLive();
  // The rung's first step was checked live; before a write that comes later, be it after nothing
  // but waiting, the cache has to say that the symptom is still there.
  const size_t rung = *CurrentRung(status());
  const bool later =
      AttemptSteps(status(), rung).front() != index || LastWrite(status(), rung).has_value();
  if (later && !status().manual && step.action->disruption() != actions::Disruption::kNone) {
    if (!OwnWritesSeen()) {
      return Idle(crds::reason::kRunning, "waiting for the cache to see our own write",
                  Now() + services_.timing.recheck);
    }
    const policy::Verdict symptom = EvaluateCached(absl::InfinitePast()).symptom;
    if (symptom.value == Tri::kUnknown) {
      return Idle(crds::refusal::kSymptomUnknown, symptom.cause,
                  Now() + services_.timing.retry_max);
    }
    if (symptom.value == Tri::kFalse && !HasWritten(status())) {
      return Finish({crds::Phase::kCancelled, crds::refusal::kSymptomGone,
                     "the symptom went away before anything was done"});
    }
    if (symptom.value == Tri::kFalse) {
      mutable_status().steps[index].state = StepState::kSkipped;
      mutable_status().steps[index].message = "the symptom is gone";
      mutable_status().remedies[rung].steps_done_at = Now();
      EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying,
                 "the symptom went away in the middle of the remedy; checking that it stays so");
      return Advance();
    }
  }
  busy_ = true;
  mutable_status().message = write.summary;
  Describe(*policy_, mutable_status());
  write_ahead_.Execute(index, *RefOf(step), std::move(write), /*rollback=*/false,
                       [this](WriteAhead::Result result) {
                         busy_ = false;
                         OnWritten(std::move(result));
                       });
}

void Runner::OnWritten(WriteAhead::Result result) {
  using Kind = WriteAhead::Result::Kind;
  dirty_ = true;
  if (result.kind == Kind::kSaveFailed) {
    Continue(result.save, result.error);
    return;
  }
  last_save_ = services_.engine.Now();
  if (deleted_) return Stopped();
  ForgetLive();
  live_ = std::move(result.object);
  switch (result.kind) {
    case Kind::kDone:
      retry_ = services_.timing.retry_initial;
      services_.metrics.CountWritten(status(), Now());
      Tell(runtime::Event::Type::kNormal, "RemedyApplied", status().message);
      return Advance();
    case Kind::kRejected: {
      const size_t rung = *CurrentRung(status());
      for (size_t index : AttemptSteps(status(), rung)) {
        if (status().steps[index].id != status().intent->step) continue;
        write_ahead_.Resolve(crds::WriteOutcome::kRejected, {});
        return StepEnded(index, StepState::kFailed,
                         "the API server refused: " + std::string(Message(result.error)));
      }
      return Advance();
    }
    case Kind::kUnknown:
    case Kind::kNotSent:
    case Kind::kSaveFailed:
      break;
  }
  // Not at once: the server may be busy, or somebody else writes as fast as we do.
  const absl::Duration wait = std::max(retry_, result.retry_after);
  retry_ = std::min(retry_ * 2, services_.timing.retry_max);
  retry_at_ = Now() + wait;
  Idle(crds::reason::kRunning, "will look again: " + std::string(Message(result.error)), retry_at_);
}

void Runner::StepEnded(size_t index, StepState state, std::string message) {
  crds::StepProgress& progress = mutable_status().steps[index];
  progress.state = state;
  progress.finished_at = Now();
  progress.message = message;
  mutable_status().message = std::move(message);
  wait_memo_ = nullptr;
  // The next step may change the same object again, knowing only what it reads itself.
  ForgetLive();
  dirty_ = true;
  Advance();
}

void Runner::StepFailed(size_t index, const policy::Step& step) {
  if (step.spec.on_failure == crds::OnFailure::kRollback && RollBackNext(index)) return;
  RungFailed(crds::reason::kStepFailed,
             "step " + std::to_string(status().steps[index].id.step + 1) + " (" +
                 status().steps[index].action + ") failed: " + status().steps[index].message);
}

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
    const auto ref = RefOf(step);
    if (!ref) return false;
    if (!live_) {
      ReadObject(*ref);
      return true;
    }
    auto undo = step.action->Undo(progress.memo.Parse(), Observe(*ref, *progress.started_at));
    if (!undo) {
      const std::string why_not = actions::WhyNoUndo(progress.memo.Parse());
      if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kApplied, *live_);
      if (index != failed && why_not.empty()) progress.state = StepState::kRolledBack;
      progress.message +=
          why_not.empty() ? " (rolled back)" : " (not rolled back: " + why_not + ")";
      progress.memo = crds::RawJson();
      ForgetLive();
      continue;
    }
    busy_ = true;
    mutable_status().message = "rolling back: " + undo->summary;
    write_ahead_.Execute(index, *ref, *std::move(undo), /*rollback=*/true,
                         [this](WriteAhead::Result result) {
                           busy_ = false;
                           OnWritten(std::move(result));
                         });
    return true;
  }
  return false;
}

}  // namespace kr::remediation
