// Remediations: taking up, carrying out, ending, taking over from another leader, pruning.
#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/cache/resource_version.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/history.h"
#include "reconcilers/policy/compile.h"
#include "reconcilers/policy/params.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/effects_finalizer.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {

using crds::Phase;

namespace {

// How long it is believed who controls a ReplicaSet or Job.
constexpr absl::Duration kOwnersKept = absl::Hours(1);
// After that nobody else carries a Remediation on, if we still lead.
constexpr absl::Duration kLeftToOthers = absl::Minutes(1);

}  // namespace

void Controller::OnRemediation(const document::DocumentPtr& before,
                               const document::DocumentPtr& after) {
  if (!after) {
    const crds::Remediation* known = registry_.Find(before->name());
    const bool held =
        known != nullptr && known->metadata.uid == before->uid() && HoldsMitigations(*known);
    registry_.Remove(before->name(), before->uid());
    if (held && stage_ == Stage::kLeading && !Paused()) sweep_.Start();
    if (registry_.Find(before->name()) == nullptr && ledger_.Holds(before->name())) {
      ledger_.Release(before->name());
      ConsiderBlocked();
    }
    const auto runner = runners_.find(std::string(before->name()));
    if (runner != runners_.end() && runner->second->remediation().metadata.uid == before->uid()) {
      runner->second->OnDeleted();
    }
    return;
  }
  auto parsed = crds::FromJson<crds::Remediation>(after->ToJson());
  if (!parsed.ok()) {
    log::Error("Remediation could not be read",
               {{"remediation", after->name()}, {"error", Message(parsed.status())}});
    return;
  }
  registry_.Upsert(*parsed);
  // Of one that we run the newest state is the runner's.
  const auto running = runners_.find(parsed->metadata.name);
  const bool held = ledger_.Holds(parsed->metadata.name);
  Account(running != runners_.end() ? running->second->remediation()
                                    : *registry_.Find(parsed->metadata.name));
  // It had ended before, and its finalizer is off now: that was its slot.
  if (held && !ledger_.Holds(parsed->metadata.name)) ConsiderSoon(parsed->spec.policy_ref.uid);
  if (stage_ != Stage::kLeading) return;
  const auto runner = runners_.find(parsed->metadata.name);
  if (runner != runners_.end()) return runner->second->OnRemediation(*parsed);
  if (parsed->spec.retry) ConsiderSoon(parsed->spec.policy_ref.uid);
  // The watch may be behind what our own writes have taught the registry.
  const crds::Remediation newest = *registry_.Find(parsed->metadata.name);
  if (IsOpen(newest) && !creating_.contains(LineageOf(newest))) TakeUp(newest, {});
  if (!IsOpen(newest) && HoldsMitigations(newest)) TakeUp(newest, {});
  finalizers_.Release(newest);
}

void Controller::Lead(Term term) {
  log::Info("Began to lead", {{"holder", term.holder}});
  services_.term = std::move(term);
  stage_ = Stage::kCatchingUp;
  // One consistent list: the cache must know every Remediation that exists before anything is
  // decided, or an episode would be answered twice.
  kube::ListOptions options{.metadata_only = true};
  api_.Send(kube::ListObjects(RemediationResource(), options),
            [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
              auto self = weak.lock();
              if (!self || (*self)->stage_ != Stage::kCatchingUp) return;
              Controller& controller = **self;
              if (!reply.ok()) {
                controller.engine_.After(absl::Seconds(1), [weak] {
                  auto again = weak.lock();
                  if (again && (*again)->stage_ == Stage::kCatchingUp) {
                    (*again)->Lead((*again)->services_.term);
                  }
                });
                return;
              }
              controller.wanted_.clear();
              const auto list = nlohmann::json::parse(reply->body, nullptr, false);
              if (list.is_object() && list.contains("items")) {
                for (const auto& item : list["items"]) {
                  const nlohmann::json& metadata = item["metadata"];
                  if (metadata.contains("name") && metadata.contains("resourceVersion")) {
                    controller.wanted_[metadata["name"]] = metadata["resourceVersion"];
                  }
                }
              }
              controller.listed_ = true;
              controller.CatchUp();
            });
}

