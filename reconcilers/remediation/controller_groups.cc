// limits.groups: a breaker and slots for each group of targets.
#include <algorithm>
#include <map>
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
                  [&](const auto& group) { return group.first.first >= policy.groups.size(); });
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
  for (auto& [group, one] : state.groups) {
    const crds::LimitGroup& spec = policy.groups[group.first].spec;
    if (!spec.max_unhealthy) continue;
    one.breaker.Observe(limits::Breaker::Counts{sick[group], one.selected},
                        {*spec.max_unhealthy, options_.limits.breaker_calm}, engine_.clock().Now());
  }
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
