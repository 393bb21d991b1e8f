// Admission: which sick targets become Remediations, and why the others wait.
#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/lineage.h"
#include "reconcilers/limits/priority.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/refusal_events.h"
#include "reconcilers/remediation/resources.h"
#include "reconcilers/remediation/target_facts.h"

namespace kr::remediation {

using signals::Tri;

namespace {

constexpr absl::Duration kLookAgain = absl::Seconds(1);

// A group without a limit has a breaker that never saw anything.
bool IsTripped(const limits::Breaker& breaker) {
  const std::optional<crds::Breaker> stored = breaker.ToStatus();
  return stored && stored->state != crds::BreakerState::kClosed;
}

}  // namespace

limits::Breaker::Limit Controller::BreakerLimit(const crds::RemediationPolicySpec& spec) const {
  return {.max_unhealthy = spec.limits.max_unhealthy, .calm = options_.limits.breaker_calm};
}

// One policy while candidates of several are looked at.
struct Controller::Session {
  std::string uid;
  std::vector<const policy::PolicyTargets*> kinds;
  PolicyState* state;
  std::map<TargetKey, Refused> before;  // who waited, and why
  limits::PolicyView view;
  std::vector<absl::Time> created;               // of its Remediations
  std::map<std::string, absl::Time> sick_since;  // by lineage, of the targets so far
};

struct Controller::Candidate {
  bool last = false;  // our own node
  int64_t priority = 0;
  absl::Time since;
  size_t session = 0;
  kube::ObjectKey key;
  const policy::PolicyTargets* targets = nullptr;  // that it is one of

  friend bool operator<(const Candidate& a, const Candidate& b) {
    return std::tuple(a.last, -a.priority, a.since, a.session, a.key) <
           std::tuple(b.last, -b.priority, b.since, b.session, b.key);
  }
};

void Controller::ConsiderSoon(const std::string& policy_uid) {
  considering_.insert(policy_uid);
  if (std::exchange(consider_scheduled_, true)) return;
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->Consider();
  });
}

void Controller::ConsiderBlocked() {
  for (const auto& [uid, state] : states_) {
    const bool blocked =
        std::any_of(state.waiting.begin(), state.waiting.end(), [](const auto& waiting) {
          const std::string& reason = waiting.second.shown.reason;
          return reason == crds::refusal::kTargetBusy || reason == crds::refusal::kBudgetExhausted;
        });
    if (blocked) ConsiderSoon(uid);
  }
}

int64_t Controller::Selected(std::string_view policy_uid) const {
  int64_t selected = 0;
  for (const policy::PolicyTargets* targets : symptoms_.Of(policy_uid)) {
    selected += targets->selected;
  }
  return selected;
}

bool Controller::Settled(std::string_view policy_uid) const {
  const auto kinds = symptoms_.Of(policy_uid);
  return !kinds.empty() &&
         std::all_of(kinds.begin(), kinds.end(),
                     [](const policy::PolicyTargets* targets) { return targets->settled; });
}

limits::Breaker::Counts Controller::CountSick(std::string_view policy_uid) const {
  limits::Breaker::Counts counts{.selected = Selected(policy_uid)};
  // What a schedule asks for is no sign of anything being wrong.
  for (const policy::PolicyTargets* targets : symptoms_.Of(policy_uid)) {
    for (const auto& [key, sick] : targets->sick) {
      if (!sick.planned) ++counts.unhealthy;
    }
  }
  for (const auto& [name, runner] : runners_) {
    if (runner->remediation().spec.policy_ref.uid != policy_uid || runner->planned()) continue;
    if (!limits::HoldsSlot(runner->remediation())) continue;  // nobody is at work there
    // Deleted by its own remedy, say: it is not among those that are selected either.
    if (!watches_.Target(*runner->policy(), runner->target())) continue;
    const std::optional<crds::Holding>& holding = runner->status().holding;
    if (holding && holding->revert) continue;  // cured
    const policy::PolicyTargets* targets = symptoms_.Find(*runner->policy());
    const bool counted = targets != nullptr && targets->sick.contains(runner->target()) &&
                         !targets->sick.at(runner->target()).planned;
    if (!counted) ++counts.unhealthy;
  }
  return counts;
}