void Controller::CatchUp() {
  if (!listed_ || !ready()) return;
  for (const auto& [name, version] : wanted_) {
    const crds::Remediation* known = registry_.Find(name);
    // What the cache has left behind may have been deleted since.
    if (known == nullptr && !watches_.OwnHasSeen(RemediationResource(), version)) return;
    if (known != nullptr && cache::CompareResourceVersions(known->metadata.resource_version,
                                                           version) == std::strong_ordering::less) {
      return;
    }
  }
  wanted_.clear();
  listed_ = false;
  stage_ = Stage::kLeading;
  baselines_.Start();
  if (options_.alerts_repeated_within) {
    watches_.past().alerts.Listen(engine_.clock().Now(), *options_.alerts_repeated_within);
  }
  for (const auto& [name, entry] : policies_.by_name()) {
    states_[entry.object.metadata.uid].breaker.TakeOver(entry.object.status.breaker);
    RestoreGroups(entry.object, states_[entry.object.metadata.uid]);
  }
  Adopt();
  for (const auto& [name, entry] : policies_.by_name()) {
    Report(entry.object.metadata.uid);
    ConsiderSoon(entry.object.metadata.uid);
    CheckPermissions(entry.object.metadata.uid);
  }
  RecordBaselines();
  if (!Paused()) sweep_.Start();
  Prune();
}

void Controller::StopLeading() {
  stage_ = Stage::kStandby;
  baselines_.Stop();
  sweep_.Stop();
  preflight_.Stop();
  watches_.past().alerts.Stop();
  listed_ = false;
  while (!creating_.empty()) EndCreation(creating_.begin()->first);
  uncreated_.clear();
  binding_.clear();
  finalizers_.Stop();
  concluding_.clear();
  left_to_others_.clear();
  runners_.clear();
  engine_.Cancel(prune_timer_);
  prune_timer_ = {};
  metrics_.running.Set(0);
}

void Controller::Adopt() {
  std::vector<crds::Remediation> open;
  registry_.ForEach([&](const crds::Remediation& remediation) {
    drains_.Remember(remediation);
    if (IsOpen(remediation) || HoldsMitigations(remediation)) open.push_back(remediation);
    finalizers_.Release(remediation);  // its leader died before it could
  });
  // Before the first of them goes on: what another one may have in its hands.
  for (const crds::Remediation& remediation : open) drains_.Adopt(remediation);
  for (const crds::Remediation& remediation : open) TakeUp(remediation, {});
}

