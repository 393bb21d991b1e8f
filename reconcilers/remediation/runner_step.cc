// The steps of a rung: ask the action, do the one thing that it answers, ask again. A step with
// applyTo is the same for each of its objects.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/webhook_answer.h"
#include "reconcilers/node/task.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::StepState;

namespace {

bool IsOver(StepState state) {
  return state != StepState::kPending && state != StepState::kRunning;
}

}  // namespace

void Runner::AtHand::ForgetLive() {
  live.reset();
  dry_run.reset();
  looked.clear();
  reread_at = absl::InfiniteFuture();
}

Runner::AtHand& Runner::Hand(size_t index) {
  const auto [hand, fresh] = at_hand_.try_emplace(index);
  if (!fresh) return hand->second;
  hand->second.retry = services_.timing.retry_initial;
  if (seen_live_ && !status().steps[index].object) {
    hand->second.live = std::move(seen_live_->target);
    seen_live_.reset();
  }
  return hand->second;
}

void Runner::OnNodeTask(std::string_view name) {
  bool news = false;
  for (auto& [index, hand] : at_hand_) {
    if (index >= status().steps.size()) continue;
    const crds::StepProgress& progress = status().steps[index];
    if (progress.action != "nodeCommand" || progress.memo.empty()) continue;
    if (progress.memo.Parse().value(node::kMemoTask, "") != name) continue;
    hand.reread_at = Now();
    news = true;
  }
  if (news) Advance();
}

void Runner::AdvanceStep() {
  const size_t rung = *CurrentRung(status());
  std::vector<size_t> attempt = AttemptSteps(status(), rung);
  while (!attempt.empty()) {
    const int64_t number = status().steps[attempt.front()].id.step;
    const auto end = std::find_if(attempt.begin(), attempt.end(), [&](size_t index) {
      return status().steps[index].id.step != number;
    });
    const policy::Step& step = policy_->remedies[rung].steps[static_cast<size_t>(number)];
    if (!AdvanceObjects(step, {attempt.begin(), end})) return;
    attempt.erase(attempt.begin(), end);
  }
  mutable_status().remedies[rung].state = crds::RemedyState::kVerifying;
  mutable_status().remedies[rung].steps_done_at = Now();
  if (policy_->only_notifies) {
    return Finish({crds::Phase::kReported, crds::reason::kReported, status().message});
  }
  // With nothing left to be tried there is nothing to wait for.
  const policy::Remedy& remedy = policy_->remedies[rung];
  if (OnlyTells(remedy) && rung + 1 == policy_->remedies.size() &&
      status().remedies[rung].attempt >= remedy.attempts) {
    return RungFailed(crds::reason::kNotCured, status().message);
  }
  EnterPhase(crds::Phase::kVerifying, crds::reason::kVerifying, "the steps are done");
  Advance();
}

// True: the step is over.
bool Runner::AdvanceObjects(const policy::Step& step, const std::vector<size_t>& indexes) {
  for (size_t index : indexes) {
    if (status().steps[index].state != StepState::kFailed) continue;
    if (step.spec.on_failure == crds::OnFailure::kContinue) continue;
    StepFailed(index, step);
    return false;
  }
  if (HasToChoose(indexes.front(), step)) {
    ChooseObjects(indexes.front(), step);
    return false;
  }
  const int64_t at_once = step.apply_to ? step.apply_to->spec.max_concurrent : 1;
  int64_t working = 0;
  std::optional<actions::Wait> pause;
  for (size_t index : indexes) {
    const crds::StepProgress& progress = status().steps[index];
    if (IsOver(progress.state)) continue;
    // There is one intent: what may have been written is settled before anything else is.
    if (status().intent && status().intent->step != progress.id) continue;
    if (++working > at_once) break;
    Paused paused = AskStep(index, step);
    if (!paused) return false;
    if (indexes.size() > 1) {
      paused->progress = "object " + std::to_string(progress.id.item) + " of " +
                         std::to_string(indexes.size()) + ", " + progress.object->ToString() +
                         ": " + paused->progress;
    }
    if (!pause) {
      pause = std::move(paused);
    } else {
      pause->until = std::min(pause->until, paused->until);
      pause->passing = pause->passing && paused->passing;
    }
  }
  if (!pause) return true;
  if (pause->passing) {
    // It goes to the server with the next thing that is worth it.
    Does(std::move(pause->progress));
    WakeAt(pause->until);
    return false;
  }
  const auto end = ShouldStop();  // and yet it is here
  Idle(crds::reason::kRunning,
       (end ? "completes what was begun, then it stops (" + end->message + "): " : std::string()) +
           pause->progress,
       pause->until);
  return false;
}

Runner::Paused Runner::AskStep(size_t index, const policy::Step& step) {
  crds::StepProgress& progress = mutable_status().steps[index];
  const auto ref = RefOf(progress);
  if (!ref) {
    Idle(crds::refusal::kStaleView,
         "discovery does not know where " +
             progress.object.value_or(remediation().spec.target_ref).kind + " lives",
         Now() + services_.timing.retry_max);
    return std::nullopt;
  }
  if (progress.state == StepState::kPending) {
    progress.state = StepState::kRunning;
    progress.started_at = Now();
    dirty_ = true;
  }
  AtHand& hand = Hand(index);
  if (Now() >= hand.reread_at) hand.ForgetLive();
  if (progress.acted_at) return AskAfter(index, step);
  // One that may take hours is not only asked before its writes whether it is still wanted.
  if (step.action->NeedsCluster() && !status().intent) {
    if (std::optional<Paused> instead = MayAct(index, step)) return *std::move(instead);
  }
  const nlohmann::json memo = hand.wait_memo.is_null() ? progress.memo.Parse() : hand.wait_memo;
  return OnNext(index, step,
                step.action->Ask(memo, Observe(*ref, progress.id, *progress.started_at, hand)));
}

