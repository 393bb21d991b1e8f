// limits.groups: a breaker and slots for each group of targets. For policies that act on nodes two
// more groups have breakers, under limits.maxUnhealthy: the zone of a node and the cluster, where
// nodes that are not Ready count whatever the policy is about (an outage is no time to take more
// nodes out of service).
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "reconcilers/remediation/controller.h"

namespace kr::remediation {

std::vector<Controller::Group> Controller::GroupsOf(const policy::CompiledPolicy& policy,
                                                    const document::Document& target) const {
  std::vector<Group> in;
  for (size_t i = 0; i < policy.groups.size(); ++i) {
    std::string value = policy.groups[i].Of(policy.target, target);
    if (!value.empty()) in.emplace_back(i, std::move(value));
  }
  return in;
}

void Controller::CountGroups(const std::vector<const policy::PolicyTargets*>& kinds,
                             PolicyState& state) {
  const policy::CompiledPolicy& policy = *kinds.front()->policy;
  if (!std::exchange(state.grouped, true)) {
    std::erase_if(state.groups,
                  [&](const auto& group) { return group.first.first > policy.groups.size(); });
    for (auto& [group, one] : state.groups) one.selected = 0;
    for (const policy::PolicyTargets* targets : kinds) {
      watches_.ForEachTarget(*targets->policy, [&](const document::DocumentPtr& target) {
        for (const Group& group : GroupsOf(*targets->policy, *target)) {
          ++state.groups[group].selected;
        }
      });
    }
  }
  std::map<Group, int64_t> sick;
  const auto count = [&](const policy::CompiledPolicy& kind, const kube::ObjectKey& key,
                         const auto& visit) {
    if (const auto target = watches_.Target(kind, key)) {
      for (const Group& group : GroupsOf(kind, *target)) visit(group);
    }
  };
  for (const policy::PolicyTargets* targets : kinds) {
    for (const auto& [key, symptom] : targets->sick) {
      if (symptom.planned) continue;
      count(*targets->policy, key, [&](const Group& group) { ++sick[group]; });
    }
  }
  for (auto& [group, one] : state.groups) one.holders.clear();
  ledger_.ForEachOf(policy.uid, [&](const limits::Ledger::Holder& holder) {
    const kube::ObjectKey key{holder.target.name_space, holder.target.name};
    const auto gvk =
        kube::GroupVersionKind::FromApiVersion(holder.target.api_version, holder.target.kind);
    const auto of = std::find_if(kinds.begin(), kinds.end(), [&](const auto* targets) {
      return targets->policy->target.group == gvk.group && targets->policy->target.kind == gvk.kind;
    });
    if (of == kinds.end()) return;
    const bool well = !(*of)->sick.contains(key);
    count(*(*of)->policy, key, [&](const Group& group) {
      state.groups[group].holders.push_back({holder.remediation, holder.target.ToString()});
      if (well) ++sick[group];
    });
  });
  for (const policy::PolicyTargets* targets : kinds) CountNodes(*targets, state, sick);
  for (auto& [group, one] : state.groups) {
    const auto max_unhealthy = MaxUnhealthyOf(policy, group);
    if (!max_unhealthy) continue;
    one.breaker.Observe(limits::Breaker::Counts{sick[group], one.selected},
                        {*max_unhealthy, options_.limits.breaker_calm}, engine_.clock().Now());
  }
}

std::optional<crds::IntOrPercent> Controller::MaxUnhealthyOf(const policy::CompiledPolicy& policy,
                                                             const Group& group) {
  return group.first < policy.groups.size() ? policy.groups[group.first].spec.max_unhealthy
                                            : policy.spec.limits.max_unhealthy;
}

std::vector<Controller::Group> Controller::NodeGroupsOf(const policy::CompiledPolicy& policy,
                                                        std::string_view node) const {
  if (!policy.targets_nodes() || policy.only_notifies || budgets_.zones().empty()) return {};
  std::vector<Group> in = {{policy.groups.size(), ""}};
  if (std::string zone = budgets_.ZoneOf(node).value_or(""); !zone.empty()) {
    in.emplace_back(policy.groups.size(), std::move(zone));
  }
  return in;
}

std::optional<limits::Refusal> Controller::CheckCluster(const policy::PolicyEntry& entry,
                                                        const PolicyState& state) const {
  const auto group = state.groups.find({entry.kinds.front()->groups.size(), ""});
  if (group == state.groups.end()) return std::nullopt;
  auto open = group->second.breaker.Check(BreakerLimit(entry.object.spec), 0);
  if (open) open->message = "in the cluster: " + open->message;
  return open;
}

void Controller::CountNodes(const policy::PolicyTargets& targets, PolicyState& state,
                            std::map<Group, int64_t>& sick) const {
  const policy::CompiledPolicy& policy = *targets.policy;
  if (!policy.targets_nodes() || policy.only_notifies) return;
  const size_t index = policy.groups.size();
  const std::map<std::string, Budgets::NodeCount>& zones = budgets_.zones();
  std::erase_if(state.groups, [&](const auto& group) {
    return group.first.first == index && !zones.contains(group.first.second);
  });
  for (const auto& [zone, count] : zones) {
    state.groups[{index, zone}].selected = count.nodes;
    sick[{index, zone}] = static_cast<int64_t>(count.not_ready.size());
  }
  if (zones.empty()) return;
  std::set<std::string> more;  // unhealthy by what the policy says, and Ready
  const auto add = [&](const std::string& node) {
    if (!budgets_.ZoneOf(node)) return;  // deleted, by its own remedy, say
    if (zones.at("").not_ready.contains(node) || !more.insert(node).second) return;
    for (const Group& group : NodeGroupsOf(policy, node)) ++sick[group];
  };
  for (const auto& [key, symptom] : targets.sick) {
    if (!symptom.planned) add(key.name);
  }
  ledger_.ForEachOf(policy.uid, [&](const limits::Ledger::Holder& holder) {
    if (holder.target.kind != "Node" || holder.target.api_version != "v1") return;
    add(holder.target.name);
    for (const Group& group : NodeGroupsOf(policy, holder.target.name)) {
      state.groups[group].holders.push_back({holder.remediation, holder.target.ToString()});
    }
  });
}

std::vector<limits::GroupView> Controller::ViewGroups(const policy::CompiledPolicy& policy,
                                                      const document::Document& target,
                                                      const PolicyState& state) const {
  std::vector<limits::GroupView> views;
  for (const Group& group : GroupsOf(policy, target)) {
    const crds::LimitGroup& spec = policy.groups[group.first].spec;
    limits::GroupView view{.name = "group " + group.second,
                           .max_concurrent = spec.max_concurrent,
                           .max_unhealthy = spec.max_unhealthy};
    if (const auto known = state.groups.find(group); known != state.groups.end()) {
      view.selected = known->second.selected;
      view.breaker = known->second.breaker;
      view.holders = known->second.holders;
    }
    views.push_back(std::move(view));
  }
  for (const Group& group : NodeGroupsOf(policy, target.name())) {
    limits::GroupView view{.name = group.second.empty() ? "the cluster" : "zone " + group.second,
                           .max_unhealthy = policy.spec.limits.max_unhealthy};
    const auto known = state.groups.find(group);
    if (known == state.groups.end()) continue;
    view.selected = known->second.selected;
    view.breaker = known->second.breaker;
    view.holders = known->second.holders;
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<crds::GroupBreaker> Controller::GroupBreakers(const PolicyState& state) {
  std::vector<crds::GroupBreaker> breakers;
  for (const auto& [group, one] : state.groups) {
    const std::optional<crds::Breaker> stored = one.breaker.ToStatus();
    if (!stored || stored->state == crds::BreakerState::kClosed) continue;
    if (breakers.size() == crds::kMaxGroupBreakers) break;
    breakers.push_back({*stored, static_cast<int64_t>(group.first), group.second});
  }
  return breakers;
}

void Controller::RestoreGroups(const crds::RemediationPolicy& policy, PolicyState& state) {
  // Of another generation the entries may be others.
  if (policy.status.observed_generation != policy.metadata.generation) return;
  for (const crds::GroupBreaker& stored : policy.status.group_breakers) {
    const Group group{static_cast<size_t>(stored.group), stored.value};
    state.groups[group].breaker.TakeOver(stored);
  }
}

}  // namespace kr::remediation
