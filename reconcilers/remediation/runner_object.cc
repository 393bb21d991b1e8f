// What actions ask to see: the live object, what the server would make of a request, what is
// around.
#include <algorithm>
#include <utility>

#include "controller/kube/api_error.h"
#include "controller/kube/request.h"
#include "crds/meta/json_find.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {
namespace {

// Whether asking again would get the same answer. A conflict is one when it is about who owns a
// field, not when the object has changed since it was read.
bool IsRefusal(const Status& error) {
  if (absl::IsInvalidArgument(error)) return true;
  const auto api = kube::GetApiError(error);
  return absl::IsAborted(error) && api && api->HasCause("FieldManagerConflict");
}

}  // namespace

actions::Observed Runner::Observe(const actions::ObjectRef& ref, const crds::StepId& step,
                                  absl::Time step_started, const AtHand& hand) {
  // A plan is compared with the one that was shown as of then: what changes by time alone is no
  // other plan.
  std::optional<absl::Time> as_of;
  if (planning_ && !Observes()) {
    if (const crds::ApprovalRecord* request = FindRequest(planning_->rung)) {
      as_of = request->requested_at;
    }
  }
  actions::Observed observed{.ref = ref,
                             .live = hand.live,
                             .dry_run = hand.dry_run,
                             .dry_run_refused = hand.dry_run_refused,
                             .looked = hand.looked,
                             .answer = hand.answer,
                             .cluster = &services_.drains.cluster(),
                             .cluster_missing = services_.drains.Missing(),
                             .tried = &hand.tried,
                             .approved = IsApproved(step),
                             .means_control_plane = policy_->spec.target.include_control_plane,
                             .own_pod_uid = services_.own_pod_uid,
                             .remediation = &remediation(),
                             .step = step,
                             .planning = planning_.has_value(),
                             .node_jobs = &services_.node_jobs,
                             .refusal = hand.refusal,
                             .now = as_of.value_or(Now()),
                             .step_started = as_of.value_or(step_started),
                             .stopping = ShouldStop().has_value(),
                             .server_timeout = services_.timing.write_timeout};
  observed.find = [this](const kube::GroupVersionKind& gvk) { return world_.Find(gvk); };
  observed.evaluate = [this, as_of, it = hand.live.value_or(nlohmann::json())](
                          const cel::Program& program) -> StatusOr<nlohmann::json> {
    if (!OwnWritesSeen()) return Unavailable("the cache has not seen our own write yet");
    const absl::Time now = as_of.value_or(Now());
    const policy::TargetView view(*policy_, world_.Target(*policy_, target()),
                                  world_.Around(*policy_), {.now = now, .remediation = Facts()});
    const bool reads_it = program.ReadsVariable("it");
    const policy::ItView with_it(view, reads_it ? cel::Value::FromJson(it) : cel::Value());
    const cel::Outcome outcome = program.Evaluate(with_it, now);
    // What changes by time alone has to be looked at again then.
    if (!as_of) WakeAt(outcome.valid_until);
    KR_RETURN_IF_ERROR(outcome.value.status());
    return outcome.value->ToJson();
  };
  return observed;
}

bool Runner::IsApproved(const crds::StepId& step) const {
  return std::any_of(status().approvals.begin(), status().approvals.end(),
                     [&](const crds::ApprovalRecord& record) {
                       return record.remedy == step.remedy && record.attempt == step.attempt &&
                              record.state == crds::ApprovalState::kApproved;
                     });
}

void Runner::AskServer(size_t index, kube::HttpRequest question, std::optional<std::string> look) {
  busy_ = true;
  question.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(question), [weak = std::weak_ptr(self_), index,
                                           look = std::move(look)](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->busy_ = false;
    (*self)->OnAnswer(index, look, std::move(reply));
  });
}

void Runner::OnAnswer(size_t index, const std::optional<std::string>& look,
                      StatusOr<kube::Reply> reply) {
  AtHand& hand = Hand(index);
  // A dry-run that the server will not take, or a kind that there is not: the action decides what
  // that means.
  const bool no = look ? absl::IsNotFound(reply.status()) : IsRefusal(reply.status());
  if (reply.ok() || no) {
    auto answer =
        reply.ok() ? nlohmann::json::parse(reply->body, nullptr, false) : nlohmann::json();
    if (look) {
      hand.looked[*look] = {std::move(answer), Now()};
    } else {
      hand.dry_run = std::move(answer);
      hand.dry_run_refused = reply.status();
    }
    return Advance();
  }
  if (EndsUnread(index, reply.status())) return;
  // Gone, or the server is away: from the beginning, later.
  hand.ForgetLive();
  Idle(crds::reason::kRunning,
       (look ? "what is around the object could not be read: " : "dry-run: ") +
           std::string(Message(reply.status())),
       Now() + services_.timing.retry_max);
}

bool Runner::EndsUnread(size_t index, const Status& error) {
  // What was begun has to be completed, and what is taken back is not a step any more.
  if (!absl::IsPermissionDenied(error) || InSection()) return false;
  if (status().steps[index].state != crds::StepState::kRunning) return false;
  if (status().intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
  StepEnded(index, crds::StepState::kFailed,
            std::string(crds::refusal::kPermissionDenied) +
                ": the API server refused: " + std::string(Message(error)));
  return true;
}

void Runner::TryFetch(const actions::ObjectRef& ref,
                      std::function<void(StatusOr<nlohmann::json> live)> then) {
  busy_ = true;
  kube::HttpRequest request = kube::GetObject(ref.resource, ref.key);
  request.timeout = services_.timing.write_timeout;
  services_.api.Send(std::move(request), [weak = std::weak_ptr(self_),
                                          then = std::move(then)](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->busy_ = false;
    if ((*self)->deleted_) return (*self)->Stopped();
    if (!reply.ok() && !absl::IsNotFound(reply.status())) return then(reply.status());
    (*self)->Answered();
    if (!reply.ok()) return then(nlohmann::json());
    then(nlohmann::json::parse(reply->body, nullptr, false));
  });
}

void Runner::Fetch(const actions::ObjectRef& ref, std::function<void(nlohmann::json live)> then) {
  TryFetch(ref, [this, then = std::move(then)](StatusOr<nlohmann::json> live) {
    if (live.ok()) return then(*std::move(live));
    FetchLater(live.status());
  });
}

void Runner::FetchLater(const Status& error) {
  Idle(ReasonOfPhase(), "the object could not be read: " + std::string(Message(error)), NextTry());
}

absl::Time Runner::NextTry() {
  pause_ = std::clamp(pause_ * 2, services_.timing.retry_initial, services_.timing.retry_max);
  return Now() + pause_;
}

void Runner::ReadObject(size_t index) {
  const actions::ObjectRef ref = *RefOf(status().steps[index]);
  Hand(index).ForgetLive();
  TryFetch(ref, [this, index, uid = ref.uid](StatusOr<nlohmann::json> read) {
    if (!read.ok()) {
      if (EndsUnread(index, read.status())) return;
      return FetchLater(read.status());
    }
    nlohmann::json live = *std::move(read);
    const std::string found = crds::FindText(live, {"metadata", "uid"});
    if (!uid.empty() && !found.empty() && found != uid) live = nlohmann::json();
    // An object that was named is from now on this one and no namesake of it.
    std::optional<crds::ObjectReference>& object = mutable_status().steps[index].object;
    if (object && object->uid.empty()) object->uid = found;
    Hand(index).live = std::move(live);
    Advance();
  });
}

}  // namespace kr::remediation
