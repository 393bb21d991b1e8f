// After a rung's steps: did it help, does it stay so, does anybody set our change back?
#include <algorithm>
#include <utility>

#include "controller/kube/request.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::Phase;
using policy::Verdict;

void Runner::AdvanceVerification() {
  if (!OwnWritesSeen()) {
    return Idle(crds::reason::kVerifying, "waiting for the cache to see our own write",
                Now() + services_.timing.recheck);
  }
  const document::DocumentPtr document = world_.Target(*policy_, target());
  if (!document || !IsTarget(*document)) {
    return Finish(TargetGone());
  }
  if (const auto step = RevertedStep(*document)) return OnReverted(*step);
  if (const auto step = RevertedElsewhere(*document)) return OnReverted(*step);

  const size_t rung = *CurrentRung(status());
  const policy::Remedy& remedy = policy_->remedies[rung];
  const crds::RemedyProgress& progress = status().remedies[rung];
  const absl::Time steps_done = progress.steps_done_at.value_or(Now());
  const policy::TargetView view(*policy_, document, world_.Around(*policy_),
                                {.now = Now(),
                                 .remediation = Facts(),
                                 .events_since = LastWrite(status(), rung).value_or(steps_done)});
  if (!verification_ && policy_->keeps_baseline) {
    callbacks_.remediated(*document, view, steps_done);
  }
  const policy::Evaluation evaluation = policy::Evaluate(*policy_, view);
  const Verdict cured = policy::Cured(evaluation);
  const Verdict verify = remedy.verify.empty() ? cured : policy::AllHold(remedy.verify, view);
  if (!verification_) {
    verification_.emplace(Verification::Limits{.steps_done_at = steps_done,
                                               .cure_within = remedy.cure_within,
                                               .stable_for = policy_->spec.recovery.stable_for});
  }
  Verification::Decision decision = verification_->Update(evaluation.symptom, cured, verify, Now());
  const absl::Time until = std::min({decision.until, evaluation.symptom.valid_until,
                                     evaluation.healthy.valid_until, verify.valid_until});
  if (decision.result != Verification::Result::kCured) confirmed_changes_.clear();
  switch (decision.result) {
    case Verification::Result::kCured:
      if (const auto step = UnconfirmedChange(*document)) return ConfirmChange(*step);
      mutable_status().remedies[rung].state = crds::RemedyState::kVerified;
      mutable_status().remedies[rung].finished_at = Now();
      return Finish(
          {Phase::kSucceeded, crds::reason::kCured,
           "remedy " + remedy.name + " cured " + remediation().spec.target_ref.ToString()});
    case Verification::Result::kEscalate:
      return RungFailed(crds::reason::kNotCured, std::move(decision.message));
    case Verification::Result::kSymptomChanged:
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

bool Runner::OwnWritesSeen() const {
  const crds::ObjectReference& target = remediation().spec.target_ref;
  for (const crds::StepProgress& step : status().steps) {
    for (const crds::WriteRecord& write : step.writes) {
      if (!SameTarget(write.object, target) || write.resource_version_after.empty()) continue;
      if (!world_.HasSeen(*policy_, target.name_space, write.resource_version_after)) return false;
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
    if (!object) object = target.ToJson();
    if (!step.action->EffectHolds(progress.memo.Parse(), *object)) return index;
  }
  return std::nullopt;
}

void Runner::OnReverted(size_t index) {
  // Who did it stands in managedFields, which the cache does not keep.
  const size_t rung = *CurrentRung(status());
  const auto ref = RefOf(status().steps[index]);
  if (!ref) return WakeAt(Now() + services_.timing.retry_max);
  busy_ = true;
  kube::HttpRequest request = kube::GetObject(ref->resource, ref->key);
  request.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(request), [weak = std::weak_ptr(self_), index,
                                          rung](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    Runner& runner = **self;
    runner.busy_ = false;
    if (!reply.ok()) {
      return runner.Idle(crds::reason::kVerifying,
                         "the object could not be read: " + std::string(Message(reply.status())),
                         runner.Now() + runner.services_.timing.retry_initial);
    }
    nlohmann::json live = nlohmann::json::parse(reply->body, nullptr, false);
    const crds::StepProgress& reverted = runner.status().steps[index];
    const crds::ObjectReference& target = runner.remediation().spec.target_ref;
    if (runner.CountRevert(live, reverted.object.value_or(target))) return;
    // Once more, by the same road: the action asks, the intent is written, the write is sent.
    for (size_t later : AttemptSteps(runner.status(), rung)) {
      if (later >= index) runner.mutable_status().steps[later].state = crds::StepState::kPending;
    }
    runner.mutable_status().remedies[rung].state = crds::RemedyState::kRunning;
    runner.mutable_status().remedies[rung].steps_done_at.reset();
    runner.mutable_status().holding.reset();
    runner.verification_.reset();
    runner.confirmed_changes_.clear();
    runner.checked_live_ = true;
    runner.at_hand_.clear();
    runner.Hand(index).live = std::move(live);
    runner.EnterPhase(Phase::kRunning, crds::reason::kRunning,
                      "our change was set back and is made once more");
    runner.Advance();
  });
}

}  // namespace kr::remediation
