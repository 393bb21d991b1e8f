// The plan of rungs as they would be carried out now, with nothing written: all of them in mode
// Observe, one before a person is asked to approve it. The first write of each object is validated
// by the server (dry-run); what comes after it on the same object would start from a state that
// does not exist yet, so it is only written down.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::WriteOutcome;

bool Runner::Observes() const {
  // By hand the stricter mode holds; of an episode the mode is the policy's when it began.
  return remediation().spec.mode == crds::Mode::kObserve ||
         (status().manual && policy_->spec.mode == crds::Mode::kObserve);
}

void Runner::AdvanceObserve() {
  planning_ = Planning{.end = policy_->remedies.size()};
  AdvancePlanning();
}

void Runner::AdvancePlanning() {
  Planning& planning = *planning_;
  if (planning.rung == planning.end) {
    std::vector<crds::PlannedStep> plan = std::move(planning.plan);
    planning_.reset();
    if (!Observes()) return OnRungPlanned(std::move(plan));
    mutable_status().plan = std::move(plan);
    return Finish({crds::Phase::kObserved, crds::reason::kObserved,
                   "this is what the policy would do; nothing was written (mode Observe)"});
  }
  const policy::Remedy& remedy = policy_->remedies[planning.rung];
  if (planning.step == remedy.steps.size()) {
    ++planning.rung;
    planning.step = 0;
    return AdvancePlanning();
  }
  const policy::Step& step = remedy.steps[planning.step];
  const auto ref = RefOf(step);
  if (!ref) {
    return Plan(step, step.action->Describe(), "", std::nullopt,
                "discovery does not know where " + step.spec.apply_to->ref->kind + " lives");
  }
  if (step.action->reversal() == actions::Reversal::kNothing) {
    return Plan(step, step.action->Describe(), "", std::nullopt, "");
  }
  PlanNext(step, step.action->Ask(nullptr, Observe(*ref, Now())));
}

void Runner::PlanNext(const policy::Step& step, actions::Next next) {
  const actions::ObjectRef ref = *RefOf(step);
  if (std::holds_alternative<actions::Read>(next)) return ReadObject(ref);
  const std::string text = step.action->Describe();
  if (auto* report = std::get_if<actions::Report>(&next)) {
    return Plan(step, text, "", std::nullopt, report->message);
  }
  if (auto* failed = std::get_if<actions::Failed>(&next)) {
    return Plan(step, text, "", WriteOutcome::kRejected, failed->message);
  }
  if (std::holds_alternative<actions::Done>(next)) {
    return Plan(step, text, "", WriteOutcome::kUnchanged, "it is already so");
  }
  auto* dry_run = std::get_if<actions::DryRun>(&next);
  auto* write = std::get_if<actions::Write>(&next);
  if (write == nullptr && dry_run == nullptr) return Plan(step, text, "", std::nullopt, "");
  kube::HttpRequest request = write ? std::move(write->request) : std::move(dry_run->request);
  const std::string body = request.body;
  const std::string object = ref.resource.plural + "/" + ref.key.ToString();
  std::vector<std::string>& validated = planning_->validated;
  if (std::find(validated.begin(), validated.end(), object) != validated.end()) {
    return Plan(step, text, body, std::nullopt,
                "not validated: an earlier step changes the same object");
  }
  validated.push_back(object);
  if (write)
    request.target += request.target.find('?') == std::string::npos ? "?dryRun=All" : "&dryRun=All";
  request.timeout = services_.timing.write_timeout;
  busy_ = true;
  services_.api.Send(std::move(request), [weak = std::weak_ptr(self_), &step, text,
                                          body](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->busy_ = false;
    (*self)->Plan(step, text, body, reply.ok() ? WriteOutcome::kValidated : WriteOutcome::kRejected,
                  reply.ok() ? "" : std::string(Message(reply.status())));
  });
}

void Runner::Plan(const policy::Step& step, std::string text, std::string body,
                  std::optional<WriteOutcome> validation, std::string message) {
  std::optional<crds::ObjectReference> object;
  if (step.action->reversal() != actions::Reversal::kNothing) {
    object = remediation().spec.target_ref;
    if (step.spec.apply_to && step.spec.apply_to->ref) {
      const crds::ApplyToRef& ref = *step.spec.apply_to->ref;
      object = crds::ObjectReference{ref.api_version, ref.kind, ref.name_space, ref.name, ""};
    }
  }
  Planning& planning = *planning_;
  // Only what was never begun is planned: the attempt is the next one.
  const int64_t attempt = status().remedies[planning.rung].attempt + 1;
  planning.plan.push_back(
      {.id = {policy_->remedies[planning.rung].name, attempt, static_cast<int64_t>(planning.step)},
       .action = std::string(step.action->kind()),
       .object = std::move(object),
       .text = std::move(text),
       .body = std::move(body),
       .validation = validation,
       .message = std::move(message)});
  ++planning.step;
  ForgetLive();
  Advance();
}

}  // namespace kr::remediation
