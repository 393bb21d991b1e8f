// Remediations that people make to run a policy by hand: who may become one of ours, what a late
// admission asks (also that of an approved remedy), and what is remembered of the lineage.
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/concurrency.h"
#include "reconcilers/policy/params.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {

using crds::Phase;

namespace {

// What was applied together with the run (its policy, its target) may reach our watches after it.
constexpr absl::Duration kGrace = absl::Seconds(5);

std::string KindText(const kube::GroupVersionKind& gvk) {
  return gvk.kind + " (" + gvk.ApiVersion() + ")";
}

}  // namespace

void Controller::Bind(const crds::Remediation& remediation) {
  const std::string& name = remediation.metadata.name;
  if (binding_.contains(name)) return;
  const crds::RemediationSpec& spec = remediation.spec;
  const auto fail = [&](std::string_view reason, std::string message) {
    Conclude(remediation, Phase::kFailed, reason, std::move(message));
  };
  const absl::Time made =
      remediation.metadata.creation_timestamp.value_or(engine_.clock().Now() - kGrace);
  const bool early = engine_.clock().Now() < made + kGrace;
  if (spec.cancel) {
    return Conclude(remediation, Phase::kCancelled, crds::reason::kCancelRequested,
                    "spec.cancel was set before it began");
  }
  const auto known = policies_.by_name().find(spec.policy_ref.name);
  if (known == policies_.by_name().end()) {
    if (early) return BindLater(name);
    return fail(crds::reason::kPolicyGone, "there is no RemediationPolicy " + spec.policy_ref.name);
  }
  const policy::PolicyEntry& entry = known->second;
  const std::string policy_uid = entry.object.metadata.uid;
  if (!spec.policy_ref.uid.empty() && spec.policy_ref.uid != policy_uid) {
    return fail(crds::reason::kPolicyGone, "policy " + spec.policy_ref.name +
                                               " is not the one that was meant (policyRef.uid)");
  }
  if (entry.kinds.empty()) {
    if (absl::IsUnavailable(entry.problem())) return BindLater(name);
    return fail(
        crds::reason::kInvalid,
        "policy " + spec.policy_ref.name +
            (entry.accepted.ok() ? " has no values for its parameters: " : " is not accepted: ") +
            std::string(Message(entry.problem())));
  }
  if (const auto params = policy::WithValues(entry.kinds[0]->spec.params, spec.params.Parse());
      !params.ok()) {
    return fail(crds::reason::kInvalid, "spec." + std::string(Message(params.status())));
  }
  const crds::ObjectReference& ref = spec.target_ref;
  const policy::CompiledPolicyPtr live = entry.For(ref);
  if (!live || kube::GroupVersionKind::FromApiVersion(ref.api_version, ref.kind) != live->target) {
    std::string kinds;
    for (const policy::CompiledPolicyPtr& kind : entry.kinds) {
      kinds += (kinds.empty() ? "" : " and ") + KindText(kind->target);
    }
    return fail(crds::reason::kNotSelected, "policy " + spec.policy_ref.name + " is about " +
                                                kinds + ", not about " + ref.kind + " (" +
                                                ref.api_version + ")");
  }
  const policy::CompiledPolicy& policy = *live;
  const policy::Watches::Readiness readiness = watches_.ReadinessOf(policy);
  switch (readiness.state) {
    case policy::Watches::Readiness::State::kReady:
      break;
    case policy::Watches::Readiness::State::kDenied:
      return fail(crds::refusal::kPermissionDenied, readiness.message);
    case policy::Watches::Readiness::State::kTooLarge:
      return fail(crds::refusal::kCacheBudgetExceeded, readiness.message);
    case policy::Watches::Readiness::State::kInactive:
      if (early) return BindLater(name);
      return fail(crds::reason::kInactive, readiness.message);
    case policy::Watches::Readiness::State::kSyncing:
    case policy::Watches::Readiness::State::kUnknown:
      return BindLater(name);
  }
  const document::DocumentPtr target = watches_.Target(policy, {ref.name_space, ref.name});
  if (!target) {
    if (early) return BindLater(name);
    return fail(crds::reason::kNotSelected,
                "policy " + policy.name + " does not select " + ref.ToString() +
                    ", or there is no such object; nobody runs it there, by hand neither");
  }
  if (!ref.uid.empty() && ref.uid != target->uid()) {
    return fail(crds::reason::kTargetGone,
                ref.ToString() + " is another object by now (targetRef.uid)");
  }
  const StatusOr<std::string> lineage = LineageOfTarget(policy, *target);
  if (!lineage.ok()) {
    owners_.Learn(*target, policy_uid);
    return BindLater(name);
  }
  const crds::ObjectReference bound = TargetRef(policy, *target);
  const nlohmann::json patch = {
      {"metadata",
       {{"uid", remediation.metadata.uid},
        {"resourceVersion", remediation.metadata.resource_version},
        {"labels",
         {{crds::kPolicyLabel, PolicyLabelValue(policy.name)},
          {crds::kLineageLabel, *lineage},
          {crds::kManualLabel, "true"}}}}},
      {"spec", {{"policyRef", {{"uid", policy_uid}}}, {"targetRef", {{"uid", bound.uid}}}}}};
  binding_.insert(name);
  kube::HttpRequest request = kube::PatchObject(
      RemediationResource(), {"", name}, "", kube::PatchType::kMerge, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = options_.timing.write_timeout});
  request.timeout = options_.timing.write_timeout;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_), name](StatusOr<kube::Reply> reply) {
              if (auto self = weak.lock()) (*self)->OnBound(name, std::move(reply));
            },
            {.permit = runtime::PermitNeed::kWrite});
}

