#include "reconcilers/policy/policy_index.h"

#include <algorithm>

namespace kr::policy {

template <typename Visit>
void PolicyIndex::ForEachList(Kind& kind, const CompiledPolicy& policy, Visit visit) {
  const crds::Target& target = policy.spec.target;
  if (!target.names.empty()) {
    for (const std::string& name : target.names) visit(kind.by_name[name]);
  } else if (!target.namespaces.empty()) {
    for (const std::string& name_space : target.namespaces) visit(kind.by_namespace[name_space]);
  } else {
    visit(kind.rest);
  }
}

void PolicyIndex::Add(const CompiledPolicy* policy) {
  ForEachList(kinds_[policy->target], *policy, [policy](auto& list) {
    if (std::find(list.begin(), list.end(), policy) == list.end()) list.push_back(policy);
  });
}

void PolicyIndex::Remove(const CompiledPolicy* policy) {
  ForEachList(kinds_[policy->target], *policy, [policy](auto& list) { std::erase(list, policy); });
}

void PolicyIndex::ForEach(const kube::GroupVersionKind& kind, const document::Document& object,
                          absl::FunctionRef<void(const CompiledPolicy&)> visit) const {
  const auto it = kinds_.find(kind);
  if (it == kinds_.end()) return;
  const auto visit_list = [&](const auto& map, std::string_view key) {
    const auto list = map.find(key);
    if (list == map.end()) return;
    for (const CompiledPolicy* policy : list->second) visit(*policy);
  };
  visit_list(it->second.by_name, object.name());
  visit_list(it->second.by_namespace, object.name_space());
  for (const CompiledPolicy* policy : it->second.rest) visit(*policy);
}

}  // namespace kr::policy
