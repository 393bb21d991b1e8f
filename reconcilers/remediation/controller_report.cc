// What the status of a policy says.
#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/condition.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/draft.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {
namespace {

using crds::ConditionStatus;
using Readiness = policy::Watches::Readiness;

crds::Condition ReadyCondition(const policy::PolicyEntry& entry, const Readiness& readiness,
                               bool settled, const std::string& missing) {
  crds::Condition ready{.type = std::string(crds::kConditionReady),
                        .status = ConditionStatus::kFalse,
                        .message = readiness.message};
  const auto because = [&ready](std::string_view reason) { ready.reason = reason; };
  if (!entry.accepted.ok()) {
    because(crds::reason::kNotAccepted);
    ready.message = "the policy is not accepted, see the condition Accepted";
    return ready;
  }
  if (entry.kinds.empty()) {
    because(absl::IsUnavailable(entry.params)        ? crds::reason::kSyncing
            : absl::IsPermissionDenied(entry.params) ? crds::refusal::kPermissionDenied
                                                     : crds::reason::kInvalidParams);
    ready.message = std::string(Message(entry.params)).substr(0, 8000);
    return ready;
  }
  switch (readiness.state) {
    case Readiness::State::kReady:
      if (!settled) {
        because(crds::reason::kSyncing);
        ready.message = "targets are being evaluated for the first time";
        return ready;
      }
      if (!missing.empty()) {
        because(crds::refusal::kPermissionDenied);
        ready.message = ("the operator may not " + missing).substr(0, 8000) +
                        "; the role that is missing is printed by: kubectl get rempol " +
                        entry.object.metadata.name + " -o yaml | kubectl remedy rbac -f -";
        return ready;
      }
      ready.status = ConditionStatus::kTrue;
      because(crds::reason::kReady);
      return ready;
    case Readiness::State::kInactive:
      because(crds::reason::kInactive);
      return ready;
    case Readiness::State::kDenied:
      because(crds::refusal::kPermissionDenied);
      return ready;
    case Readiness::State::kTooLarge:
      because(crds::refusal::kCacheBudgetExceeded);
      return ready;
    case Readiness::State::kSyncing:
    case Readiness::State::kUnknown:
      because(crds::reason::kSyncing);
      return ready;
  }
  return ready;
}

// The targets of which a trigger holds, but not for as long as it asks: nothing stands in the way
// of those, they only wait.
void AddRipening(const policy::PolicyTargets& targets, const policy::Watches& watches,
                 const Registry& registry, crds::RemediationPolicyStatus& status,
                 std::map<std::string, int64_t>& reasons) {
  const policy::CompiledPolicy& policy = *targets.policy;
  for (const auto& [key, sick] : targets.sick) {
    const policy::SymptomClock::Symptom& symptom = sick.symptom;
    if (symptom.trigger || !symptom.ripening || symptom.value != signals::Tri::kTrue) continue;
    const document::DocumentPtr target = watches.Target(policy, key);
    if (!target) continue;
    crds::ObjectReference ref = TargetRef(policy, *target);
    const crds::Remediation* last = registry.NewestAbout(policy.uid, ref);
    if (last != nullptr && IsOpen(*last)) continue;  // it is being seen to
    ++status.targets.waiting;
    ++reasons[std::string(crds::refusal::kSymptomPending)];
    if (status.waiting.size() >= crds::kMaxWaiting) continue;
    const policy::Trigger& trigger = policy.triggers[symptom.ripening->trigger];
    status.waiting.push_back(
        {.target = std::move(ref),
         .reason = std::string(crds::refusal::kSymptomPending),
         .message = "trigger " + trigger.name + " holds, and has to for " +
                    crds::FormatDuration(trigger.hold_for) + " without a break",
         .since = absl::FromUnixSeconds(absl::ToUnixSeconds(symptom.ripening->since)),
         // Not before it is due, whoever reads it.
         .next_check = absl::FromUnixSeconds(
             absl::ToUnixSeconds(symptom.ripening->due + absl::Milliseconds(999)))});
  }
}

}  // namespace

