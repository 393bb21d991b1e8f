#include "reconcilers/remediation/budgets.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "crds/meta/condition.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/limits/control_plane.h"
#include "reconcilers/limits/foreign_marks.h"
#include "reconcilers/limits/protection.h"
#include "reconcilers/remediation/target_facts.h"

namespace kr::remediation {
namespace {

using crds::ObjectReference;
using document::Document;
using document::DocumentPtr;
using document::Kind;
using document::Node;
using Readiness = policy::Watches::Readiness;

const kube::GroupVersionKind kNode{"", "v1", "Node"};
constexpr std::string_view kNodePaths[] = {
    "spec.unschedulable", "spec.taints[*].key", "status.conditions[*].type",
    "status.conditions[*].status", "metadata.labels['topology.kubernetes.io/zone']"};

void AddNodePaths(std::vector<document::Path>& paths) {
  for (std::string_view path : kNodePaths) paths.push_back(*document::Path::Parse(path));
  for (std::string_view path : limits::kControlPlanePaths) {
    paths.push_back(*document::Path::Parse(path));
  }
}

bool SameKind(const kube::GroupVersionKind& a, const kube::GroupVersionKind& b) {
  return a.group == b.group && a.kind == b.kind;
}

// Cordoned, or on its way out: whoever did that, the cluster has one node less.
bool OutOfService(const Document& node) {
  const Node unschedulable = node.At("spec.unschedulable");
  if (unschedulable.kind() == Kind::kBool && unschedulable.AsBool()) return true;
  const Node taints = node.At("spec.taints");
  for (size_t i = 0; i < taints.size(); ++i) {
    const std::string key = taints.At(i).Field("key").StringOr("");
    for (const limits::ForeignMark& mark : limits::ForeignMarks()) {
      if (mark.where == limits::ForeignMark::Where::kTaint && IsMarkKey(mark, key)) return true;
    }
  }
  return false;
}

bool IsReady(const Document& node) {
  const Node conditions = node.At("status.conditions");
  for (size_t i = 0; i < conditions.size(); ++i) {
    if (conditions.At(i).Field("type").StringOr("") != "Ready") continue;
    return conditions.At(i).Field("status").StringOr("") == "True";
  }
  return false;
}

std::string ZoneOfNode(const Document& node) {
  return std::string(node.At("metadata.labels").Field("topology.kubernetes.io/zone").StringOr(""));
}

// In doubt it is one.
bool MayBeControlPlane(const Document& node) {
  return IsControlPlane(node).value_or(true);
}

ObjectReference RefOf(const kube::GroupVersionKind& gvk, const Document& object) {
  return {gvk.ApiVersion(), gvk.kind, std::string(object.name_space()), std::string(object.name()),
          std::string(object.uid())};
}

}  // namespace

// What a budget counts, and how much of it there is.
struct Budgets::Counted {
  struct NodeFacts {
    DocumentPtr node;
    bool ready = false;
    bool out_of_service = false;
    std::string zone;
  };
  struct Objects {
    kube::GroupVersionKind gvk;
    policy::Selector selector;
    policy::Watches::Extra extra;
    cache::View view = {};
    // All Nodes of the view. Each change of one counts all of them again: only that one is read.
    absl::flat_hash_map<cache::ObjectId, NodeFacts> nodes = {};

    void ReadNodes() {
      absl::flat_hash_map<cache::ObjectId, NodeFacts> now;
      now.reserve(nodes.size());
      view.ForEach([&](cache::ObjectId id, const DocumentPtr& node) {
        const auto known = nodes.find(id);
        const bool same = known != nodes.end() && known->second.node == node;
        now.emplace(id,
                    same ? std::move(known->second)
                         : NodeFacts{node, IsReady(*node), OutOfService(*node), ZoneOfNode(*node)});
      });
      nodes = std::move(now);
    }
  };
  using Group = std::pair<size_t, std::string>;  // index in `groups`, value of its key

