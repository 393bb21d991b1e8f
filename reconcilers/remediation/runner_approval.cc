// Before a rung begins: one that was made by hand waits until it is admitted, one of mode Approve
// until a person has said yes to its plan. Both hold no slot while they wait, and take one, with
// everything checked again, in the moment in which they go on.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/plan_hash.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::ApprovalRecord;
using crds::ApprovalState;
using crds::Phase;
using signals::Tri;

namespace {

// As much of a hash as people compare.
std::string Short(const std::string& hash) {
  return hash.substr(0, 12);
}

// In place of the hash of a plan that nobody was shown yet.
constexpr char kNotShown[] = "0";

// A question about the next attempt of a remedy, in place of the one before. Its plan is made as of
// `now`, which is kept to the microsecond: the hash is made of what can be read again.
void OpenRequest(const crds::RemedyProgress& remedy, ApprovalRecord* before, absl::Time now,
                 crds::RemediationStatus& status) {
  const absl::Time stored = absl::FromUnixMicros(absl::ToUnixMicros(now));
  ApprovalRecord request{.remedy = remedy.name,
                         .attempt = remedy.attempt + 1,
                         .plan_hash = kNotShown,
                         .requested_at = stored,
                         .expires_at = stored};
  if (before != nullptr) {
    *before = std::move(request);
  } else {
    status.approvals.push_back(std::move(request));
  }
}

PlanIdentity IdentityOf(const crds::Remediation& remediation, const ApprovalRecord& request) {
  return {remediation.spec.target_ref.uid, request.remedy, request.attempt, request.requested_at};
}

}  // namespace

void Runner::AdvancePending() {
  if (!Observes()) {
    if (auto refusal = world_.Admissible(remediation())) return Idle(*refusal);
  }
  EnterPhase(Phase::kRunning, crds::reason::kRunning, "checking the target live");
  callbacks_.claim(remediation(), {});  // the slot: from now on nobody else gets it
  Advance();
}

bool Runner::NeedsApproval(size_t rung) const {
  return remediation().spec.mode == crds::Mode::kApprove ||
         policy_->spec.remedies[rung].mode == crds::RemedyMode::kApprove ||
         world_.WantsApproval(remediation(), policy_->remedies[rung].name);
}

ApprovalRecord* Runner::FindRequest(size_t rung) {
  const crds::RemedyProgress& progress = status().remedies[rung];
  for (ApprovalRecord& request : mutable_status().approvals) {
    if (request.remedy == progress.name && request.attempt == progress.attempt + 1) return &request;
  }
  return nullptr;
}

void Runner::AdvanceApproval() {
  const std::optional<size_t> rung = CurrentRung(status());
  ApprovalRecord* request = rung ? FindRequest(*rung) : nullptr;
  // The policy does not ask any more.
  if (request == nullptr || !NeedsApproval(*rung)) {
    if (auto refusal = world_.Admissible(remediation())) return Idle(*refusal);
    return CheckLive();
  }
  if (TakeDecision(*request)) return;
  // Over: the plan is made anew, as things are now.
  if (Now() >= request->expires_at) return CheckLive();
  if (request->state == ApprovalState::kApproved) {
    if (auto refusal = world_.Admissible(remediation())) {
      WakeAt(request->expires_at);
      return Idle(*refusal);
    }
    return CheckLive();
  }
  if (!status().manual && OwnWritesSeen() &&
      EvaluateCached(absl::InfinitePast()).symptom.value == Tri::kFalse) {
    return CheckLive();  // ends it, if the server says the same
  }
  AwaitPerson(*request, status().reason == crds::refusal::kPlanChanged);
}

void Runner::AwaitPerson(const ApprovalRecord& request, bool changed) {
  std::string message =
      changed ? "the plan of remedy " + request.remedy + " has changed since it was shown; plan "
              : "remedy " + request.remedy + " waits for a person; plan ";
  message += Short(request.plan_hash) + " is in status.plan: kubectl remedy approve " +
             remediation().metadata.name;
  const std::string_view reason =
      changed ? crds::refusal::kPlanChanged : crds::refusal::kApprovalRequired;
  if (status().phase != Phase::kAwaitingApproval) {
    EnterPhase(Phase::kAwaitingApproval, reason, message);
    callbacks_.released(remediation());
  }
  Idle(reason, std::move(message), request.expires_at);
}

bool Runner::TakeDecision(ApprovalRecord& request) {
  const std::vector<crds::Approval>& answers = remediation().spec.approvals;
  const auto answer = std::find_if(answers.begin(), answers.end(), [&](const crds::Approval& one) {
    return one.remedy == request.remedy;
  });
  if (answer == answers.end()) return false;
  const bool denied = answer->decision == crds::Decision::kDeny;
  // Whoever says no means the remedy, not one rendering of it.
  if (!denied && (request.state != ApprovalState::kRequested || request.plan_hash == kNotShown ||
                  answer->plan_hash != request.plan_hash || Now() >= request.expires_at)) {
    return false;
  }
  request.state = denied ? ApprovalState::kDenied : ApprovalState::kApproved;
  request.by = answer->by;
  request.decided_at = Now();
  dirty_ = true;
  if (denied) {
    Fail(crds::reason::kDenied, answer->by + " denied remedy " + request.remedy +
                                    "; no later remedy is tried. Changes that were made stay.");
    return true;
  }
  request.expires_at = Now() + services_.timing.approval;
  Tell(runtime::Event::Type::kNormal, "RemedyApproved",
       answer->by + " approved remedy " + request.remedy + " (plan " + Short(request.plan_hash) +
           ")");
  return false;
}