limits::Breaker::Counts Controller::CountUnhealthy(std::string_view policy_uid) const {
  limits::Breaker::Counts counts = CountSick(policy_uid);
  const auto cluster = budgets_.zones().find("");
  if (cluster == budgets_.zones().end() || cluster->second.not_ready.empty()) return counts;
  std::set<std::string> at_work;
  ledger_.ForEachOf(policy_uid, [&](const limits::Ledger::Holder& holder) {
    at_work.insert(holder.target.name);
  });
  for (const policy::PolicyTargets* targets : symptoms_.Of(policy_uid)) {
    if (!targets->policy->targets_nodes() || targets->policy->only_notifies) continue;
    for (const std::string& node : cluster->second.not_ready) {
      const kube::ObjectKey key{"", node};
      if (targets->sick.contains(key) || at_work.contains(node)) continue;
      if (watches_.Target(*targets->policy, key)) ++counts.unhealthy;
    }
  }
  return counts;
}

void Controller::Consider() {
  // All that is known to have changed is evaluated first: in a storm the breaker must have the
  // numbers before the first target is admitted.
  if (!symptoms_.idle()) {
    engine_.After(absl::Milliseconds(1), [weak = std::weak_ptr(self_)] {
      if (auto self = weak.lock()) (*self)->Consider();
    });
    return;
  }
  consider_scheduled_ = false;
  if (stage_ == Stage::kLeading) budgets_.Refresh();
  std::vector<Session> sessions;
  for (const std::string& uid : std::exchange(considering_, {})) OpenSession(uid, sessions);
  // Whoever is first in the order of all policies takes what there is; what is blocked by something
  // else is skipped and keeps nobody waiting.
  for (const Candidate& candidate : CandidatesOf(sessions)) {
    TryAdmit(sessions[candidate.session], candidate);
  }
  for (Session& session : sessions) {
    AddStalled(session);
    CloseSession(session);
  }
  ReportBudgets();
  SetGauges();
}

void Controller::OpenSession(const std::string& policy_uid, std::vector<Session>& sessions) {
  std::vector<const policy::PolicyTargets*> kinds = symptoms_.Of(policy_uid);
  const policy::PolicyEntry* entry = policies_.FindByUid(policy_uid);
  if (kinds.empty() || entry == nullptr) {
    // Edited into something that is not understood: nobody waits for it any more.
    const auto state = states_.find(policy_uid);
    if (state != states_.end()) state->second.waiting.clear();
    return Report(policy_uid);
  }
  PolicyState& state = states_[policy_uid];
  std::optional<limits::Breaker::Counts> counts;
  const bool settled = Settled(policy_uid);
  if (settled) counts = CountUnhealthy(policy_uid);
  state.breaker.Observe(counts, BreakerLimit(entry->object.spec), engine_.clock().Now());

  if (settled) CountGroups(kinds, state);
  const bool anybody = std::any_of(kinds.begin(), kinds.end(),
                                   [](const auto* targets) { return !targets->sick.empty(); });
  Session session{.uid = policy_uid, .kinds = std::move(kinds), .state = &state};
  session.before = std::exchange(state.waiting, {});
  if (stage_ == Stage::kLeading && anybody) {
    session.view = ViewOf(session.kinds, state);
    session.created = CreationTimes(policy_uid);
    session.view.rate = limits::CheckRates(session.view, session.created);
  }
  sessions.push_back(std::move(session));
}

