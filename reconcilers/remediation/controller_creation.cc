// Making the Remediation of an admitted target: once, whatever becomes of the request.
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {

void Controller::EndCreation(const std::string& lineage) {
  const auto it = creating_.find(lineage);
  if (it == creating_.end()) return;
  const std::string name = it->second.object.metadata.name;
  creating_.erase(it);
  if (registry_.Find(name) != nullptr || !ledger_.Holds(name)) return;
  ledger_.Release(name);
  ConsiderBlocked();
}

void Controller::Create(policy::CompiledPolicyPtr policy, Draft draft) {
  const std::string lineage = LineageOf(draft.object);
  creating_[lineage] = draft;
  Account(draft.object);
  kube::HttpRequest request = kube::CreateObject(
      RemediationResource(), "", crds::ToJson(draft.object),
      {.field_manager = actions::kFieldManager, .server_timeout = options_.timing.write_timeout});
  request.timeout = options_.timing.write_timeout;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_), policy = std::move(policy),
             draft = std::move(draft)](StatusOr<kube::Reply> reply) mutable {
              if (auto self = weak.lock()) {
                (*self)->OnCreated(std::move(policy), std::move(draft), std::move(reply));
              }
            },
            {.permit = runtime::PermitNeed::kWrite});
}

void Controller::OnCreated(policy::CompiledPolicyPtr policy, Draft draft,
                           StatusOr<kube::Reply> reply) {
  if (stage_ != Stage::kLeading) return;
  const std::string lineage = LineageOf(draft.object);
  if (reply.ok()) {
    const auto object =
        crds::FromJson<crds::Remediation>(nlohmann::json::parse(reply->body, nullptr, false));
    if (object.ok()) {
      metrics_.remediations.With({"Created"}).Increment();
      metrics_.detect_seconds.Observe(
          absl::ToDoubleSeconds(engine_.clock().Now() - draft.start.detected_at));
      log::Info("Created remediation", {{"remediation", object->metadata.name},
                                        {"policy", policy->name},
                                        {"target", object->spec.target_ref.ToString()},
                                        {"trigger", draft.start.trigger}});
      Learn(*object);
      uncreated_.erase(lineage);
      EndCreation(lineage);
      TakeUp(*object, std::move(draft.start));
      return Report(policy->uid);
    }
  }
  const Status error = reply.status();
  const bool refused = absl::IsInvalidArgument(error) || absl::IsPermissionDenied(error);
  if (refused) {
    return CreationRefused(lineage, policy->uid,
                           "the API server refuses Remediation " + draft.object.metadata.name +
                               ": " + std::string(Message(error)));
  }
  if (runtime::IsNotSent(error)) {
    return RetryCreation(lineage, policy->uid, options_.timing.recheck);
  }
  // It may be there: a name that was taken may be our own success that was lost on the way.
  kube::HttpRequest request =
      kube::GetObject(RemediationResource(), {"", draft.object.metadata.name});
  request.timeout = options_.timing.write_timeout;
  api_.Send(std::move(request), [weak = std::weak_ptr(self_), policy = std::move(policy),
                                 draft = std::move(draft)](StatusOr<kube::Reply> existing) mutable {
    if (auto self = weak.lock()) {
      (*self)->OnExisting(std::move(policy), std::move(draft), std::move(existing));
    }
  });
}

void Controller::RetryCreation(const std::string& lineage, const std::string& policy_uid,
                               absl::Duration delay) {
  engine_.After(delay, [weak = std::weak_ptr(self_), lineage, policy_uid] {
    auto self = weak.lock();
    if (!self) return;
    (*self)->EndCreation(lineage);
    (*self)->ConsiderSoon(policy_uid);
  });
}

void Controller::CreationRefused(const std::string& lineage, const std::string& policy_uid,
                                 std::string why) {
  if (!uncreated_.contains(lineage)) {
    log::Error("Remediation could not be created", {{"why", why}});
  }
  uncreated_[lineage] = {.reason = limits::Reason::kPermissionDenied,
                         .message = std::move(why),
                         .next_check = engine_.clock().Now() + options_.timing.retry_max};
  EndCreation(lineage);
  ConsiderSoon(policy_uid);
}

std::optional<limits::Refusal> Controller::Uncreated(const std::string& lineage) {
  const auto found = uncreated_.find(lineage);
  if (found == uncreated_.end() || found->second.next_check <= engine_.clock().Now()) {
    return std::nullopt;
  }
  return found->second;
}

void Controller::OnExisting(policy::CompiledPolicyPtr policy, Draft draft,
                            StatusOr<kube::Reply> reply) {
  if (stage_ != Stage::kLeading) return;
  const std::string lineage = LineageOf(draft.object);
  const auto again = [&](absl::Duration delay) { RetryCreation(lineage, policy->uid, delay); };
  if (!reply.ok()) {
    if (absl::IsNotFound(reply.status())) return again(options_.timing.retry_initial);
    engine_.After(options_.timing.retry_initial,
                  [weak = std::weak_ptr(self_), policy, draft = std::move(draft)]() mutable {
                    auto self = weak.lock();
                    if (!self) return;
                    (*self)->OnCreated(policy, std::move(draft), Unavailable("not known yet"));
                  });
    return;
  }
  const auto object =
      crds::FromJson<crds::Remediation>(nlohmann::json::parse(reply->body, nullptr, false));
  if (!object.ok()) return again(options_.timing.retry_max);
  switch (limits::Judge(*object, policy->uid, lineage)) {
    case limits::Existing::kAdopt:
      Learn(*object);
      EndCreation(lineage);
      return TakeUp(*object, std::move(draft.start));
    case limits::Existing::kFinished:
      Learn(*object);
      return again(absl::ZeroDuration());
    case limits::Existing::kForeign:
      return CreationRefused(lineage, policy->uid,
                             "the name of Remediation " + object->metadata.name +
                                 " is taken by one that is not ours; delete it");
  }
}

}  // namespace kr::remediation
