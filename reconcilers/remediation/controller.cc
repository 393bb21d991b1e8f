#include "reconcilers/remediation/controller.h"

#include <algorithm>
#include <utility>

#include "controller/base/log.h"
#include "crds/meta/json_find.h"
#include "reconcilers/limits/history.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/kind_scope.h"
#include "reconcilers/remediation/ladder.h"
#include "reconcilers/remediation/refusal_events.h"
#include "reconcilers/remediation/resources.h"
#include "reconcilers/remediation/target_facts.h"

namespace kr::remediation {
namespace {

// What runners of nodeCommand steps wait for.
policy::Watches::Extra NodeTasks() {
  return {.gvk = node::NodeTaskResource().gvk,
          .paths = {*document::Path::Parse("status.phase")},
          .each = true};
}

bool RunsNodeCommands(const policy::CompiledPolicy& policy) {
  for (const policy::Remedy& remedy : policy.remedies) {
    for (const policy::Step& step : remedy.steps) {
      if (std::holds_alternative<crds::RunNodeCommand>(step.spec.action)) return true;
    }
  }
  return false;
}

policy::Watches::Options WithOwnKinds(policy::Watches::Options options) {
  options.own = {PolicyResource(), RemediationResource(), BudgetResource()};
  options.baselines = BaselineResource();
  return options;
}

}  // namespace

Controller::Controller(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                       runtime::OutboundSender& outbound, const cache::WatchContext& context,
                       runtime::EventSink& events, RemedyMetrics metrics)
    : options_(std::move(options)),
      engine_(engine),
      api_(api),
      events_(events),
      metrics_(metrics),
      webhooks_(options_.webhooks, engine, api, outbound),
      watches_(WithOwnKinds(options_.watches), engine, api, context, *this),
      drains_(watches_, engine,
              {.needs_changed = [this] { WatchForLimits(); },
               .wake =
                   [this](const std::string& name) {
                     const auto runner = runners_.find(name);
                     if (runner != runners_.end()) runner->second->Advance();
                   }}),
      services_{engine,
                api,
                events,
                context.decoder,
                {},
                options_.timing,
                options_.limits,
                metrics,
                webhooks_,
                drains_,
                options_.own_pod_uid,
                options_.node_jobs},
      symptoms_(engine, watches_, *this),
      owners_(engine, api, options_.timing.write_timeout, options_.timing.retry_max,
              [this](const std::string& policy_uid) { ConsiderSoon(policy_uid); }),
      budgets_(options_.limits.exempt_from_node_budget, watches_, symptoms_, ledger_),
      claims_(options_.limits.medik8s_leases),
      reporter_(options_.report, engine, api,
                [this](const std::string& uid) { return StatusOf(uid); }),
      budget_reporter_(options_.report, engine, api,
                       [this](const std::string& uid) { return BudgetStatusOf(uid); }),
      baselines_({.write_timeout = options_.timing.write_timeout}, engine, api,
                 watches_.past().baselines),
      sweep_({.write_timeout = options_.timing.write_timeout}, engine, api,
             [this](std::string_view uid) { return registry_.HasUid(uid); }),
      finalizers_(
          {.write_timeout = options_.timing.write_timeout,
           .retry_initial = options_.timing.retry_initial,
           .retry_max = options_.timing.retry_max},
          engine, api, [this](std::string_view name) { return registry_.Find(name); },
          [this](const crds::Remediation& remediation) { OnFinalizerOff(remediation); }),
      preflight_(
          options_.preflight, engine, api,
          [this](const std::string& uid) { return SubjectsOf(uid); },
          [this](const std::string& uid) { Report(uid); }),
      self_(std::make_shared<Controller*>(this)) {}

Controller::~Controller() {
  engine_.Cancel(prune_timer_);
  runners_.clear();
}

bool Controller::ready() const {
  return watches_.OwnSynced(PolicyResource()) && watches_.OwnSynced(RemediationResource()) &&
         watches_.OwnSynced(BudgetResource());
}

// --- what the watches say

void Controller::OnOwnObject(const kube::Resource& resource, const document::DocumentPtr& before,
                             const document::DocumentPtr& after) {
  if (resource == PolicyResource()) {
    OnPolicy(before, after);
  } else if (resource == BudgetResource()) {
    OnBudget(before, after);
  } else if (resource == BaselineResource()) {
    OnBaselineObject(before, after);
  } else {
    OnRemediation(before, after);
  }
  if (stage_ == Stage::kCatchingUp) CatchUp();
}

void Controller::OnPolicy(const document::DocumentPtr& before, const document::DocumentPtr& after) {
  if (!after) {
    const std::string uid(before->uid());
    policies_.Remove(*before);
    DropBaselines(uid);
    states_.erase(uid);
    reporter_.Forget(uid);
    preflight_.Forget(uid);
    Serve();
    for (auto& [name, runner] : runners_) {
      if (runner->remediation().spec.policy_ref.uid == uid) runner->OnPolicyGone();
    }
    return;
  }
  const std::string uid(after->uid());
  if (before && before->uid() != after->uid()) OnPolicy(before, {});
  if (policies_.Upsert(*after)) {
    const policy::PolicyEntry* entry = policies_.FindByUid(uid);
    if (!states_.contains(uid)) {
      states_[uid].breaker = limits::Breaker::Restore(entry->object.status.breaker);
      RestoreGroups(entry->object, states_[uid]);
    }
    states_[uid].grouped = false;
    if (leading() && !entry->accepted.ok()) {
      events_.Record(NotAcceptedEvent(entry->object, std::string(Message(entry->accepted))));
    }
    RefreshParams();
    Serve();
    // Pausing and limits hold at once, also for what is under way.
    for (auto& [name, runner] : runners_) {
      if (runner->remediation().spec.policy_ref.uid == uid) runner->Advance();
    }
    ConsiderSoon(uid);
  }
  Report(uid);
}

void Controller::OnBudget(const document::DocumentPtr& before, const document::DocumentPtr& after) {
  if (after && !budgets_.Upsert(*after)) return ReportBudgets();
  if (!after) {
    budgets_.Remove(*before);
    budget_reporter_.Forget(std::string(before->uid()));
  }
  WatchForLimits();
  OnExtra();
}

void Controller::OnExtra() {
  budgets_.Invalidate();
  for (const auto& [uid, state] : states_) {
    if (!state.waiting.empty()) ConsiderSoon(uid);
  }
  // What is under way has to hear of an outage that its own policy does not see.
  for (const auto& [name, runner] : runners_) {
    if (runner->policy()->targets_nodes()) ConsiderSoon(runner->remediation().spec.policy_ref.uid);
  }
  ReportBudgets();
}

void Controller::OnExtraObject(const kube::GroupVersionKind& gvk, const kube::ObjectKey& key) {
  if (gvk != node::NodeTaskResource().gvk) return drains_.OnObject(gvk, key);
  for (auto& [name, runner] : runners_) runner->OnNodeTask(key.name);
}

// What limits count and drains look at beyond what the policies themselves read.
void Controller::WatchForLimits() {
  bool nodes = false, namespaces = false;
  const auto acts_on = [&](const kube::GroupVersionKind& gvk) {
    const policy::KindScope scope = policy::ScopeOfKind(gvk.group, gvk.kind);
    nodes = nodes || (gvk.group.empty() && gvk.kind == "Node");
    namespaces = namespaces || scope != policy::KindScope::kCluster;
  };
  for (const policy::CompiledPolicyPtr& policy : policies_.Compiled()) {
    if (policy->only_notifies) continue;
    acts_on(policy->target);
    for (const policy::Remedy& remedy : policy->remedies) {
      for (const policy::Step& step : remedy.steps) {
        if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
          const nlohmann::json object = apply->object.Parse();
          acts_on(kube::GroupVersionKind::FromApiVersion(crds::FindText(object, {"apiVersion"}),
                                                         crds::FindText(object, {"kind"})));
        }
        if (!step.spec.apply_to) continue;
        if (const auto& ref = step.spec.apply_to->ref) {
          acts_on(kube::GroupVersionKind::FromApiVersion(ref->api_version, ref->kind));
        }
        for (const policy::RelatedJoin& join : policy->related) {
          if (join.name == step.spec.apply_to->related) acts_on(join.gvk);
        }
      }
    }
  }
  std::vector<policy::Watches::Extra> extras = budgets_.Needs(nodes);
  if (nodes) {
    for (policy::Watches::Extra& claim : claims_.Needs()) extras.push_back(std::move(claim));
  }
  if (namespaces) extras.push_back(OptedOut());
  for (policy::Watches::Extra& need : drains_.Needs()) extras.push_back(std::move(need));
  const auto runs = [](const auto& runner) { return RunsNodeCommands(*runner.second->policy()); };
  const std::vector<policy::CompiledPolicyPtr> compiled = policies_.Compiled();
  if (std::any_of(compiled.begin(), compiled.end(),
                  [](const auto& p) { return RunsNodeCommands(*p); }) ||
      std::any_of(runners_.begin(), runners_.end(), runs)) {
    extras.push_back(NodeTasks());
  }
  watches_.WatchAlso(std::move(extras));
}