void Controller::TakeUp(const crds::Remediation& remediation, StartFacts start) {
  const std::string& name = remediation.metadata.name;
  if (runners_.contains(name) || concluding_.contains(name)) return;
  if (left_to_others_.contains(name)) return;
  if (!remediation.metadata.labels.contains(std::string(crds::kLineageLabel))) {
    return Bind(remediation);
  }
  const std::vector<const crds::Remediation*> open = registry_.Open(LineageOf(remediation));
  for (const crds::Remediation* other : open) {
    // What is over and holds something still is nobody's duplicate.
    if (other->metadata.name == name || !IsOpen(remediation)) continue;
    // Whoever is at work goes on; by hand nobody pushes in. Otherwise the older one runs.
    const bool first = runners_.contains(other->metadata.name) ||
                       (remediation.IsManual() && !other->IsManual()) ||
                       (other == open.front() && remediation.IsManual() == other->IsManual());
    if (!first) continue;
    return Conclude(remediation, Phase::kCancelled, crds::reason::kDuplicate,
                    "Remediation " + other->metadata.name + " is at work on it already");
  }
  policy::CompiledPolicyPtr policy = PolicyOf(remediation);
  if (!policy && !IsOpen(remediation)) {
    return log::Error("What a Remediation holds cannot be released: its policy is not understood",
                      {{"remediation", name}});
  }
  if (!policy) {
    return Conclude(remediation, Phase::kCancelled, crds::reason::kPolicyGone,
                    "policy " + remediation.spec.policy_ref.name +
                        " was deleted or cannot be understood any more; changes that were made "
                        "stay");
  }
  if (!remediation.status.phase && start.ledger.n == 0) {
    // Made, but its maker died before the first status: what it started from is seen again, or the
    // live check finds that the symptom is gone.
    if (remediation.IsManual()) {
      limits::Beginning beginning = BeginningOf(remediation, *policy);
      start.ledger = beginning.ledger;
      start.contended = beginning.contended;
    } else {
      start.ledger.n = limits::Remember(remediation, absl::InfinitePast()).ledger.n;
    }
    start.detected_at = remediation.metadata.creation_timestamp.value_or(engine_.clock().Now());
    start.trigger_since = start.detected_at;
    const policy::PolicyTargets* targets = symptoms_.Find(*policy);
    const crds::ObjectReference& ref = remediation.spec.target_ref;
    if (targets != nullptr) {
      const auto sick = targets->sick.find({ref.name_space, ref.name});
      if (sick != targets->sick.end()) {
        start.evidence = sick->second.evidence;
        if (!remediation.IsManual() && sick->second.symptom.trigger) {
          start.trigger = policy->triggers[*sick->second.symptom.trigger].name;
        }
      }
    }
  }
  for (const crds::Evidence& evidence : remediation.status.evidence) {
    watches_.event_log().Restore(*policy, evidence, engine_.clock().Now());
  }
  auto runner = std::make_unique<Runner>(
      services_, *this, policy, remediation, std::move(start),
      Runner::Callbacks{.close_ledger =
                            [this](const crds::Remediation& ending, Phase phase) {
                              const policy::PolicyEntry* entry =
                                  policies_.FindByUid(ending.spec.policy_ref.uid);
                              // To look at a plan by hand is nothing to rest from.
                              if (ending.status.manual && phase == Phase::kObserved) {
                                return ending.status.ledger.value_or(crds::Ledger());
                              }
                              const absl::Duration cooldown =
                                  entry != nullptr ? entry->object.spec.limits.cooldown
                                                   : crds::Limits().cooldown;
                              return limits::Finish(ending.status.ledger.value_or(crds::Ledger()),
                                                    phase, HasWritten(ending.status), cooldown,
                                                    options_.limits, engine_.clock().Now());
                            },
                        .claim =
                            [this](const crds::Remediation& claiming,
                                   std::span<const crds::ObjectReference> objects) {
                              return Claim(claiming, objects);
                            },
                        .remediated =
                            [this, policy](const document::Document& target,
                                           const signals::View& view, absl::Time steps_done) {
                              OnRemediated(*policy, target, view, steps_done);
                            },
                        .concluded = [this](Runner& concluded) { OnConcluded(concluded); },
                        .ended = [this](Runner& ended) { OnEnded(ended); },
                        .released =
                            [this](const crds::Remediation& waiting) {
                              Account(waiting);
                              ConsiderSoon(waiting.spec.policy_ref.uid);
                            },
                        .waits =
                            [this](const crds::Remediation& waiting) {
                              ConsiderSoon(waiting.spec.policy_ref.uid);
                            }});
  Runner& started = *runner;
  runners_[name] = std::move(runner);
  metrics_.running.Set(static_cast<double>(runners_.size()));
  const policy::PolicyEntry* entry = policies_.FindByUid(policy->uid);
  if (entry == nullptr || entry->For(remediation.spec.target_ref) != policy)
    Serve();  // keep what it reads watched
  if (entry == nullptr) return started.OnPolicyGone();
  started.Advance();
}

namespace {

// The policy with the values that a person gave for this run, or as it is; null when they do not
// fit (any more).
policy::CompiledPolicyPtr ForRun(const policy::PolicyEntry& entry,
                                 const policy::CompiledPolicyPtr& live,
                                 const crds::Remediation& run) {
  const nlohmann::json values = run.spec.params.Parse();
  if (values.empty()) return live;
  auto params = policy::WithValues(live->spec.params, values);
  if (!params.ok()) return nullptr;
  crds::RemediationPolicy policy = entry.object;
  policy.spec.params = *std::move(params);
  auto kinds = policy::CompileKinds(policy);
  if (!kinds.ok()) return nullptr;
  for (const policy::CompiledPolicyPtr& kind : *kinds) {
    if (kind->target == live->target) return kind;
  }
  return nullptr;
}

}  // namespace

