// The plan of rungs as they would be carried out now, with nothing written: all of them in mode
// Observe, one before a person is asked to approve it. The first write of each object is validated
// by the server (dry-run); what comes after it on the same object would start from a state that
// does not exist yet, so it is only written down.
#include <algorithm>
#include <utility>

#include "controller/kube/request.h"
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
    return Finish(
        {crds::Phase::kObserved, crds::reason::kObserved,
         "this is what the policy would do; nothing was written (mode Observe)" +
             (policy_->spec.recovery.revert ? "; its changes would be taken back " +
                                                  policy::RevertText(*policy_->spec.recovery.revert)
                                            : std::string())});
  }
  const policy::Remedy& remedy = policy_->remedies[planning.rung];
  if (planning.step == remedy.steps.size()) {
    ++planning.rung;
    planning.step = 0;
    return AdvancePlanning();
  }
  const policy::Step& step = remedy.steps[planning.step];
  const std::string text = step.action->Describe();
  if (!planning.objects) {
    const policy::Surroundings& around = world_.Around(*policy_);
    const policy::TargetView view(*policy_, world_.Target(*policy_, target()), around,
                                  {.now = Now(), .remediation = Facts()});
    const bool own = !step.apply_to && !std::holds_alternative<crds::Apply>(step.spec.action);
    auto choice =
        own ? policy::Choice{{remediation().spec.target_ref}, 1} : Choose(step, view, around);
    planning.objects.emplace();
    planning.object = 0;
    if (!choice.ok()) {
      return Plan(step, std::nullopt, text, "", std::nullopt,
                  std::string(Message(choice.status())));
    }
    if (choice->objects.empty()) {
      return Plan(step, std::nullopt, text, "", std::nullopt, "there is no object to work on");
    }
    planning.objects = std::move(choice->objects);
  }
  if (planning.object == planning.objects->size()) {
    planning.objects.reset();
    ++planning.step;
    return Advance();
  }
  if (step.action->reversal() == actions::Reversal::kNothing) {
    return Plan(step, std::nullopt, text, "", std::nullopt, "");
  }
  const crds::ObjectReference object = (*planning.objects)[planning.object];
  const auto ref = RefOf(object);
  if (!ref) {
    return Plan(step, object, text, "", std::nullopt,
                "discovery does not know where " + object.kind + " lives");
  }
  if (step.action->NeedsCluster()) return PlanForeseen(step, object, *ref);
  PlanNext(step, object,
           step.action->Ask(nullptr, Observe(*ref, PlannedId(step), Now(), planning.hand)));
}

void Runner::PlanForeseen(const policy::Step& step, const crds::ObjectReference& object,
                          const actions::ObjectRef& ref) {
  if (!services_.drains.Missing().empty()) {
    return Idle(crds::refusal::kStaleView,
                "reading what is around " + object.ToString() + ": " + services_.drains.Missing(),
                Now() + services_.timing.retry_max);
  }
  const actions::Observed observed = Observe(ref, PlannedId(step), Now(), planning_->hand);
  if (auto look = step.action->BeforeForesee(observed)) return LookToPlan(*std::move(look));
  const auto lines = step.action->Foresee(observed);
  const std::string action(step.action->kind());
  for (const actions::Foreseen& line : lines) {
    planning_->plan.push_back({.id = PlannedId(step),
                               .action = action,
                               .object = line.object,
                               .text = line.text,
                               .message = line.message});
  }
  Plan(step, object, step.action->Describe(), "", std::nullopt,
       lines.empty() ? "there is nothing to do" : "");
}