std::vector<Controller::Candidate> Controller::CandidatesOf(std::vector<Session>& sessions) const {
  std::vector<Candidate> candidates;
  if (stage_ != Stage::kLeading) return candidates;
  const absl::Time now = engine_.clock().Now();
  for (size_t i = 0; i < sessions.size(); ++i) {
    for (const policy::PolicyTargets* targets : sessions[i].kinds) {
      const policy::CompiledPolicy& policy = *targets->policy;
      const bool nodes = policy.targets_nodes();
      for (const auto& [key, sick] : targets->sick) {
        if (!sick.symptom.trigger && sick.symptom.value != Tri::kUnknown) continue;
        const auto waited = sessions[i].before.find({policy.id, key});
        const absl::Time since = waited == sessions[i].before.end() ? now : waited->second.since;
        candidates.push_back({.last = nodes && key.name == options_.limits.own_node,
                              .priority = limits::EffectivePriority(
                                  policy.spec.priority, now - since, options_.limits.aging),
                              .since = sick.since,
                              .session = i,
                              .key = key,
                              .targets = targets});
      }
    }
  }
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

void Controller::CloseSession(Session& session) {
  PolicyState& state = *session.state;
  const absl::Time now = engine_.clock().Now();
  const policy::PolicyEntry* entry = policies_.FindByUid(session.uid);
  absl::Time recheck = state.breaker.NextChange(BreakerLimit(entry->object.spec));
  for (const auto& [group, one] : state.groups) {
    const auto max_unhealthy = MaxUnhealthyOf(*session.kinds.front()->policy, group);
    if (!max_unhealthy) continue;
    recheck =
        std::min(recheck, one.breaker.NextChange({*max_unhealthy, options_.limits.breaker_calm}));
  }
  std::set<std::string> reasons;  // that somebody waited for before
  for (const auto& [key, waited] : session.before) reasons.insert(waited.shown.reason);
  std::vector<NewRefusal> news;
  for (auto& [key, waiting] : state.waiting) {
    const auto known = session.before.find(key);
    if (known != session.before.end()) waiting.since = known->second.since;
    if (known != session.before.end() && known->second.shown.reason == waiting.shown.reason) {
      waiting.shown.since = known->second.shown.since;
    } else {
      metrics_.refusals.With({waiting.shown.reason}).Increment();
      // A Remediation tells its own Events.
      if (!waiting.open) {
        news.push_back({waiting.shown, reasons.insert(waiting.shown.reason).second});
      }
    }
    recheck = std::min(recheck, waiting.recheck);
  }
  for (const runtime::Event& event : RefusalEvents(entry->object, news)) events_.Record(event);
  if (recheck != absl::InfiniteFuture() && state.recheck != recheck) {
    state.recheck = recheck;
    engine_.After(std::max(recheck - now, absl::Milliseconds(1)),
                  [weak = std::weak_ptr(self_), uid = session.uid, recheck] {
                    auto self = weak.lock();
                    if (!self) return;
                    const auto it = (*self)->states_.find(uid);
                    if (it == (*self)->states_.end() || it->second.recheck != recheck) return;
                    it->second.recheck.reset();
                    (*self)->ConsiderSoon(uid);
                  });
  }
  Report(session.uid);
}

void Controller::SetGauges() const {
  size_t sick = 0, open = 0, groups = 0;
  for (const auto& [uid, targets] : symptoms_.policies()) sick += targets.sick.size();
  for (const auto& [uid, state] : states_) {
    if (state.breaker.state() != crds::BreakerState::kClosed) ++open;
    for (const auto& [group, one] : state.groups) groups += IsTripped(one.breaker) ? 1 : 0;
  }
  metrics_.sick.Set(static_cast<double>(sick));
  metrics_.breakers.Set(static_cast<double>(open));
  metrics_.group_breakers.Set(static_cast<double>(groups));
  metrics_.cache_bytes.Set(static_cast<double>(watches_.cache_bytes()));
  metrics_.dismissed.Set(static_cast<double>(watches_.dismissed()));
}

void Controller::ForEachOf(std::string_view policy_uid,
                           absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  registry_.ForEachOf(policy_uid, [&](const crds::Remediation& remediation) {
    // A phase that is on its way to the server counts already.
    const auto runner = runners_.find(remediation.metadata.name);
    visit(runner != runners_.end() ? runner->second->remediation() : remediation);
  });
  for (const auto& [lineage, draft] : creating_) {
    if (draft.object.spec.policy_ref.uid != policy_uid) continue;
    if (registry_.Find(draft.object.metadata.name) == nullptr) visit(draft.object);
  }
}

StatusOr<std::string> Controller::LineageOfTarget(const policy::CompiledPolicy& policy,
                                                  const document::Document& target) const {
  const crds::ObjectReference ref = TargetRef(policy, target);
  std::optional<limits::PodOwners> owners;
  if (policy.target.group.empty() && policy.target.kind == "Pod" && !policy::IsPlace(target)) {
    KR_ASSIGN_OR_RETURN(owners, owners_.Find(target));
  }
  return limits::LineageDigest(policy.uid, limits::Lineage(ref, owners));
}

void Controller::SawWell(const policy::PolicyTargets& targets, const document::Document& target) {
  // Where the lineage is not known, no admission has asked, so there is nothing to remember.
  const auto lineage = LineageOfTarget(*targets.policy, target);
  if (!lineage.ok()) return;
  uncreated_.erase(*lineage);
  if (registry_.Newest(*lineage) == nullptr) return;
  states_[targets.policy->uid].last_sick[*lineage] = engine_.clock().Now();
}

void Controller::TryAdmit(Session& session, const Candidate& candidate) {
  const kube::ObjectKey& key = candidate.key;
  const policy::PolicyTargets& targets = *candidate.targets;
  const policy::CompiledPolicy& policy = *targets.policy;
  const policy::Sick& sick = targets.sick.at(key);
  const document::DocumentPtr target = watches_.Target(policy, key);
  if (!target) return;
  const crds::Remediation* known = registry_.NewestAbout(policy.uid, TargetRef(policy, *target));
  if (known != nullptr && IsOpen(*known)) return;
  const StatusOr<std::string> lineage = LineageOfTarget(policy, *target);
  limits::TargetView view = ViewOf(policy, *session.state, *target, sick, "");
  view.second_look = SecondLookAt(targets, sick, known);
  if (lineage.ok()) {
    if (creating_.contains(*lineage)) return KeepWaiting(session, {policy.id, key});
    view.uncreated = Uncreated(*lineage);
    for (const crds::Remediation* open : registry_.Open(*lineage)) {
      view.sibling = {open->metadata.name, open->spec.target_ref.ToString()};
    }
    view.sick_since = session.sick_since.try_emplace(*lineage, sick.since).first->second;
    AddMemory(session, targets, *target, *lineage, view);
    if (view.memory) view.memory->planned = sick.planned;
  }
  std::optional<limits::Refusal> refusal = limits::Decide(session.view, view);
  if (!refusal && !lineage.ok()) {
    // Nothing else is in the way: only now is it worth a request.
    if (owners_.Learn(*target, policy.uid)) return;  // in a moment
    refusal = limits::Refusal{absl::IsPermissionDenied(lineage.status())
                                  ? limits::Reason::kPermissionDenied
                                  : limits::Reason::kStaleView,
                              std::string(Message(lineage.status()))};
  }
  if (refusal) return Refuse(session, {policy.id, key}, view.facts.ref, *refusal);
  if (!sick.symptom.trigger) return;
  if (sick.events_since < EventsSince(policy, key) ||
      (sick.planned && sick.schedule_since < ScheduleSince(policy, key))) {
    // Seen before the last remediation ended; an evaluation that is paced may still be due.
    return symptoms_.Queue(policy.id, key);
  }
  const limits::Beginning beginning =
      limits::Begin(view.memory, policy.generation, view.sick_since, options_.limits);
  Draft draft = MakeDraft(policy, *target, *lineage, sick, beginning, view.reverted);
  // The next candidate finds it there.
  session.created.push_back(session.view.now);
  session.view.rate = limits::CheckRates(session.view, session.created);
  if (limits::HoldsSlot(draft.object)) {
    session.view.holders.push_back({draft.object.metadata.name, view.facts.ref.ToString()});
    std::vector<Group> groups = GroupsOf(policy, *target);
    std::ranges::move(NodeGroupsOf(policy, target->name()), std::back_inserter(groups));
    for (const Group& group : groups) {
      session.state->groups[group].holders.push_back(session.view.holders.back());
    }
    if (!policy.only_notifies) {
      budgets_.Take({draft.object.metadata.name, policy.name, policy.uid, view.facts.ref},
                    {{view.facts.ref}});
    }
  } else {
    ++session.view.awaiting;
  }
  Create(targets.policy, std::move(draft));
}

void Controller::Refuse(Session& session, const TargetKey& key, const crds::ObjectReference& target,
                        const limits::Refusal& refusal) {
  Refused& waiting = session.state->waiting[key];
  waiting.since = session.view.now;
  waiting.shown = {.target = target,
                   .reason = std::string(limits::Name(refusal.reason)),
                   .message = refusal.message,
                   .since = session.view.now};
  if (refusal.next_check != absl::InfiniteFuture()) {
    waiting.shown.next_check = refusal.next_check;
  }
  waiting.recheck = refusal.next_check;
  if (refusal.reason == limits::Reason::kStaleView) {
    // Nobody tells when a watch goes on where it was.
    waiting.recheck = std::min(waiting.recheck, session.view.now + kLookAgain);
  }
}

// Its creation was refused before and is being tried once more.
void Controller::KeepWaiting(Session& session, const TargetKey& key) {
  const auto before = session.before.find(key);
  if (before == session.before.end() ||
      before->second.shown.reason != crds::refusal::kPermissionDenied) {
    return;
  }
  Refused& waiting = session.state->waiting[key];
  waiting = before->second;
  waiting.shown.next_check.reset();
  waiting.recheck = absl::InfiniteFuture();
}

void Controller::AddStalled(Session& session) const {
  const absl::Time now = engine_.clock().Now();
  for (const auto& [name, runner] : runners_) {
    const crds::Remediation& remediation = runner->remediation();
    if (remediation.spec.policy_ref.uid != session.uid || !IsStalled(remediation)) continue;
    Refused& waiting = session.state->waiting[{runner->policy()->id, runner->target()}];
    waiting = {.shown = {.target = remediation.spec.target_ref,
                         .reason = remediation.status.reason,
                         .message = remediation.status.message,
                         .since = now},
               .since = now,
               .open = true};
  }
}

limits::PolicyView Controller::ViewOf(const std::vector<const policy::PolicyTargets*>& kinds,
                                      const PolicyState& state) const {
  const policy::CompiledPolicy& policy = *kinds.front()->policy;
  limits::PolicyView view;
  view.now = engine_.clock().Now();
  view.paused = policy.spec.paused;
  view.globally_paused = options_.paused;
  view.mode = policy.spec.mode;
  view.generation = policy.generation;
  view.limits = policy.spec.limits;
  view.named_namespaces = policy.spec.target.namespaces;
  view.selected = Selected(policy.uid);
  for (const policy::PolicyTargets* targets : kinds) {
    if (auto stale = watches_.Stale(*targets->policy)) {
      view.stale = stale->message;
      view.stale_until = stale->next_check;
    }
  }
  view.breaker = state.breaker;
  view.outside_window = limits::CheckWindows(policy.windows, view.now);
  view.holders = ledger_.SlotsOf(policy.uid);
  if (policy.spec.mode == crds::Mode::kApprove) {
    ForEachOf(policy.uid, [&](const crds::Remediation& remediation) {
      if (IsOpen(remediation) && !limits::HoldsSlot(remediation)) ++view.awaiting;
    });
  }
  view.settings = options_.limits;
  return view;
}

limits::TargetView Controller::ViewOf(const policy::CompiledPolicy& policy,
                                      const PolicyState& state, const document::Document& target,
                                      const policy::Sick& sick, std::string_view self) const {
  limits::TargetView view;
  if (sick.symptom.value == Tri::kUnknown) {
    view.unknown = sick.unknown.empty() ? "an expression failed" : sick.unknown;
  }
  view.facts.ref = TargetRef(policy, target);
  auto facts = FactsOf(view.facts.ref, target, policy.means_control_plane());
  if (facts.ok()) {
    view.facts = *std::move(facts);
  } else {
    view.stale = Message(facts.status());
  }
  if (auto foreign = ForeignTo(policy, view.facts.ref, target); foreign.ok()) {
    view.foreign = *std::move(foreign);
  } else {
    view.stale = Message(foreign.status());
  }
  // Whoever only tells disturbs nobody.
  if (!policy.only_notifies) {
    if (const Status known = AddNamespace(view.facts); !known.ok()) view.stale = Message(known);
    view.budget = budgets_.Check(policy.name, {{view.facts.ref}});
  }
  view.sick_since = sick.since;
  view.busy = ledger_.CheckLocks(self, {{view.facts.ref}});
  view.groups = ViewGroups(policy, target, state);
  return view;
}

std::vector<absl::Time> Controller::CreationTimes(std::string_view policy_uid) const {
  std::vector<absl::Time> times;
  ForEachOf(policy_uid, [&](const crds::Remediation& remediation) {
    times.push_back(remediation.metadata.creation_timestamp.value_or(engine_.clock().Now()));
  });
  return times;
}

void Controller::AddMemory(const Session& session, const policy::PolicyTargets& targets,
                           const document::Document& target, const std::string& lineage,
                           limits::TargetView& view) const {
  const crds::Remediation* newest = registry_.Newest(lineage);
  if (newest == nullptr) return;
  view.memory = limits::Remember(*newest, targets.observed_since);
  const auto last = session.state->last_sick.find(lineage);
  if (last != session.state->last_sick.end()) view.memory->last_sick = last->second;
  view.reverted = Reverted(*targets.policy, target, *newest);
}

std::optional<limits::SecondLook> Controller::SecondLookAt(const policy::PolicyTargets& targets,
                                                           const policy::Sick& sick,
                                                           const crds::Remediation* newest) const {
  if (newest == nullptr || newest->spec.retry || newest->status.manual) return std::nullopt;
  const crds::RemediationStatus& status = newest->status;
  if (status.phase != crds::Phase::kCancelled || !status.finished_at) return std::nullopt;
  const bool target_gone = status.reason == crds::reason::kTargetGone;
  if (!target_gone && status.reason != crds::refusal::kSymptomGone) return std::nullopt;
  limits::SecondLook look{
      .remediation = newest->metadata.name, .target_gone = target_gone, .at = *status.finished_at};
  // An earlier process may have seen that it ended.
  look.new_episode = targets.observed_since <= look.at && sick.since > look.at;
  // Its end was written after the live read: whoever has seen that version has seen what was read.
  look.caught_up = watches_.HasSeenAll(*targets.policy, newest->metadata.resource_version);
  look.in_a_row =
      registry_.CancelledInARow(targets.policy->uid, newest->spec.target_ref, status.reason);
  return look;
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
      if (step.spec.apply_to || progress.object || progress.writes.empty()) continue;
      if (progress.memo.empty()) continue;  // taken back by ourselves
      if (step.action->reversal() != actions::Reversal::kChange) continue;
      if (!step.action->EffectHolds(progress.memo.Parse(), object)) return true;
    }
  }
  return false;
}