  std::vector<Objects> kinds;
  std::vector<policy::GroupKey> groups;
  std::optional<limits::Refusal> unusable;  // it is not accepted
  Readiness readiness;                      // of the worst kind
  limits::BudgetRoom room;                  // held: what is out of service...
  std::map<Group, limits::BudgetRoom> group_rooms;
  std::map<std::string, crds::BudgetHolder> out_of_service;  // ...by LockKey
  std::map<std::string, std::vector<Group>> groups_out_of_service;

  // The object, when the budget is about it.
  DocumentPtr Find(const Objects& objects, std::string_view name_space,
                   std::string_view name) const {
    DocumentPtr object = objects.view.Find(name_space, name);
    return object && objects.selector.Matches(*object) ? object : DocumentPtr();
  }
  const Objects* KindOf(const ObjectReference& ref) const {
    const auto gvk = kube::GroupVersionKind::FromApiVersion(ref.api_version, ref.kind);
    for (const Objects& objects : kinds) {
      if (SameKind(objects.gvk, gvk)) return &objects;
    }
    return nullptr;
  }
  // Of the budget of all nodes.
  std::optional<limits::Refusal> CheckControlPlane(const ObjectReference& ref) const {
    const DocumentPtr node = Find(ref);
    if (!node || !MayBeControlPlane(*node)) return std::nullopt;
    limits::ControlPlaneView control_plane;
    kinds.front().view.ForEach([&](cache::ObjectId, const DocumentPtr& other) {
      if (other->name() == ref.name || !MayBeControlPlane(*other)) return;
      ++control_plane.others;
      const std::string name(other->name());
      const auto held = room.held.find(limits::LockKey(RefOf(kNode, *other)));
      if (held != room.held.end()) {
        control_plane.busy =
            name + (held->second.remediation.empty()
                        ? ", which is out of service"
                        : ", which is being remediated (" + held->second.remediation + ")");
      } else if (IsReady(*other)) {
        ++control_plane.others_ready;
      }
    });
    return limits::CheckControlPlane(control_plane, ref.name);
  }
  DocumentPtr Find(const ObjectReference& ref) const {
    const Objects* objects = KindOf(ref);
    return objects == nullptr ? DocumentPtr() : Find(*objects, ref.name_space, ref.name);
  }
  std::vector<Group> GroupsOf(const kube::GroupVersionKind& gvk, const Document& object) const {
    std::vector<Group> in;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (std::string value = groups[i].Of(gvk, object); !value.empty()) {
        in.emplace_back(i, std::move(value));
      }
    }
    return in;
  }
  limits::BudgetRoom& RoomOf(const Group& group) {
    const auto [it, is_new] = group_rooms.try_emplace(group);
    if (is_new) {
      const crds::LimitGroup& spec = groups[group.first].spec;
      it->second = {.name = room.name + ", group " + group.second,
                    .max_concurrent = spec.max_concurrent,
                    .max_unhealthy = spec.max_unhealthy};
    }
    return it->second;
  }

  void CountObjects() {
    room.matching = 0;
    group_rooms.clear();
    out_of_service.clear();
    groups_out_of_service.clear();
    for (Objects& objects : kinds) {
      const bool nodes = SameKind(objects.gvk, kNode);
      if (nodes) objects.ReadNodes();
      objects.view.ForEach([&](cache::ObjectId id, const DocumentPtr& object) {
        if (!objects.selector.Matches(*object)) return;
        ++room.matching;
        const std::vector<Group> in = GroupsOf(objects.gvk, *object);
        for (const Group& group : in) ++RoomOf(group).matching;
        if (!nodes || !objects.nodes.at(id).out_of_service) return;
        const ObjectReference ref = RefOf(objects.gvk, *object);
        const std::string key = limits::LockKey(ref);
        out_of_service[key] = {.object = ref};
        groups_out_of_service[key] = in;
      });
    }
  }

