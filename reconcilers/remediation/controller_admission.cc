// Admission: which sick targets become Remediations, and why the others wait.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/lineage.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/resources.h"
#include "reconcilers/remediation/target_facts.h"

namespace kr::remediation {

using signals::Tri;

limits::Breaker::Limit Controller::BreakerLimit(const crds::RemediationPolicySpec& spec) const {
  return {.max_unhealthy = spec.limits.max_unhealthy, .calm = options_.limits.breaker_calm};
}

void Controller::ConsiderSoon(const std::string& policy_uid) {
  if (!considering_.insert(policy_uid).second) return;
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_), policy_uid] {
    if (auto self = weak.lock()) (*self)->Consider(policy_uid);
  });
}

limits::Breaker::Counts Controller::CountSick(const policy::PolicyTargets& targets) const {
  limits::Breaker::Counts counts{.unhealthy = static_cast<int64_t>(targets.sick.size()),
                                 .selected = targets.selected};
  for (const auto& [name, runner] : runners_) {
    const crds::Remediation& remediation = runner->remediation();
    if (remediation.spec.policy_ref.uid != targets.policy->uid) continue;
    if (!limits::HoldsSlot(remediation)) continue;  // nobody is at work there
    if (!targets.sick.contains(runner->target())) ++counts.unhealthy;
  }
  return counts;
}

void Controller::Consider(const std::string& policy_uid) {
  // All that is known to have changed is evaluated first: in a storm the breaker must have the
  // numbers before the first target is admitted.
  if (!symptoms_.idle()) {
    engine_.After(absl::Milliseconds(1), [weak = std::weak_ptr(self_), policy_uid] {
      if (auto self = weak.lock()) (*self)->Consider(policy_uid);
    });
    return;
  }
  considering_.erase(policy_uid);
  const policy::PolicyTargets* targets = symptoms_.Find(policy_uid);
  const policy::PolicyEntry* entry = policies_.FindByUid(policy_uid);
  if (targets == nullptr || entry == nullptr) return Report(policy_uid);
  PolicyState& state = states_[policy_uid];
  const absl::Time now = engine_.clock().Now();
  const limits::Breaker::Limit limit = BreakerLimit(entry->object.spec);
  std::optional<limits::Breaker::Counts> counts;
  if (targets->settled) counts = CountSick(*targets);
  state.breaker.Observe(counts, limit, now);

  absl::Time recheck = state.breaker.NextChange(limit);
  std::map<kube::ObjectKey, crds::Waiting> before = std::move(state.waiting);
  state.waiting.clear();
  if (stage_ == Stage::kLeading) {
    // The oldest first.
    std::vector<std::pair<absl::Time, kube::ObjectKey>> order;
    for (const auto& [key, sick] : targets->sick) {
      if (sick.symptom.trigger || sick.symptom.value == Tri::kUnknown) {
        order.emplace_back(sick.since, key);
      }
    }
    std::sort(order.begin(), order.end());
    std::map<std::string, absl::Time> sick_since;
    for (const auto& [since, key] : order) {
      TryAdmit(*targets, key, targets->sick.at(key), state, sick_since);
    }
  }
  for (auto& [key, waiting] : state.waiting) {
    const auto known = before.find(key);
    if (known != before.end() && known->second.reason == waiting.reason) {
      waiting.since = known->second.since;
    } else {
      metrics_.refusals.With({waiting.reason}).Increment();
    }
    if (waiting.next_check) recheck = std::min(recheck, *waiting.next_check);
  }
  if (recheck != absl::InfiniteFuture() && state.recheck != recheck) {
    state.recheck = recheck;
    engine_.After(std::max(recheck - now, absl::Milliseconds(1)),
                  [weak = std::weak_ptr(self_), policy_uid, recheck] {
                    auto self = weak.lock();
                    if (!self) return;
                    const auto it = (*self)->states_.find(policy_uid);
                    if (it == (*self)->states_.end() || it->second.recheck != recheck) return;
                    it->second.recheck.reset();
                    (*self)->ConsiderSoon(policy_uid);
                  });
  }
  Report(policy_uid);
  SetGauges();
}

void Controller::SetGauges() const {
  size_t sick = 0, open = 0;
  for (const auto& [uid, targets] : symptoms_.policies()) sick += targets.sick.size();
  for (const auto& [uid, state] : states_) {
    if (state.breaker.state() != crds::BreakerState::kClosed) ++open;
  }
  metrics_.sick.Set(static_cast<double>(sick));
  metrics_.breakers.Set(static_cast<double>(open));
}

void Controller::ForEachOf(std::string_view policy_uid,
                           absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  registry_.ForEach([&](const crds::Remediation& remediation) {
    if (remediation.spec.policy_ref.uid != policy_uid) return;
    // A phase that is on its way to the server counts already.
    const auto runner = runners_.find(remediation.metadata.name);
    visit(runner != runners_.end() ? runner->second->remediation() : remediation);
  });
  for (const auto& [lineage, draft] : creating_) {
    if (draft.object.spec.policy_ref.uid != policy_uid) continue;
    if (registry_.Find(draft.object.metadata.name) == nullptr) visit(draft.object);
  }
}