void Controller::Report(const std::string& policy_uid) {
  if (stage_ == Stage::kLeading) reporter_.Touch(policy_uid);
}

std::optional<StatusReporter::Wanted> Controller::StatusOf(const std::string& policy_uid) {
  const policy::PolicyEntry* entry = policies_.FindByUid(policy_uid);
  if (stage_ != Stage::kLeading || entry == nullptr) return std::nullopt;
  const bool settled = Settled(policy_uid);
  const PolicyState& state = states_[policy_uid];
  const int64_t generation = entry->object.metadata.generation;
  const absl::Time now = engine_.clock().Now();
  crds::RemediationPolicyStatus status = entry->object.status;
  status.observed_generation = generation;

  const bool accepted = entry->accepted.ok();
  crds::SetCondition(
      status.conditions,
      {.type = std::string(crds::kConditionAccepted),
       .status = accepted ? ConditionStatus::kTrue : ConditionStatus::kFalse,
       .reason = std::string(accepted ? crds::reason::kAccepted : crds::reason::kInvalid),
       .message = accepted ? "the policy is understood"
                           : std::string(Message(entry->accepted)).substr(0, 8000)},
      generation, now);
  Readiness readiness;
  // Of several kinds the first one that is not ready speaks.
  for (const policy::CompiledPolicyPtr& kind : entry->kinds) {
    readiness = watches_.ReadinessOf(*kind);
    if (readiness.state != Readiness::State::kReady) break;
  }
  crds::SetCondition(status.conditions,
                     ReadyCondition(*entry, readiness, settled, preflight_.Missing(policy_uid)),
                     generation, now);

  crds::Condition blocked{.type = std::string(crds::kConditionBlocked),
                          .status = ConditionStatus::kFalse,
                          .reason = std::string(crds::reason::kNotBlocked),
                          .message = "nothing stops the policy as a whole"};
  std::optional<limits::Refusal> why;
  if (!entry->kinds.empty() && readiness.state == Readiness::State::kDenied) {
    why = limits::Refusal{limits::Reason::kPermissionDenied, readiness.message};
  } else if (!entry->kinds.empty() && readiness.state == Readiness::State::kTooLarge) {
    why = limits::Refusal{limits::Reason::kCacheBudgetExceeded, readiness.message};
  } else if (!entry->kinds.empty() && readiness.state == Readiness::State::kReady) {
    for (const policy::CompiledPolicyPtr& kind : entry->kinds) {
      if (!why) why = watches_.Stale(*kind);
    }
    if (!why && settled) {
      why = state.breaker.Check(BreakerLimit(entry->object.spec), 0);
    }
    if (!why && settled) why = CheckCluster(*entry, state);
  }
  if (why) {
    blocked.status = ConditionStatus::kTrue;
    blocked.reason = limits::Name(why->reason);
    blocked.message = why->message;
  }
  crds::SetCondition(status.conditions, std::move(blocked), generation, now);

  status.targets = {};
  status.waiting.clear();
  const limits::Breaker::Counts counts = CountSick(policy_uid);
  status.targets.selected = counts.selected;
  status.targets.unhealthy = counts.unhealthy;
  status.targets.waiting = static_cast<int64_t>(state.waiting.size());
  std::map<std::string, int64_t> reasons;
  for (const auto& [key, refused] : state.waiting) {
    ++reasons[refused.shown.reason];
    if (status.waiting.size() < crds::kMaxWaiting) status.waiting.push_back(refused.shown);
  }
  for (const policy::PolicyTargets* targets : symptoms_.Of(policy_uid)) {
    AddRipening(*targets, watches_, registry_, status, reasons);
  }
  status.targets.exhausted = reasons.contains(std::string(crds::refusal::kExhausted))
                                 ? reasons.at(std::string(crds::refusal::kExhausted))
                                 : 0;
  status.waiting_reasons.clear();
  for (const auto& [reason, count] : reasons) status.waiting_reasons.push_back({reason, count});
  const crds::Remediation* last = nullptr;
  registry_.ForEachOf(policy_uid, [&](const crds::Remediation& remediation) {
    if (IsOpen(remediation)) ++status.targets.remediating;
    if (last == nullptr || limits::RunsBefore(*last, remediation)) last = &remediation;
  });
  if (last != nullptr) {
    const auto runner = runners_.find(last->metadata.name);
    const crds::RemediationStatus& newest =
        runner != runners_.end() ? runner->second->status() : last->status;
    status.last_remediation = {
        .name = last->metadata.name,
        .target = last->spec.target_ref,
        .phase = newest.phase ? std::string(crds::ToString(*newest.phase)) : "Pending",
        .reason = newest.reason,
        .time = newest.finished_at.value_or(last->metadata.creation_timestamp.value_or(
            entry->object.status.last_remediation ? entry->object.status.last_remediation->time
                                                  : now))};
  } else {
    status.last_remediation.reset();
  }
  status.breaker = state.breaker.ToStatus();
  status.group_breakers = GroupBreakers(state);
  return StatusReporter::Wanted{PolicyResource(), entry->object.metadata,
                                crds::ToJson(entry->object.status), crds::ToJson(status)};
}