void Runner::PlanForApproval(size_t rung) {
  const ApprovalRecord* request = FindRequest(rung);
  if (request == nullptr || Now() >= request->expires_at) {
    OpenRequest(status().remedies[rung], FindRequest(rung), Now(), mutable_status());
  }
  at_hand_.clear();
  planning_ = Planning{.rung = rung, .end = rung + 1};
  AdvancePlanning();
}

void Runner::OnRungPlanned(std::vector<crds::PlannedStep> plan) {
  const size_t rung = *CurrentRung(status());
  ApprovalRecord* request = FindRequest(rung);
  if (TakeDecision(*request)) return;
  const bool shown_as_changed = status().reason == crds::refusal::kPlanChanged;
  if (request->plan_hash == kNotShown) return AskPerson(rung, std::move(plan), shown_as_changed);
  const bool same = PlanHash(IdentityOf(remediation(), *request), plan) == request->plan_hash;
  if (same && Now() < request->expires_at) {
    // Nobody has answered yet, and there is nothing new to look at.
    if (request->state != ApprovalState::kApproved) return AwaitPerson(*request, shown_as_changed);
    if (!TakeSlot() || !TakeLocks(rung)) return;
    StartRung(*policy_, rung, Now(), mutable_status());
    verification_.reset();
    checked_live_ = true;
    at_hand_.clear();
    KeepRecord(policy_->remedies[rung]);
    return Advance();
  }
  if (!same) mutable_status().reason = crds::refusal::kPlanChanged;
  // Once more, as of now: that is what is shown.
  OpenRequest(status().remedies[rung], request, Now(), mutable_status());
  planning_ = Planning{.rung = rung, .end = rung + 1};
  AdvancePlanning();
}

void Runner::AskPerson(size_t rung, std::vector<crds::PlannedStep> plan, bool changed) {
  crds::RemediationStatus& status = mutable_status();
  ApprovalRecord* request = FindRequest(rung);
  request->plan_hash = PlanHash(IdentityOf(remediation(), *request), plan);
  request->expires_at = request->requested_at + services_.timing.approval;
  std::erase_if(status.plan,
                [&](const crds::PlannedStep& step) { return step.id.remedy == request->remedy; });
  // In the order of the ladder.
  const auto after = std::find_if(status.plan.begin(), status.plan.end(), [&](const auto& step) {
    for (size_t later = rung + 1; later < policy_->remedies.size(); ++later) {
      if (policy_->remedies[later].name == step.id.remedy) return true;
    }
    return false;
  });
  status.plan.insert(after, std::make_move_iterator(plan.begin()),
                     std::make_move_iterator(plan.end()));
  Tell(
      runtime::Event::Type::kNormal,
      std::string(changed ? crds::refusal::kPlanChanged : crds::refusal::kApprovalRequired),
      "remedy " + request->remedy + " waits for a person (plan " + Short(request->plan_hash) + ")");
  dirty_ = true;
  last_save_ = MonotonicTime();  // a new question is news
  AwaitPerson(*request, changed);
}

std::optional<crds::ObjectReference> Runner::NotApproved(
    size_t index, const policy::Step& step, std::span<const crds::ObjectReference> objects) const {
  if (step.action->reversal() == actions::Reversal::kNothing) return std::nullopt;
  const crds::StepId& id = status().steps[index].id;
  const std::vector<ApprovalRecord>& records = status().approvals;
  const bool approved = std::any_of(records.begin(), records.end(), [&](const auto& record) {
    return record.remedy == id.remedy && record.attempt == id.attempt &&
           record.state == ApprovalState::kApproved;
  });
  if (!approved) return std::nullopt;
  for (const crds::ObjectReference& object : objects) {
    const bool shown = std::any_of(
        status().plan.begin(), status().plan.end(), [&](const crds::PlannedStep& planned) {
          return planned.id.remedy == id.remedy && planned.id.attempt == id.attempt &&
                 planned.id.step == id.step && planned.object &&
                 SameTarget(*planned.object, object);
        });
    if (!shown) return object;
  }
  return std::nullopt;
}

void Runner::AskAgain(size_t rung) {
  crds::RemediationStatus& status = mutable_status();
  crds::RemedyProgress& progress = status.remedies[rung];
  std::erase_if(status.steps, [&](const crds::StepProgress& step) {
    return step.id.remedy == progress.name && step.id.attempt == progress.attempt;
  });
  progress.state = crds::RemedyState::kPending;
  --progress.attempt;
  checked_live_ = false;
  at_hand_.clear();
  status.reason = crds::refusal::kPlanChanged;
  OpenRequest(progress, FindRequest(rung), Now(), status);
  planning_ = Planning{.rung = rung, .end = rung + 1};
  AdvancePlanning();
}

bool Runner::TakeSlot() {
  if (status().phase != Phase::kAwaitingApproval) return true;
  if (auto refusal = world_.Admissible(remediation())) {
    Idle(*refusal);
    return false;
  }
  EnterPhase(Phase::kRunning, crds::reason::kRunning, "the steps begin");
  callbacks_.claim(remediation(), {});
  return true;
}

}  // namespace kr::remediation