void Controller::OnBound(const std::string& name, StatusOr<kube::Reply> reply) {
  binding_.erase(name);
  if (stage_ != Stage::kLeading) return;
  if (reply.ok()) {
    const auto object =
        crds::FromJson<crds::Remediation>(nlohmann::json::parse(reply->body, nullptr, false));
    if (object.ok()) {
      Learn(*object);
      return TakeUp(*object, {});
    }
  }
  const Status error = reply.status();
  if (absl::IsNotFound(error)) return;
  const crds::Remediation* remediation = registry_.Find(name);
  const bool refused = absl::IsInvalidArgument(error) || absl::IsPermissionDenied(error);
  if (refused && remediation != nullptr && IsOpen(*remediation)) {
    return Conclude(*remediation, Phase::kFailed, crds::refusal::kPermissionDenied,
                    "the API server refuses to note which policy and target it is about: " +
                        std::string(Message(error)));
  }
  // Changed meanwhile, or nobody knows: from the beginning.
  BindLater(name);
}

void Controller::BindLater(const std::string& name) {
  if (!binding_.insert(name).second) return;
  engine_.After(options_.timing.recheck, [weak = std::weak_ptr(self_), name] {
    auto self = weak.lock();
    if (!self || (*self)->binding_.erase(name) == 0) return;
    const crds::Remediation* remediation = (*self)->registry_.Find(name);
    if ((*self)->leading() && remediation != nullptr && IsOpen(*remediation)) {
      (*self)->TakeUp(crds::Remediation(*remediation), {});
    }
  });
}

limits::Beginning Controller::BeginningOf(const crds::Remediation& manual,
                                          const policy::CompiledPolicy& policy) const {
  std::optional<limits::LineageMemory> memory;
  const crds::Remediation* newest = registry_.Newest(LineageOf(manual));
  if (newest != nullptr && newest->metadata.name != manual.metadata.name) {
    memory = limits::Remember(*newest, absl::InfiniteFuture());
  }
  return limits::Begin(memory, policy.generation, engine_.clock().Now(), options_.limits);
}

std::optional<limits::Refusal> Controller::Admissible(const crds::Remediation& remediation) const {
  const std::string& uid = remediation.spec.policy_ref.uid;
  const policy::PolicyEntry* entry = policies_.FindByUid(uid);
  const policy::CompiledPolicyPtr live =
      entry == nullptr ? nullptr : entry->For(remediation.spec.target_ref);
  const policy::PolicyTargets* targets = live ? symptoms_.Find(*live) : nullptr;
  const auto state = states_.find(uid);
  if (targets == nullptr || state == states_.end()) {
    return limits::Refusal{limits::Reason::kStaleView, "the policy is not being served yet"};
  }
  const crds::ObjectReference& ref = remediation.spec.target_ref;
  const document::DocumentPtr target =
      watches_.Target(*targets->policy, {ref.name_space, ref.name});
  if (!target) {
    return limits::Refusal{limits::Reason::kStaleView,
                           ref.ToString() + " is not among the policy's targets now"};
  }
  policy::Sick sick;  // what makes it necessary is not asked here
  sick.symptom.value = signals::Tri::kTrue;
  sick.since = engine_.clock().Now();
  budgets_.Refresh();
  limits::PolicyView view = ViewOf(symptoms_.Of(uid), state->second);
  view.mode = crds::Mode::kEnforce;
  const std::string& self = remediation.metadata.name;
  return limits::Decide(view, ViewOf(*targets->policy, state->second, *target, sick, self));
}

bool Controller::WantsApproval(const crds::Remediation& remediation,
                               std::string_view remedy) const {
  const policy::PolicyEntry* entry = policies_.FindByUid(remediation.spec.policy_ref.uid);
  if (entry == nullptr) return false;
  const crds::RemediationPolicySpec& spec = entry->object.spec;
  if (spec.mode == crds::Mode::kApprove) return true;
  for (const crds::Remedy& one : spec.remedies) {
    if (one.name == remedy) return one.mode == crds::RemedyMode::kApprove;
  }
  return false;
}

}  // namespace kr::remediation
