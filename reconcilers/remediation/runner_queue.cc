// A drain that waits for a StatefulSet, or for room, before it has evicted anybody keeps its node
// out of use for nothing; with other drains that wait it may even be the room that all of them
// need. So it gives back what its rung holds of the node, and the rung begins again later, as if it
// had not begun.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::RemedyState;
using crds::StepState;

namespace {

constexpr absl::Duration kPatience = absl::Minutes(5);
constexpr absl::Duration kPause = absl::Minutes(5);

absl::Time QueuedUntil(const crds::RemediationStatus& status) {
  for (const crds::PhaseTime& time : status.phase_times) {
    if (time.phase == crds::Phase::kPending) return time.at + kPause;
  }
  return absl::InfinitePast();
}

}  // namespace

// True: it does, and nothing is to be waited for within the step.
bool Runner::GivesBack(size_t index, const actions::Wait& wait) {
  if (wait.blocked_by != "Quorum" && wait.blocked_by != "Room") return false;
  const crds::StepProgress& drain = status().steps[index];
  // Whatever held it up before, by this process or another: nobody has gone.
  if (!drain.writes.empty() || Now() < *drain.started_at + kPatience) return false;
  const size_t rung = *CurrentRung(status());
  const std::vector<size_t> attempt = AttemptSteps(status(), rung);
  // What was cordoned by somebody else, or by an earlier rung, stays so.
  if (std::none_of(attempt.begin(), attempt.end(),
                   [&](size_t step) { return IsOutstanding(status().steps[step]); })) {
    return false;
  }
  std::string message = "gives the node back and queues again, after " +
                        absl::FormatDuration(kPatience) + " without an eviction: " + wait.progress;
  for (const size_t step : attempt) {
    crds::StepProgress& progress = mutable_status().steps[step];
    if (progress.state != StepState::kPending && progress.state != StepState::kRunning) continue;
    progress.state = StepState::kSkipped;
    progress.finished_at = Now();
    if (step == index) progress.message = message;
  }
  crds::RemedyProgress& remedy = mutable_status().remedies[rung];
  remedy.state = RemedyState::kPending;
  remedy.reason = crds::refusal::kTargetBusy;
  remedy.message = message;
  checked_live_ = false;
  seen_live_.reset();
  at_hand_.clear();
  EnterPhase(crds::Phase::kPending, crds::refusal::kTargetBusy, std::move(message));
  Advance();
  return true;
}

bool Runner::IsQueued() const {
  const std::optional<size_t> rung = CurrentRung(status());
  if (!rung) return false;
  const crds::RemedyProgress& remedy = status().remedies[*rung];
  return remedy.state == RemedyState::kPending && remedy.reason == crds::refusal::kTargetBusy;
}

bool Runner::AdvanceQueue() {
  const size_t rung = *CurrentRung(status());
  std::vector<size_t> attempt = AttemptSteps(status(), rung);
  std::reverse(attempt.begin(), attempt.end());
  if (TakeBackNext(attempt)) return false;
  crds::RemedyProgress& remedy = mutable_status().remedies[rung];
  const bool gone = !status().manual &&
                    EvaluateCached(absl::InfinitePast()).symptom.value == signals::Tri::kFalse;
  const absl::Time until = QueuedUntil(status());
  if (Now() < until && !gone) {
    Idle(crds::refusal::kTargetBusy, remedy.message, until);
    return false;
  }
  // It was no attempt: nothing is left of it.
  for (const size_t step : attempt) {
    mutable_status().steps.erase(mutable_status().steps.begin() + static_cast<ptrdiff_t>(step));
  }
  --remedy.attempt;
  remedy.reason.clear();
  remedy.message.clear();
  at_hand_.clear();
  dirty_ = true;
  return true;
}

}  // namespace kr::remediation