void Controller::Serve() {
  std::vector<policy::CompiledPolicyPtr> compiled = policies_.Compiled();
  metrics_.policies.Set(static_cast<double>(compiled.size()));
  std::vector<policy::CompiledPolicyPtr> served = policies_.Watched();
  // An open remediation keeps to the policy that it started with.
  for (const auto& [name, runner] : runners_) {
    if (std::find(served.begin(), served.end(), runner->policy()) == served.end()) {
      served.push_back(runner->policy());
    }
  }
  watches_.Serve(std::move(served), policies_.Params());
  WatchForLimits();
  symptoms_.SetPolicies(compiled);
}

void Controller::OnTarget(const policy::CompiledPolicy& policy, const document::Document& object,
                          bool was, bool is) {
  const kube::ObjectKey key{std::string(object.name_space()), std::string(object.name())};
  const policy::PolicyTargets* targets = symptoms_.Find(policy);
  // A sick target that goes away ends its sickness, too.
  if (!is && targets != nullptr && targets->sick.contains(key)) SawWell(*targets, object);
  if (!policy.groups.empty()) states_[policy.uid].grouped = false;
  symptoms_.OnTarget(policy, object, was, is);
  if (was != is) Report(policy.uid);  // of one that is well nobody hears anything else
  // The runner of an older policy is served by its own compilation, which nobody evaluates.
  for (Runner* runner : RunnersOf(policy, key)) {
    if (runner->policy().get() != &policy) continue;
    if (is) {
      runner->Advance();
    } else {
      runner->OnTargetGone();
    }
  }
}