  void CountHeld(const limits::Ledger& ledger) {
    room.held = out_of_service;
    for (auto& [group, group_room] : group_rooms) group_room.held.clear();
    for (const auto& [key, in] : groups_out_of_service) {
      for (const Group& group : in) RoomOf(group).held[key] = out_of_service[key];
    }
    ledger.ForEach([&](const ObjectReference& object, const limits::Ledger::Holder& holder) {
      Hold(holder, object);
    });
  }

  void Hold(const limits::Ledger::Holder& holder, const ObjectReference& ref) {
    const DocumentPtr object = Find(ref);
    if (!object) return;
    const std::string key = limits::LockKey(ref);
    const crds::BudgetHolder who{ref, holder.remediation, holder.policy};
    room.held[key] = who;
    for (const Group& group : GroupsOf(KindOf(ref)->gvk, *object)) RoomOf(group).held[key] = who;
  }

  void CountSick(const policy::Symptoms& symptoms) {
    std::set<std::string> sick;
    room.unhealthy = 0;
    for (auto& [group, group_room] : group_rooms) group_room.unhealthy = 0;
    const auto count = [&](const Objects& objects, const Document& object) {
      if (!sick.insert(limits::LockKey(RefOf(objects.gvk, object))).second) return;
      ++room.unhealthy;
      for (const Group& group : GroupsOf(objects.gvk, object)) ++RoomOf(group).unhealthy;
    };
    for (const Objects& objects : kinds) {
      for (const auto& [id, facts] : objects.nodes) {
        if (!facts.ready && objects.selector.Matches(*facts.node)) count(objects, *facts.node);
      }
      for (const auto& [uid, targets] : symptoms.policies()) {
        if (!SameKind(targets.policy->target, objects.gvk)) continue;
        for (const auto& [key, symptom] : targets.sick) {
          if (symptom.planned) continue;
          const DocumentPtr object = Find(objects, key.name_space, key.name);
          if (object) count(objects, *object);
        }
      }
    }
  }

  bool CountsSick() const {
    return room.max_unhealthy.has_value() ||
           std::any_of(groups.begin(), groups.end(), [](const policy::GroupKey& group) {
             return group.spec.max_unhealthy.has_value();
           });
  }
};

Budgets::Budgets(std::vector<std::string> exempt_from_nodes, const policy::Watches& watches,
                 const policy::Symptoms& symptoms, const limits::Ledger& ledger)
    : exempt_(std::move(exempt_from_nodes)),
      watches_(watches),
      symptoms_(symptoms),
      ledger_(ledger) {}

Budgets::~Budgets() = default;

bool Budgets::Upsert(const Document& object) {
  const std::string uid(object.uid());
  auto parsed = crds::FromJson<crds::RemediationBudget>(object.ToJson());
  Entry& entry = entries_[uid];
  if (!parsed.ok()) {
    entry.object.metadata.name = object.name();
    entry.object.metadata.uid = uid;
    entry.accepted = parsed.status();
    return false;
  }
  const bool same = entry.accepted.ok() && budgets_.contains(uid) &&
                    entry.object.metadata.generation == parsed->metadata.generation;
  entry.object = *std::move(parsed);
  if (same) return false;

  const crds::RemediationBudgetSpec& spec = entry.object.spec;
  auto counted = std::make_unique<Counted>();
  counted->room = {.name = "budget " + entry.object.metadata.name,
                   .max_concurrent = spec.max_concurrent,
                   .max_unhealthy = spec.max_unhealthy};
  auto groups = policy::CompileGroups(spec.groups, "spec.groups");
  entry.accepted = groups.status();
  if (groups.ok()) {
    counted->groups = *std::move(groups);
  } else {
    // Somebody meant to limit these objects.
    counted->unusable = limits::Refusal{
        limits::Reason::kBudgetExhausted,
        counted->room.name + " is not accepted: " + std::string(Message(entry.accepted))};
  }
  for (const crds::BudgetKind& kind : spec.objects.kinds) {
    const auto gvk = kube::GroupVersionKind::FromApiVersion(kind.api_version, kind.kind);
    crds::Target target;
    target.api_version = kind.api_version;
    target.kind = kind.kind;
    target.namespaces = spec.objects.namespaces;
    target.selector = spec.objects.selector;
    Counted::Objects objects{.gvk = gvk, .selector = policy::Selector(target), .extra = {}};
    objects.extra = {.gvk = gvk, .namespaces = spec.objects.namespaces};
    if (spec.objects.selector) objects.extra.label_selector = spec.objects.selector->ToString();
    objects.extra.paths = objects.selector.Paths();
    for (document::Path& path : policy::PathsOf(counted->groups)) {
      objects.extra.paths.push_back(std::move(path));
    }
    if (SameKind(gvk, kNode)) AddNodePaths(objects.extra.paths);
    counted->kinds.push_back(std::move(objects));
  }
  budgets_[uid] = std::move(counted);
  counted_ = false;
  return true;
}

