// Sections that an action has begun and must complete: between two writes to one object, or between
// its deletion and its return, nobody stops it.
#include <vector>

#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

std::vector<size_t> Runner::BegunSections() const {
  const std::optional<size_t> rung = CurrentRung(status());
  if (!rung || status().remedies[*rung].state != crds::RemedyState::kRunning) return {};
  std::vector<size_t> begun = AttemptSteps(status(), *rung);
  std::erase_if(begun, [&](size_t index) {
    const crds::StepProgress& progress = status().steps[index];
    return progress.state != crds::StepState::kRunning || progress.memo.empty() ||
           !StepAt(*rung, progress).action->HasSections();
  });
  return begun;
}

bool Runner::InSection() const {
  for (const size_t index : BegunSections()) {
    const crds::StepProgress& progress = status().steps[index];
    actions::Observed observed{.remediation = &remediation(), .step = progress.id, .now = Now()};
    if (const auto ref = RefOf(progress)) observed.ref = *ref;
    if (const auto hand = at_hand_.find(index); hand != at_hand_.end()) {
      observed.live = hand->second.live;
      observed.looked = hand->second.looked;
    }
    const actions::Action& action = *StepAt(*CurrentRung(status()), progress).action;
    if (action.MustComplete(progress.memo.Parse(), observed)) return true;
  }
  return false;
}

std::string Runner::SectionOutcome() const {
  const std::optional<size_t> rung = CurrentRung(status());
  std::string outcome;
  for (const size_t index : rung ? AttemptSteps(status(), *rung) : std::vector<size_t>()) {
    const crds::StepProgress& progress = status().steps[index];
    if (progress.writes.empty() || !StepAt(*rung, progress).action->HasSections()) continue;
    // A step that is left after its section has not ended; its last write says how far it came.
    outcome = progress.message.empty() ? status().message : progress.message;
  }
  return outcome;
}

std::optional<Runner::End> Runner::MayStop() const {
  std::optional<End> end = ShouldStop();
  if (!end || InSection()) return std::nullopt;
  if (const std::string outcome = SectionOutcome(); !outcome.empty()) {
    end->message += "; what had been begun was completed first: " + outcome;
  }
  return end;
}

}  // namespace kr::remediation