std::vector<limits::SlotHolder> Controller::Holders(std::string_view policy_uid) const {
  std::vector<limits::SlotHolder> holders;
  ForEachOf(policy_uid, [&](const crds::Remediation& remediation) {
    if (!limits::HoldsSlot(remediation)) return;
    holders.push_back({remediation.metadata.name, remediation.spec.target_ref.ToString()});
  });
  return holders;
}

StatusOr<std::string> Controller::LineageOfTarget(const policy::CompiledPolicy& policy,
                                                  const document::Document& target) const {
  const crds::ObjectReference ref = TargetRef(policy, target);
  std::optional<limits::PodOwners> owners;
  if (policy.target.group.empty() && policy.target.kind == "Pod") {
    KR_ASSIGN_OR_RETURN(owners, owners_.Find(target));
  }
  return limits::LineageDigest(policy.uid, limits::Lineage(ref, owners));
}

void Controller::SawWell(const policy::PolicyTargets& targets, const document::Document& target) {
  // Where the lineage is not known, no admission has asked, so there is nothing to remember.
  const auto lineage = LineageOfTarget(*targets.policy, target);
  if (!lineage.ok() || registry_.Newest(*lineage) == nullptr) return;
  states_[targets.policy->uid].last_sick[*lineage] = engine_.clock().Now();
}

void Controller::TryAdmit(const policy::PolicyTargets& targets, const kube::ObjectKey& key,
                          const policy::Sick& sick, PolicyState& state,
                          std::map<std::string, absl::Time>& sick_since) {
  const policy::CompiledPolicy& policy = *targets.policy;
  const document::DocumentPtr target = watches_.Target(policy, key);
  if (!target) return;
  const crds::Remediation* known = registry_.NewestAbout(policy.uid, target->uid());
  if (known != nullptr && IsOpen(*known)) return;
  const StatusOr<std::string> lineage = LineageOfTarget(policy, *target);
  limits::AdmissionView view = ViewOf(targets, *target, sick, state);
  if (lineage.ok()) {
    if (creating_.contains(*lineage)) return;
    for (const crds::Remediation* open : registry_.Open(*lineage)) {
      const crds::ObjectReference& other = open->spec.target_ref;
      view.sibling = {open->metadata.name, policy.name, other.ToString()};
    }
    view.sick_since = sick_since.try_emplace(*lineage, sick.since).first->second;
    AddMemory(targets, *target, *lineage, state, view);
  }
  std::optional<limits::Refusal> refusal = limits::Decide(view);
  if (!refusal && !lineage.ok()) {
    // Nothing else is in the way: only now is it worth a request.
    if (owners_.Learn(*target, policy.uid)) return;  // in a moment
    refusal = limits::Refusal{absl::IsPermissionDenied(lineage.status())
                                  ? limits::Reason::kPermissionDenied
                                  : limits::Reason::kStaleView,
                              std::string(Message(lineage.status()))};
  }
  if (refusal) {
    crds::Waiting& waiting = state.waiting[key];
    waiting = {.target = view.target.ref,
               .reason = std::string(limits::Name(refusal->reason)),
               .message = refusal->message,
               .since = view.now};
    if (refusal->next_check != absl::InfiniteFuture()) waiting.next_check = refusal->next_check;
    return;
  }
  if (!sick.symptom.trigger) return;
  const limits::Beginning beginning =
      limits::Begin(view.memory, policy.generation, view.sick_since, options_.limits);
  Create(targets.policy, MakeDraft(policy, *target, *lineage, sick, beginning, view.reverted));
}

limits::AdmissionView Controller::ViewOf(const policy::PolicyTargets& targets,
                                         const document::Document& target, const policy::Sick& sick,
                                         const PolicyState& state) const {
  const policy::CompiledPolicy& policy = *targets.policy;
  limits::AdmissionView view;
  view.now = engine_.clock().Now();
  view.paused = policy.spec.paused;
  view.globally_paused = options_.paused;
  view.mode = policy.spec.mode;
  view.generation = policy.generation;
  view.limits = policy.spec.limits;
  view.named_namespaces = policy.spec.target.namespaces;
  view.selected = targets.selected;
  if (auto stale = watches_.Stale(policy)) {
    view.stale = stale->message;
    view.stale_until = stale->next_check;
  }
  if (sick.symptom.value == Tri::kUnknown) {
    view.unknown = sick.unknown.empty() ? "an expression failed" : sick.unknown;
  }
  view.target.ref = TargetRef(policy, target);
  if (auto facts = FactsOf(view.target.ref, target); facts.ok()) {
    view.target = *std::move(facts);
  } else {
    view.stale = Message(facts.status());
  }
  view.sick_since = sick.since;
  const auto note_busy = [&](const crds::Remediation& other) {
    // Nor does anybody wait for one that itself waits for a person.
    if (limits::HoldsSlot(other) && other.spec.policy_ref.uid != policy.uid) {
      view.busy = {other.metadata.name, other.spec.policy_ref.name, view.target.ref.ToString()};
    }
  };
  registry_.ForEachAbout(view.target.ref.uid, note_busy);
  // Also those whose creation is on its way: two policies may find the same object sick at once.
  for (const auto& [lineage, draft] : creating_) {
    if (draft.object.spec.target_ref.uid == view.target.ref.uid) note_busy(draft.object);
  }
  view.breaker = state.breaker;
  view.holders = Holders(policy.uid);
  if (policy.spec.mode == crds::Mode::kApprove) {
    ForEachOf(policy.uid, [&](const crds::Remediation& remediation) {
      if (IsOpen(remediation) && !limits::HoldsSlot(remediation)) ++view.awaiting;
    });
  }
  view.windows = policy.windows;
  if (policy.spec.mode == crds::Mode::kObserve || policy.spec.limits.rate) {
    view.created = CreationTimes(policy.uid);
  }
  view.settings = options_.limits;
  return view;
}