policy::CompiledPolicyPtr Controller::PolicyOf(const crds::Remediation& remediation) const {
  const policy::PolicyEntry* entry = policies_.FindByUid(remediation.spec.policy_ref.uid);
  const bool started = remediation.status.phase.has_value();
  const policy::CompiledPolicyPtr live =
      entry == nullptr ? nullptr : entry->For(remediation.spec.target_ref);
  const bool same_generation =
      live && (!started || remediation.status.policy_generation == live->generation);
  // Parameters may have got other values without an edit of the policy.
  if (same_generation && !started) return ForRun(*entry, live, remediation);
  if (same_generation && live->spec.params.empty()) return live;
  if (!started) return nullptr;
  const auto json = nlohmann::json::parse(remediation.status.snapshot, nullptr, false);
  const auto snapshot = crds::FromJson<crds::PolicySnapshot>(json);
  if (!snapshot.ok()) return same_generation ? live : nullptr;
  if (same_generation && live->spec.params == snapshot->params) return live;
  // Changed or deleted since: from the snapshot, with nothing but this target.
  crds::RemediationPolicy policy;
  if (entry != nullptr) policy = entry->object;
  policy.metadata.name = remediation.spec.policy_ref.name;
  policy.metadata.uid = remediation.spec.policy_ref.uid;
  policy.metadata.generation = remediation.status.policy_generation;
  const crds::ObjectReference& ref = remediation.spec.target_ref;
  policy.spec.target = {.api_version = ref.api_version, .kind = ref.kind, .names = {ref.name}};
  if (!ref.name_space.empty()) policy.spec.target.namespaces = {ref.name_space};
  policy.spec.params = snapshot->params;
  policy.spec.param_ref.reset();
  policy.spec.related = snapshot->related;
  policy.spec.events = snapshot->events;
  policy.spec.variables = snapshot->variables;
  policy.spec.triggers = snapshot->triggers;
  policy.spec.remedies = snapshot->remedies;
  policy.spec.recovery = snapshot->recovery;
  auto compiled = policy::Compile(policy);
  return compiled.ok() ? *std::move(compiled) : nullptr;
}

void Controller::Conclude(const crds::Remediation& remediation, Phase phase,
                          std::string_view reason, std::string message) {
  auto writer = std::make_unique<StatusWriter>(
      api_, engine_, services_.term,
      StatusWriter::Options{.write_timeout = options_.timing.write_timeout}, remediation);
  crds::RemediationStatus& status = writer->status();
  const absl::Time now = engine_.clock().Now();
  status.phase = phase;
  status.reason = reason;
  status.message = message;
  status.finished_at = now;
  for (const auto& [type, holds] : {std::pair{crds::kConditionComplete, true},
                                    std::pair{crds::kConditionFailed, phase == Phase::kFailed}}) {
    crds::SetCondition(
        status.conditions,
        {.type = std::string(type),
         .status = holds ? crds::ConditionStatus::kTrue : crds::ConditionStatus::kFalse,
         .reason = std::string(reason),
         .message = message},
        remediation.metadata.generation, now);
  }
  const std::string name = remediation.metadata.name;
  StatusWriter& concluding = *writer;
  concluding_[name] = std::move(writer);
  metrics_.CountEnded(concluding.status());
  concluding.Save([this, name](SaveResult) {
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_), name] {
      auto self = weak.lock();
      if (!self) return;
      const auto it = (*self)->concluding_.find(name);
      if (it == (*self)->concluding_.end()) return;
      (*self)->Learn(it->second->remediation());
      (*self)->concluding_.erase(it);
    });
  });
}

void Controller::OnConcluded(Runner& runner) {
  const crds::Remediation& remediation = runner.remediation();
  const std::string uid = remediation.spec.policy_ref.uid;
  if (registry_.Find(remediation.metadata.name) != nullptr) Learn(remediation);
  const Phase phase = *remediation.status.phase;
  metrics_.CountEnded(remediation.status);
  log::Info("Ended remediation", {{"remediation", remediation.metadata.name},
                                  {"phase", crds::ToString(phase)},
                                  {"reason", remediation.status.reason},
                                  {"message", remediation.status.message}});
  // It lives on for what it holds; otherwise all of this is done when it has ended, in a moment.
  if (HoldsMitigations(remediation)) {
    symptoms_.Queue(runner.policy()->id, runner.target());
    ConsiderSoon(uid);
    Report(uid);
  }
  const auto state = states_.find(uid);
  if (state == states_.end()) return;
  state->second.breaker.Finished(phase, engine_.clock().Now());
  const document::DocumentPtr target = watches_.Target(*runner.policy(), runner.target());
  std::vector<Group> groups = NodeGroupsOf(*runner.policy(), runner.target().name);
  if (target) std::ranges::move(GroupsOf(*runner.policy(), *target), std::back_inserter(groups));
  for (const Group& group : groups) {
    state->second.groups[group].breaker.Finished(phase, engine_.clock().Now());
  }
}