void Budgets::Remove(const Document& object) {
  entries_.erase(std::string(object.uid()));
  budgets_.erase(std::string(object.uid()));
}

std::vector<policy::Watches::Extra> Budgets::Needs(bool nodes) {
  if (nodes && !budgets_.contains("")) {
    auto counted = std::make_unique<Counted>();
    counted->room = {.name = "the built-in budget of nodes",
                     .max_concurrent = crds::IntOrPercent::Percent(10)};
    crds::Target target;
    target.api_version = "v1";
    target.kind = "Node";
    Counted::Objects objects{.gvk = kNode, .selector = policy::Selector(target), .extra = {}};
    objects.extra = {.gvk = kNode};
    AddNodePaths(objects.extra.paths);
    counted->kinds.push_back(std::move(objects));
    budgets_[""] = std::move(counted);
  } else if (!nodes) {
    budgets_.erase("");
  }
  counted_ = false;
  std::vector<policy::Watches::Extra> needs;
  for (const auto& [uid, budget] : budgets_) {
    for (const Counted::Objects& objects : budget->kinds) needs.push_back(objects.extra);
  }
  return needs;
}

void Budgets::Refresh() const {
  const bool recount = !std::exchange(counted_, true);
  for (auto& [uid, budget] : budgets_) {
    budget->readiness = {Readiness::State::kReady, ""};
    for (Counted::Objects& objects : budget->kinds) {
      policy::Watches::ExtraView seen = watches_.Find(objects.extra);
      objects.view = std::move(seen.view);
      // A kind that does not exist has no objects to count.
      const bool counts = seen.readiness.state == Readiness::State::kReady ||
                          seen.readiness.state == Readiness::State::kInactive;
      if (!counts) budget->readiness = seen.readiness;
    }
    if (recount) budget->CountObjects();
    budget->CountHeld(ledger_);
    if (budget->CountsSick()) budget->CountSick(symptoms_);
  }
  if (recount) CountZones();
}

void Budgets::CountZones() const {
  zones_.clear();
  const auto built_in = budgets_.find("");
  if (built_in == budgets_.end()) return;
  if (built_in->second->readiness.state != Readiness::State::kReady) return;
  const auto count = [this](const std::string& zone, const Counted::NodeFacts& facts) {
    NodeCount& in = zones_[zone];
    ++in.nodes;
    if (!facts.ready) in.not_ready.emplace(facts.node->name());
  };
  for (const auto& [id, facts] : built_in->second->kinds.front().nodes) {
    count("", facts);
    if (!facts.zone.empty()) count(facts.zone, facts);
  }
}

std::optional<std::string> Budgets::ZoneOf(std::string_view node) const {
  const auto built_in = budgets_.find("");
  if (built_in == budgets_.end()) return std::nullopt;
  const DocumentPtr found = built_in->second->kinds.front().view.Find("", node);
  return found ? std::optional(ZoneOfNode(*found)) : std::nullopt;
}