std::vector<absl::Time> Controller::CreationTimes(std::string_view policy_uid) const {
  std::vector<absl::Time> times;
  ForEachOf(policy_uid, [&](const crds::Remediation& remediation) {
    times.push_back(remediation.metadata.creation_timestamp.value_or(engine_.clock().Now()));
  });
  return times;
}

void Controller::AddMemory(const policy::PolicyTargets& targets, const document::Document& target,
                           const std::string& lineage, const PolicyState& state,
                           limits::AdmissionView& view) const {
  const crds::Remediation* newest = registry_.Newest(lineage);
  if (newest == nullptr) return;
  view.memory = limits::Remember(*newest, targets.observed_since);
  const auto last = state.last_sick.find(lineage);
  if (last != state.last_sick.end()) view.memory->last_sick = last->second;
  view.reverted = Reverted(*targets.policy, target, *newest);
}

bool Controller::Reverted(const policy::CompiledPolicy& policy, const document::Document& target,
                          const crds::Remediation& predecessor) const {
  const crds::RemediationStatus& status = predecessor.status;
  if (status.phase != crds::Phase::kSucceeded || status.policy_generation != policy.generation) {
    return false;
  }
  // Another object in its place never had our change: nobody set anything back.
  if (predecessor.spec.target_ref.uid != target.uid()) return false;
  const nlohmann::json object = target.ToJson();
  for (const policy::Remedy& remedy : policy.remedies) {
    for (const crds::StepProgress& progress : status.steps) {
      const size_t index = static_cast<size_t>(progress.id.step);
      if (progress.id.remedy != remedy.name || index >= remedy.steps.size()) continue;
      const policy::Step& step = remedy.steps[index];
      if (step.spec.apply_to || progress.writes.empty()) continue;
      if (step.action->reversal() != actions::Reversal::kChange) continue;
      if (!step.action->EffectHolds(progress.memo.Parse(), object)) return true;
    }
  }
  return false;
}

void Controller::Create(policy::CompiledPolicyPtr policy, Draft draft) {
  const std::string lineage = LineageOf(draft.object);
  creating_[lineage] = draft;
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
      creating_.erase(lineage);
      registry_.Upsert(*object);
      TakeUp(*object, std::move(draft.start));
      return Report(policy->uid);
    }
  }
  const Status error = reply.status();
  const bool refused = absl::IsInvalidArgument(error) || absl::IsPermissionDenied(error);
  if (runtime::IsNotSent(error) || refused) {
    if (refused) log::Error("Remediation could not be created", {{"error", Message(error)}});
    engine_.After(refused ? options_.timing.retry_max : options_.timing.recheck,
                  [weak = std::weak_ptr(self_), lineage, uid = policy->uid] {
                    auto self = weak.lock();
                    if (!self) return;
                    (*self)->creating_.erase(lineage);
                    (*self)->ConsiderSoon(uid);
                  });
    return;
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

void Controller::OnExisting(policy::CompiledPolicyPtr policy, Draft draft,
                            StatusOr<kube::Reply> reply) {
  if (stage_ != Stage::kLeading) return;
  const std::string lineage = LineageOf(draft.object);
  const auto again = [&](absl::Duration delay) {
    engine_.After(delay, [weak = std::weak_ptr(self_), lineage, uid = policy->uid] {
      auto self = weak.lock();
      if (!self) return;
      (*self)->creating_.erase(lineage);
      (*self)->ConsiderSoon(uid);
    });
  };
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
      creating_.erase(lineage);
      registry_.Upsert(*object);
      return TakeUp(*object, std::move(draft.start));
    case limits::Existing::kFinished:
      registry_.Upsert(*object);
      return again(absl::ZeroDuration());
    case limits::Existing::kForeign:
      log::Error("The name of a Remediation is taken by another policy's",
                 {{"remediation", object->metadata.name}});
      return again(options_.timing.retry_max);
  }
}

}  // namespace kr::remediation