void Controller::OnSurroundings(const policy::CompiledPolicy& policy,
                                const document::Document& target) {
  symptoms_.OnSurroundings(policy, target);
  const kube::ObjectKey key{std::string(target.name_space()), std::string(target.name())};
  for (Runner* runner : RunnersOf(policy, key)) {
    if (runner->policy().get() == &policy) runner->Advance();
  }
}

bool Controller::RefreshParams() {
  return policies_.RefreshParams([this](const crds::ParamRef& ref) { return watches_.Texts(ref); });
}

void Controller::OnParams() {
  if (!RefreshParams()) return;
  Serve();
  // A policy without values is served no more: nobody else would report it.
  for (const auto& [name, entry] : policies_.by_name()) {
    if (entry.object.spec.param_ref) Report(entry.object.metadata.uid);
  }
}

void Controller::OnRebound() {
  OnParams();  // whether they can be read may have changed, too
  symptoms_.OnRebound();
  drains_.OnViews();
  budgets_.Invalidate();
  for (auto& [uid, state] : states_) state.grouped = false;
  for (auto& [name, runner] : runners_) runner->Advance();
  for (const auto& [name, entry] : policies_.by_name()) {
    Report(entry.object.metadata.uid);
    ConsiderSoon(entry.object.metadata.uid);
  }
  if (stage_ == Stage::kCatchingUp) CatchUp();
}

// --- what the evaluations say

void Controller::OnReading(const policy::PolicyTargets& targets, const kube::ObjectKey& key,
                           const policy::Sick* sick) {
  const std::string& uid = targets.policy->uid;
  if (sick == nullptr) {
    if (const auto target = watches_.Target(*targets.policy, key)) SawWell(targets, *target);
  }
  for (Runner* runner : RunnersOf(*targets.policy, key)) runner->Advance();
  ConsiderSoon(uid);
}

void Controller::OnTargetGone(const policy::PolicyTargets& targets, const kube::ObjectKey& key) {
  const std::string& uid = targets.policy->uid;
  for (Runner* runner : RunnersOf(*targets.policy, key)) runner->OnTargetGone();
  ConsiderSoon(uid);
}

void Controller::OnSettled(const policy::PolicyTargets& targets) {
  CheckPermissions(targets.policy->uid);
  ConsiderSoon(targets.policy->uid);
}

bool Controller::Watching(const policy::CompiledPolicy& policy, const kube::ObjectKey& key) const {
  return !RunnersOf(policy, key).empty();
}

absl::Time Controller::EventsSince(const policy::CompiledPolicy& policy,
                                   const kube::ObjectKey& key) const {
  absl::Time since = absl::InfinitePast();
  if (!policy.watches_events() && !policy.looks_back) return since;
  const document::DocumentPtr target = watches_.Target(policy, key);
  if (!target) return since;
  const crds::Remediation* newest = registry_.NewestAbout(policy.uid, TargetRef(policy, *target));
  return newest == nullptr || IsOpen(*newest) ? since : Answered(newest->status);
}