std::optional<limits::Refusal> Budgets::Check(std::string_view policy,
                                              std::span<const ObjectReference> objects) const {
  for (const auto& [uid, budget] : budgets_) {
    const bool exempt =
        uid.empty() && std::find(exempt_.begin(), exempt_.end(), policy) != exempt_.end();
    std::vector<ObjectReference> all;
    std::map<Counted::Group, std::vector<ObjectReference>> by_group;
    for (const ObjectReference& ref : objects) {
      const Counted::Objects* kind = budget->KindOf(ref);
      if (kind == nullptr) continue;
      if (budget->readiness.state != Readiness::State::kReady) {
        return limits::Refusal{
            budget->readiness.state == Readiness::State::kDenied ? limits::Reason::kPermissionDenied
                                                                 : limits::Reason::kStaleView,
            budget->room.name + " cannot be counted: " + budget->readiness.message};
      }
      const DocumentPtr object = budget->Find(*kind, ref.name_space, ref.name);
      if (!object) continue;
      if (budget->unusable) return budget->unusable;
      all.push_back(ref);
      for (const Counted::Group& group : budget->GroupsOf(kind->gvk, *object)) {
        by_group[group].push_back(ref);
      }
    }
    if (all.empty()) continue;
    for (const ObjectReference& ref : uid.empty() ? all : std::vector<ObjectReference>()) {
      if (auto refusal = budget->CheckControlPlane(ref)) return refusal;
    }
    if (exempt) continue;
    if (auto refusal = limits::CheckBudget(budget->room, all)) return refusal;
    for (const auto& [group, refs] : by_group) {
      if (auto refusal = limits::CheckBudget(budget->RoomOf(group), refs)) return refusal;
    }
  }
  return std::nullopt;
}

void Budgets::Take(const limits::Ledger::Holder& holder, std::span<const ObjectReference> objects) {
  for (const auto& [uid, budget] : budgets_) {
    for (const ObjectReference& object : objects) budget->Hold(holder, object);
  }
}

crds::RemediationBudgetStatus Budgets::StatusOf(const Entry& entry, absl::Time now) const {
  crds::RemediationBudgetStatus status = entry.object.status;
  const int64_t generation = entry.object.metadata.generation;
  status.observed_generation = generation;
  const auto condition = [&](std::string_view type, bool holds, std::string_view reason,
                             std::string message) {
    crds::SetCondition(
        status.conditions,
        {.type = std::string(type),
         .status = holds ? crds::ConditionStatus::kTrue : crds::ConditionStatus::kFalse,
         .reason = std::string(reason),
         .message = std::move(message)},
        generation, now);
  };
  const bool accepted = entry.accepted.ok();
  condition(crds::kConditionAccepted, accepted,
            accepted ? crds::reason::kAccepted : crds::reason::kInvalid,
            accepted ? "the budget is understood" : std::string(Message(entry.accepted)));
  status.matching = status.unhealthy = status.held = 0;
  status.allowed.reset();
  status.holders.clear();
  const auto found = budgets_.find(entry.object.metadata.uid);
  if (found == budgets_.end()) return status;
  const Counted& budget = *found->second;
  const bool ready = accepted && budget.readiness.state == Readiness::State::kReady;
  condition(crds::kConditionReady, ready,
            ready ? crds::reason::kReady
                  : (accepted ? crds::reason::kSyncing : crds::reason::kNotAccepted),
            ready ? "its objects are counted"
                  : (accepted ? budget.readiness.message : "see the condition Accepted"));
  status.matching = budget.room.matching;
  status.unhealthy = budget.room.unhealthy;
  status.allowed = budget.room.Allowed();
  status.held = static_cast<int64_t>(budget.room.held.size());
  for (const auto& [key, holder] : budget.room.held) {
    if (status.holders.size() < crds::kMaxBudgetHolders) status.holders.push_back(holder);
  }
  return status;
}

}  // namespace kr::remediation
