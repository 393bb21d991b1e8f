// Mode Observe: the whole plan, as it would be made now, and nothing written. The first write of
// each object is validated by the server (dry-run); what comes after it on the same object would
// start from a state that does not exist yet, so it is only written down.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using crds::WriteOutcome;

void Runner::AdvanceObserve() {
  if (observe_rung_ == policy_->remedies.size()) {
    return Finish({crds::Phase::kObserved, crds::reason::kObserved,
                   "this is what the policy would do; nothing was written (mode Observe)"});
  }
  const policy::Remedy& remedy = policy_->remedies[observe_rung_];
  if (observe_step_ == remedy.steps.size()) {
    ++observe_rung_;
    observe_step_ = 0;
    return Advance();
  }
  const policy::Step& step = remedy.steps[observe_step_];
  const auto ref = RefOf(step);
  if (!ref) {
    return Plan(step, step.action->Describe(), "", std::nullopt,
                "discovery does not know where " + step.spec.apply_to->ref->kind + " lives");
  }
  if (step.action->reversal() == actions::Reversal::kNothing) {
    return Plan(step, step.action->Describe(), "", std::nullopt, "");
  }
  ObserveNext(step, step.action->Ask(nullptr, Observe(*ref, Now())));
}

void Runner::ObserveNext(const policy::Step& step, actions::Next next) {
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
  if (std::find(validated_.begin(), validated_.end(), object) != validated_.end()) {
    return Plan(step, text, body, std::nullopt,
                "not validated: an earlier step changes the same object");
  }
  validated_.push_back(object);
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
  mutable_status().plan.push_back(
      {.id = {policy_->remedies[observe_rung_].name, 1, static_cast<int64_t>(observe_step_)},
       .action = std::string(step.action->kind()),
       .object = std::move(object),
       .text = std::move(text),
       .body = std::move(body),
       .validation = validation,
       .message = std::move(message)});
  dirty_ = true;
  ++observe_step_;
  ForgetLive();
  Advance();
}

}  // namespace kr::remediation