std::vector<Preflight::Subject> Controller::SubjectsOf(const std::string& policy_uid) const {
  std::vector<Preflight::Subject> subjects;
  const policy::PolicyEntry* entry = policies_.FindByUid(policy_uid);
  if (entry == nullptr) return subjects;
  for (const policy::CompiledPolicyPtr& kind : entry->kinds) {
    const auto find = [this](const kube::GroupVersionKind& gvk) -> StatusOr<kube::Resource> {
      if (auto resource = watches_.Find(gvk)) return *resource;
      return NotFound("no such kind: " + gvk.kind);
    };
    auto permissions = policy::PermissionsOf(*kind, find);
    if (!permissions.ok()) continue;  // a kind that is not there is said elsewhere
    Preflight::Subject subject{.permissions = *std::move(permissions),
                               .namespaced = find(kind->target)->namespaced,
                               .namespaces = kind->spec.target.namespaces,
                               .names = kind->spec.target.names,
                               .own_namespace = options_.webhooks.name_space};
    // The first by name, so that every look names the same one.
    std::optional<kube::ObjectKey>& sample = subject.sample;
    watches_.ForEachTarget(*kind, [&](const document::DocumentPtr& target) {
      using Key = std::pair<std::string_view, std::string_view>;  // of most, no copy is needed
      const Key one(target->name_space(), target->name());
      if (sample && one >= Key(sample->name_space, sample->name)) return;
      if (policy::IsPlace(*target)) return;
      sample = {std::string(one.first), std::string(one.second)};
    });
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

void Controller::CheckPermissions(const std::string& policy_uid) {
  if (stage_ == Stage::kLeading && Settled(policy_uid)) preflight_.Check(policy_uid);
}

std::optional<StatusReporter::Wanted> Controller::BudgetStatusOf(const std::string& budget_uid) {
  const auto entry = budgets_.entries().find(budget_uid);
  if (stage_ != Stage::kLeading || entry == budgets_.entries().end()) return std::nullopt;
  budgets_.Refresh();
  const crds::RemediationBudget& budget = entry->second.object;
  return StatusReporter::Wanted{
      BudgetResource(), budget.metadata, crds::ToJson(budget.status),
      crds::ToJson(budgets_.StatusOf(entry->second, engine_.clock().Now()))};
}

void Controller::ReportBudgets() {
  if (stage_ != Stage::kLeading) return;
  for (const auto& [uid, entry] : budgets_.entries()) budget_reporter_.Touch(uid);
}

}  // namespace kr::remediation