void Controller::OnEnded(Runner& runner) {
  const crds::Remediation& remediation = runner.remediation();
  const std::string uid = remediation.spec.policy_ref.uid;
  if (registry_.Find(remediation.metadata.name) != nullptr) Learn(remediation);
  if (runner.taken_over()) LeaveToOthers(remediation.metadata.name);
  // The runner is on the stack.
  engine_.After(
      absl::ZeroDuration(),
      [weak = std::weak_ptr(self_), uid, target = remediation.spec.target_ref,
       key = TargetKey(runner.policy()->id, runner.target()), name = remediation.metadata.name] {
        auto self = weak.lock();
        if (!self) return;
        Controller& controller = **self;
        const auto it = controller.runners_.find(name);
        if (it == controller.runners_.end() || !it->second->ended()) return;
        const policy::PolicyEntry* entry = controller.policies_.FindByUid(uid);
        const bool pinned = entry == nullptr || entry->For(target) != it->second->policy();
        controller.runners_.erase(it);
        controller.metrics_.running.Set(static_cast<double>(controller.runners_.size()));
        if (pinned) controller.Serve();
        if (const crds::Remediation* over = controller.registry_.Find(name)) {
          controller.finalizers_.Release(*over);
        }
        // Events before its last write are answered now.
        controller.symptoms_.Queue(key.first, key.second);
        controller.ConsiderSoon(uid);
        controller.WakeWaiting();
        controller.Report(uid);
      });
}

void Controller::WakeWaiting() {
  ConsiderBlocked();
  // In the order in which they would be admitted; one that ends takes its runner with it.
  std::vector<std::tuple<int64_t, std::optional<absl::Time>, std::string>> waiting;
  for (const auto& [name, runner] : runners_) {
    const crds::RemediationStatus& status = runner->status();
    if (status.phase != Phase::kPending && status.phase != Phase::kAwaitingApproval) continue;
    waiting.emplace_back(-runner->policy()->spec.priority, status.started_at, name);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [order, started, name] : waiting) {
    const auto runner = runners_.find(name);
    if (runner != runners_.end()) runner->second->Advance();
  }
}

void Controller::LeaveToOthers(const std::string& name) {
  left_to_others_.insert(name);
  engine_.After(kLeftToOthers, [weak = std::weak_ptr(self_), name] {
    auto self = weak.lock();
    if (!self || (*self)->left_to_others_.erase(name) == 0) return;
    const crds::Remediation* remediation = (*self)->registry_.Find(name);
    if ((*self)->leading() && remediation != nullptr && IsOpen(*remediation)) {
      (*self)->TakeUp(crds::Remediation(*remediation), {});
    }
  });
}

void Controller::OnFinalizerOff(const crds::Remediation& remediation) {
  const bool held = ledger_.Holds(remediation.metadata.name);
  Learn(remediation);
  if (held && !ledger_.Holds(remediation.metadata.name)) {
    ConsiderSoon(remediation.spec.policy_ref.uid);
  }
}

void Controller::Prune() {
  engine_.Cancel(prune_timer_);
  prune_timer_ = engine_.After(options_.prune_interval, [this] { Prune(); });
  owners_.Forget(kOwnersKept);
  for (auto& [uid, state] : states_) {
    std::erase_if(state.last_sick,
                  [&](const auto& entry) { return registry_.Newest(entry.first) == nullptr; });
  }
  if (stage_ != Stage::kLeading) return;
  PruneBaselines();
  std::map<std::string, std::vector<limits::HistoryEntry>> by_policy;
  registry_.ForEach([&](const crds::Remediation& remediation) {
    by_policy[remediation.spec.policy_ref.uid].push_back(limits::ToHistoryEntry(remediation));
  });
  for (const auto& [uid, entries] : by_policy) {
    const policy::PolicyEntry* entry = policies_.FindByUid(uid);
    limits::PruneRules rules;
    if (entry != nullptr) {
      const crds::RemediationPolicySpec& spec = entry->object.spec;
      rules = {spec.history, spec.limits.rate, entry->object.metadata.generation,
               std::ranges::any_of(entry->watched, &policy::CompiledPolicy::reads_previous)};
    }
    for (const std::string& name :
         limits::Prunable(entries, rules, options_.limits, engine_.clock().Now())) {
      const crds::Remediation* old = registry_.Find(name);
      if (old == nullptr || !pruning_.insert(name).second) continue;
      kube::HttpRequest request = kube::DeleteObject(
          RemediationResource(), {"", name},
          {.uid = old->metadata.uid, .resource_version = old->metadata.resource_version},
          {.field_manager = actions::kFieldManager});
      request.timeout = options_.timing.write_timeout;
      api_.Send(std::move(request),
                [weak = std::weak_ptr(self_), name](StatusOr<kube::Reply>) {
                  if (auto self = weak.lock()) (*self)->pruning_.erase(name);
                },
                {.permit = runtime::PermitNeed::kWrite, .lane = runtime::Lane::kBackground});
    }
  }
}

}  // namespace kr::remediation