void Runner::PlanNext(const policy::Step& step, const crds::ObjectReference& object,
                      actions::Next next) {
  const actions::ObjectRef ref = *RefOf(object);
  if (std::holds_alternative<actions::Read>(next)) {
    return TryFetch(ref, [this](StatusOr<nlohmann::json> live) {
      if (!live.ok()) return PlanUnread(live.status());
      planning_->hand.live = *std::move(live);
      Advance();
    });
  }
  if (auto* look = std::get_if<actions::Look>(&next)) return LookToPlan(std::move(*look));
  const std::string text = step.action->Describe();
  if (auto* report = std::get_if<actions::Report>(&next)) {
    return Plan(step, object, text, "", std::nullopt, report->message);
  }
  if (auto* failed = std::get_if<actions::Failed>(&next)) {
    return Plan(step, object, text, "", WriteOutcome::kRejected, failed->message);
  }
  if (std::holds_alternative<actions::Done>(next)) {
    return Plan(step, object, text, "", WriteOutcome::kUnchanged, "it is already so");
  }
  if (auto* wait = std::get_if<actions::Wait>(&next)) {
    return Plan(step, object, text, "", std::nullopt, "not known yet: " + wait->progress);
  }
  if (auto* call = std::get_if<actions::Call>(&next)) {
    return Plan(step, object, text, call->body, std::nullopt,
                "not validated: a webhook is not called for a plan");
  }
  if (auto* abort = std::get_if<actions::Abort>(&next)) {
    return Plan(step, object, text, "", WriteOutcome::kRejected, abort->message);
  }
  auto* dry_run = std::get_if<actions::DryRun>(&next);
  auto* write = std::get_if<actions::Write>(&next);
  if (write == nullptr && dry_run == nullptr) return Plan(step, object, text, "", std::nullopt, "");
  kube::HttpRequest request = write ? std::move(write->request) : std::move(dry_run->request);
  const std::string body = request.body;
  std::vector<std::string>& validated = planning_->validated;
  const std::string name = ref.resource.plural + "/" + ref.key.ToString();
  if (std::find(validated.begin(), validated.end(), name) != validated.end()) {
    return Plan(step, object, text, body, std::nullopt,
                "not validated: an earlier step changes the same object");
  }
  validated.push_back(name);
  if (write && request.method == "DELETE") {
    // The server reads the body or the query, not both.
    nlohmann::json options = nlohmann::json::parse(request.body);
    options["dryRun"] = {"All"};
    request.body = options.dump();
  } else if (write) {
    request.target += request.target.find('?') == std::string::npos ? "?dryRun=All" : "&dryRun=All";
  }
  request.timeout = services_.timing.write_timeout;
  busy_ = true;
  services_.api.Send(std::move(request), [weak = std::weak_ptr(self_), &step, object, text,
                                          body](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->busy_ = false;
    (*self)->Plan(step, object, text, body,
                  reply.ok() ? WriteOutcome::kValidated : WriteOutcome::kRejected,
                  reply.ok() ? "" : std::string(Message(reply.status())));
  });
}

void Runner::LookToPlan(actions::Look look) {
  busy_ = true;
  look.request.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(look.request), [weak = std::weak_ptr(self_),
                                               name = look.name](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->busy_ = false;
    if (!reply.ok() && !absl::IsNotFound(reply.status())) {
      return (*self)->PlanUnread(reply.status());
    }
    (*self)->Answered();
    auto found = reply.ok() ? nlohmann::json::parse(reply->body, nullptr, false) : nlohmann::json();
    (*self)->planning_->hand.looked[name] = {std::move(found), (*self)->Now()};
    (*self)->Advance();
  });
}

void Runner::PlanUnread(const Status& error) {
  std::string message = "what the plan rests on could not be read: " + std::string(Message(error));
  if (absl::IsPermissionDenied(error)) {
    return Fail(crds::refusal::kPermissionDenied, std::move(message));
  }
  Idle(crds::refusal::kStaleView, std::move(message), NextTry());
}

crds::StepId Runner::PlannedId(const policy::Step& step) const {
  const Planning& planning = *planning_;
  const bool chosen = step.apply_to && !planning.objects->empty();
  // Only what was never begun is planned: the attempt is the next one.
  return {.remedy = policy_->remedies[planning.rung].name,
          .attempt = status().remedies[planning.rung].attempt + 1,
          .step = static_cast<int64_t>(planning.step),
          .item = chosen ? static_cast<int64_t>(planning.object) + 1 : 0};
}

void Runner::Plan(const policy::Step& step, const std::optional<crds::ObjectReference>& object,
                  std::string text, std::string body, std::optional<WriteOutcome> validation,
                  std::string message) {
  Planning& planning = *planning_;
  planning.plan.push_back({.id = PlannedId(step),
                           .action = std::string(step.action->kind()),
                           .object = object,
                           .text = std::move(text),
                           .body = std::move(body),
                           .validation = validation,
                           .message = std::move(message)});
  if (planning.objects->empty()) {
    planning.objects.reset();
    ++planning.step;
  } else {
    ++planning.object;
  }
  planning.hand = {};
  Advance();
}

}  // namespace kr::remediation
