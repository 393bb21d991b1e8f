#include "reconcilers/remediation/ladder.h"

#include <algorithm>
#include <iterator>

#include "crds/v1alpha1/reasons.h"

namespace kr::remediation {

using crds::RemediationStatus;
using crds::RemedyState;
using crds::StepState;

namespace {

std::optional<absl::Time> LastApplied(const crds::StepProgress& step) {
  std::optional<absl::Time> last;
  for (const crds::WriteRecord& write : step.writes) {
    if (write.outcome != crds::WriteOutcome::kApplied) continue;
    last = std::max(last.value_or(write.intent_at), write.intent_at);
  }
  return last;
}

}  // namespace

void InitLadder(const policy::CompiledPolicy& policy, RemediationStatus& status) {
  status.remedies.clear();
  for (const policy::Remedy& remedy : policy.remedies) {
    status.remedies.push_back({.name = remedy.name});
  }
}

std::optional<size_t> CurrentRung(const RemediationStatus& status) {
  for (size_t i = 0; i < status.remedies.size(); ++i) {
    const RemedyState state = status.remedies[i].state;
    if (state != RemedyState::kFailed && state != RemedyState::kSkipped) return i;
  }
  return std::nullopt;
}

bool OnlyTells(const policy::Remedy& remedy) {
  return remedy.verify.empty() &&
         std::all_of(remedy.steps.begin(), remedy.steps.end(),
                     [](const policy::Step& step) { return step.action->kind() == "notify"; });
}

void StartRung(const policy::CompiledPolicy& policy, size_t index, absl::Time now,
               RemediationStatus& status) {
  const policy::Remedy& remedy = policy.remedies[index];
  crds::RemedyProgress& progress = status.remedies[index];
  const int64_t attempt = progress.attempt + 1;
  progress = {
      .name = remedy.name, .state = RemedyState::kRunning, .attempt = attempt, .started_at = now};
  for (size_t s = 0; s < remedy.steps.size(); ++s) {
    status.steps.push_back({.id = {remedy.name, attempt, static_cast<int64_t>(s)},
                            .action = std::string(remedy.steps[s].action->kind())});
  }
}

void SkipRung(size_t index, std::string_view message, absl::Time now, RemediationStatus& status) {
  crds::RemedyProgress& progress = status.remedies[index];
  progress.state = RemedyState::kSkipped;
  progress.message = message;
  progress.finished_at = now;
}

void FailRung(const policy::CompiledPolicy& policy, size_t index, std::string_view reason,
              std::string_view message, absl::Time now, RemediationStatus& status) {
  crds::RemedyProgress& progress = status.remedies[index];
  const bool again = progress.attempt < policy.remedies[index].attempts;
  const bool told = OnlyTells(policy.remedies[index]) && reason == crds::reason::kNotCured;
  progress.state = again  ? RemedyState::kPending
                   : told ? RemedyState::kSkipped
                          : RemedyState::kFailed;
  progress.reason = reason;
  progress.message = message;
  if (!again) progress.finished_at = now;
  for (size_t s : AttemptSteps(status, index)) {
    crds::StepProgress& step = status.steps[s];
    if (step.state != StepState::kPending && step.state != StepState::kRunning) continue;
    step.state = StepState::kSkipped;
    step.finished_at = now;
  }
}

std::vector<size_t> AttemptSteps(const RemediationStatus& status, size_t rung) {
  const crds::RemedyProgress& progress = status.remedies[rung];
  std::vector<size_t> indexes;
  for (size_t s = 0; s < status.steps.size(); ++s) {
    const crds::StepId& id = status.steps[s].id;
    if (id.remedy == progress.name && id.attempt == progress.attempt) indexes.push_back(s);
  }
  return indexes;
}

void SetObjects(size_t index, const std::vector<crds::ObjectReference>& objects,
                RemediationStatus& status) {
  std::vector<crds::StepProgress> entries;
  for (const crds::ObjectReference& object : objects) {
    crds::StepProgress& entry = entries.emplace_back(status.steps[index]);
    entry.id.item = static_cast<int64_t>(entries.size());
    entry.object = object;
  }
  const auto at = status.steps.begin() + static_cast<ptrdiff_t>(index);
  status.steps.insert(status.steps.erase(at), std::make_move_iterator(entries.begin()),
                      std::make_move_iterator(entries.end()));
}

bool DeletedTarget(const crds::Remediation& remediation) {
  const auto removes = [&](crds::Verb verb, const crds::ObjectReference& object) {
    return (verb == crds::Verb::kDelete || verb == crds::Verb::kEvict) &&
           object.uid == remediation.spec.target_ref.uid && !object.uid.empty();
  };
  const RemediationStatus& status = remediation.status;
  if (status.intent && removes(status.intent->verb, status.intent->object)) return true;
  return std::any_of(status.steps.begin(), status.steps.end(), [&](const crds::StepProgress& step) {
    return std::any_of(step.writes.begin(), step.writes.end(), [&](const auto& write) {
      return write.outcome == crds::WriteOutcome::kApplied && removes(write.verb, write.object);
    });
  });
}

void Describe(const policy::CompiledPolicy& policy, RemediationStatus& status) {
  const std::optional<size_t> rung = CurrentRung(status);
  if (!rung) return;
  status.remedy = policy.remedies[*rung].name;
  status.step.clear();
  for (size_t s : AttemptSteps(status, *rung)) {
    const crds::StepProgress& step = status.steps[s];
    if (step.state != StepState::kPending && step.state != StepState::kRunning) continue;
    status.step = std::to_string(step.id.step + 1) + "/" +
                  std::to_string(policy.remedies[*rung].steps.size()) + " " + step.action;
    const int64_t objects = std::count_if(
        status.steps.begin(), status.steps.end(), [&](const crds::StepProgress& other) {
          return other.id.remedy == step.id.remedy && other.id.attempt == step.id.attempt &&
                 other.id.step == step.id.step;
        });
    if (objects > 1) {
      status.step += " (" + std::to_string(step.id.item) + "/" + std::to_string(objects) + ")";
    }
    return;
  }
}

std::optional<absl::Time> LastWrite(const RemediationStatus& status, size_t rung) {
  std::optional<absl::Time> last;
  for (size_t s : AttemptSteps(status, rung)) last = std::max(last, LastApplied(status.steps[s]));
  return last;
}

absl::Time Answered(const RemediationStatus& status) {
  std::optional<absl::Time> last;
  for (const crds::StepProgress& step : status.steps) last = std::max(last, LastApplied(step));
  if (status.phase == crds::Phase::kReported && status.finished_at) return *status.finished_at;
  if (status.phase == crds::Phase::kSucceeded && !last) {
    for (const crds::RemedyProgress& remedy : status.remedies) {
      last = std::max(last, remedy.steps_done_at);
    }
  }
  return last.value_or(absl::InfinitePast());
}

bool HasWritten(const RemediationStatus& status) {
  return std::any_of(status.steps.begin(), status.steps.end(), [&](const crds::StepProgress& step) {
    if (step.action == "notify") return false;  // a webhook was told, nothing was done
    if (status.intent && status.intent->step == step.id) return true;
    return std::any_of(step.writes.begin(), step.writes.end(), [](const crds::WriteRecord& write) {
      return write.outcome == crds::WriteOutcome::kApplied;
    });
  });
}

}  // namespace kr::remediation