Runner::Paused Runner::OnNext(size_t index, const policy::Step& step, actions::Next next) {
  AtHand& hand = Hand(index);
  if (std::holds_alternative<actions::Read>(next)) {
    ReadObject(index);
    return std::nullopt;
  }
  if (auto* question = std::get_if<actions::DryRun>(&next)) {
    AskServer(index, std::move(question->request), /*look=*/std::nullopt);
    return std::nullopt;
  }
  if (auto* look = std::get_if<actions::Look>(&next)) {
    AskServer(index, std::move(look->request), std::move(look->name));
    return std::nullopt;
  }
  if (auto* write = std::get_if<actions::Write>(&next)) {
    return ExecuteWrite(index, step, std::move(*write));
  }
  if (auto* call = std::get_if<actions::Call>(&next)) {
    return ExecuteCall(index, step, std::move(*call));
  }
  if (auto* batch = std::get_if<actions::Batch>(&next)) {
    ExecuteBatch(index, step, std::move(*batch));
    return std::nullopt;
  }
  if (auto* settled = std::get_if<actions::Settled>(&next)) {
    OnSettled(index, *settled);
    return std::nullopt;
  }
  // Also of one that is refused, or held up before it has evicted anybody.
  const auto* held_up = std::get_if<actions::Wait>(&next);
  const bool begun = held_up == nullptr || !held_up->memo.is_null();
  if (step.action->NeedsCluster() && begun) ShowObjectsOf(index, step);
  KeepBlockedTime(held_up);
  if (auto* wait = std::get_if<actions::Wait>(&next)) {
    if (GivesBack(index, *wait)) return std::nullopt;
    hand.wait_memo = wait->memo;
    if (wait->reread) hand.reread_at = std::min(hand.reread_at, wait->until);
    return std::move(*wait);
  }
  // The action is over, so whatever was under way has been settled by reading.
  if (auto* done = std::get_if<actions::Done>(&next)) {
    if (status().intent) {
      const bool called = status().intent->verb == crds::Verb::kCall;
      write_ahead_.Resolve(crds::WriteOutcome::kApplied, hand.live.value_or(nlohmann::json()));
      if (called) services_.metrics.CountWritten(status(), Now());
      if (called && done->announcement.empty()) {
        Tell(runtime::Event::Type::kNormal, "RemedyApplied", done->message);
      }
    }
    if (!done->memo.is_null()) mutable_status().steps[index].memo = crds::RawJson(done->memo);
    if (step.action->NeedsCluster()) {
      Tell(runtime::Event::Type::kNormal, "DrainSucceeded", done->message);
    }
    if (!done->source.empty()) KeepEvidence(index, *done);
    if (!done->announcement.empty()) {
      Tell(runtime::Event::Type::kWarning, done->event, done->announcement);
    }
    if (step.apply_to && step.apply_to->wait_for) {
      crds::StepProgress& progress = mutable_status().steps[index];
      progress.acted_at = Now();
      progress.message = std::move(done->message);
      dirty_ = true;
      hand.ForgetLive();
      return AskAfter(index, step);
    }
    StepEnded(index, StepState::kSucceeded, std::move(done->message));
    return std::nullopt;
  }
  if (status().intent) {
    const bool said_no = hand.answer && !actions::IsOpen(actions::Judge(*hand.answer).outcome);
    write_ahead_.Resolve(said_no ? crds::WriteOutcome::kRejected : crds::WriteOutcome::kUnknown,
                         {});
  }
  if (auto* report = std::get_if<actions::Report>(&next)) {
    mutable_status().steps[index].state = StepState::kSkipped;
    mutable_status().steps[index].message = report->message;
    Finish({crds::Phase::kReported, report->reason, report->message});
    return std::nullopt;
  }
  if (auto* abort = std::get_if<actions::Abort>(&next)) {
    mutable_status().steps[index].state = StepState::kSkipped;
    mutable_status().steps[index].message = abort->message;
    Finish({crds::Phase::kCancelled, abort->reason, abort->message});
    return std::nullopt;
  }
  auto& failed = std::get<actions::Failed>(next);
  if (step.action->NeedsCluster()) {
    Tell(runtime::Event::Type::kWarning, "DrainFailed", failed.message);
  }
  StepEnded(index, StepState::kFailed, failed.reason + ": " + failed.message);
  return std::nullopt;
}

void Runner::StepEnded(size_t index, StepState state, std::string message) {
  crds::StepProgress& progress = mutable_status().steps[index];
  progress.state = state;
  progress.finished_at = Now();
  progress.message = message;
  Does(std::move(message));
  // The next step may change the same object again, knowing only what it reads itself.
  at_hand_.erase(index);
  seen_live_.reset();
  dirty_ = true;
  Advance();
}

void Runner::StepFailed(size_t index, const policy::Step& step) {
  if (step.spec.on_failure == crds::OnFailure::kRollback || step.action->TakesBackOnFailure()) {
    std::vector<size_t> changes = AttemptSteps(status(), *CurrentRung(status()));
    std::reverse(changes.begin(), changes.end());
    if (TakeBackNext(changes)) return;
  }
  const crds::StepProgress& progress = status().steps[index];
  RungFailed(crds::reason::kStepFailed,
             "step " + std::to_string(progress.id.step + 1) + " (" + progress.action + ") failed" +
                 (progress.object ? " on " + progress.object->ToString() : "") + ": " +
                 progress.message);
}

}  // namespace kr::remediation