absl::Time Controller::ScheduleSince(const policy::CompiledPolicy& policy,
                                     const kube::ObjectKey& key) const {
  const bool planned = std::any_of(policy.triggers.begin(), policy.triggers.end(),
                                   [](const policy::Trigger& trigger) { return trigger.planned; });
  const document::DocumentPtr target =
      planned ? watches_.Target(policy, key) : document::DocumentPtr();
  if (!target) return absl::InfinitePast();
  // A pod that was replaced since is not due again.
  const auto lineage = LineageOfTarget(policy, *target);
  const crds::Remediation* newest =
      lineage.ok() ? registry_.Newest(*lineage)
                   : registry_.NewestAbout(policy.uid, TargetRef(policy, *target));
  if (newest == nullptr) return absl::InfinitePast();
  // On its way it has neither time yet.
  return std::max(newest->metadata.creation_timestamp.value_or(absl::InfinitePast()),
                  newest->status.started_at.value_or(engine_.clock().Now()));
}

// --- World

document::DocumentPtr Controller::Target(const policy::CompiledPolicy& policy,
                                         const kube::ObjectKey& key) const {
  return watches_.Target(policy, key);
}

const policy::Surroundings& Controller::Around(const policy::CompiledPolicy& policy) const {
  return watches_.Around(policy);
}

std::optional<kube::Resource> Controller::Find(const kube::GroupVersionKind& gvk) const {
  return watches_.Find(gvk);
}

bool Controller::HasSeen(const policy::CompiledPolicy& policy, const crds::ObjectReference& written,
                         std::string_view resource_version) const {
  return watches_.HasSeen(policy, written, resource_version);
}

std::optional<limits::Refusal> Controller::Stale(const policy::CompiledPolicy& policy) const {
  return watches_.Stale(policy);
}

std::vector<policy::PreviousRemediation> Controller::Before(
    const crds::Remediation& remediation) const {
  std::vector<policy::PreviousRemediation> before;
  for (const crds::Remediation* one : registry_.Ended(LineageOf(remediation))) {
    if (one->metadata.name == remediation.metadata.name) continue;
    if (std::ssize(before) == limits::kPreviousRead) break;
    const crds::RemediationStatus& status = one->status;
    policy::PreviousRemediation& previous = before.emplace_back();
    previous.name = one->metadata.name;
    if (status.trigger) previous.trigger = status.trigger->name;
    if (status.phase) previous.phase = crds::ToString(*status.phase);
    previous.reason = status.reason;
    previous.finished_at = *status.finished_at;
    for (const crds::RemedyProgress& remedy : status.remedies) {
      if (remedy.attempt > 0) previous.remedies.push_back(remedy.name);
    }
  }
  return before;
}

std::string Controller::OtherWriter(const crds::Remediation& remediation,
                                    const crds::ObjectReference& object) const {
  absl::Time ours = absl::InfinitePast(), theirs = absl::InfinitePast();
  std::string other;
  registry_.ForEach([&](const crds::Remediation& about) {
    const bool same = about.spec.policy_ref.uid == remediation.spec.policy_ref.uid;
    for (const crds::StepProgress& step : about.status.steps) {
      for (const crds::WriteRecord& write : step.writes) {
        const bool applied = write.outcome == crds::WriteOutcome::kApplied;
        if (!applied || limits::LockKey(write.object) != limits::LockKey(object)) continue;
        if (same) {
          ours = std::max(ours, write.intent_at);
        } else if (write.intent_at >= theirs) {
          theirs = write.intent_at;
          other = "policy " + about.spec.policy_ref.name;
        }
      }
    }
  });
  return theirs > ours ? other : "";
}

document::Projection::Ptr Controller::TargetProjection(const policy::CompiledPolicy& policy) const {
  return watches_.TargetProjection(policy);
}

document::Projection::Ptr Controller::RelatedProjection(const policy::CompiledPolicy& policy,
                                                        size_t join) const {
  return watches_.RelatedProjection(policy, join);
}

std::vector<Runner*> Controller::RunnersOf(const policy::CompiledPolicy& policy,
                                           const kube::ObjectKey& target) const {
  std::vector<Runner*> found;
  for (const auto& [name, runner] : runners_) {
    if (runner->policy()->id == policy.id && runner->target() == target) {
      found.push_back(runner.get());
    }
  }
  return found;
}

}  // namespace kr::remediation