void Controller::Account(const crds::Remediation& remediation) {
  const std::string& name = remediation.metadata.name;
  if (limits::HoldsSlot(remediation)) {
    const crds::PolicyReference& policy = remediation.spec.policy_ref;
    const bool ended = !IsOpen(remediation);
    const bool news = ended && ledger_.Holds(name);
    ledger_.Hold({name, policy.name, policy.uid, remediation.spec.target_ref, ended},
                 remediation.status.locks);
    if (news) ConsiderBlocked();
  } else if (ledger_.Holds(name)) {
    ledger_.Release(name);
    ConsiderBlocked();
  }
}

void Controller::Learn(const crds::Remediation& remediation) {
  registry_.Upsert(remediation);
  Account(remediation);
}

std::optional<limits::Refusal> Controller::Claim(const crds::Remediation& remediation,
                                                 std::span<const crds::ObjectReference> objects) {
  const std::string& name = remediation.metadata.name;
  if (auto busy = ledger_.CheckLocks(name, objects)) return busy;
  const crds::PolicyReference& policy = remediation.spec.policy_ref;
  budgets_.Refresh();
  if (auto exhausted = budgets_.Check(policy.name, objects)) return exhausted;
  const limits::Ledger::Holder holder{name, policy.name, policy.uid, remediation.spec.target_ref};
  ledger_.Hold(holder, objects);
  budgets_.Take(holder, objects);
  ReportBudgets();
  return std::nullopt;
}

}  // namespace kr::remediation
