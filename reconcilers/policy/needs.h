#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "controller/cache/relation.h"
#include "controller/cache/watch_planner.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// What has to be watched for a policy, once its kinds have been found. Pure.
cache::Need TargetNeed(const CompiledPolicy& policy, const kube::Resource& resource);
// Joins of the same namespace watch no more namespaces than the targets do.
cache::Need RelatedNeed(const CompiledPolicy& policy, size_t join, const kube::Resource& resource);
// The labels of Namespaces, for target.namespaceSelector.
cache::Need NamespaceNeed();
// By the namespace and name of a ConfigMap, the parameters that it gives values.
using ParamSources = std::map<std::pair<std::string, std::string>, std::set<std::string>>;
cache::Need ParamNeed(const ParamSources::value_type& source);
// The renewals of a lease; of those of the targets' own names only these, when there are few.
cache::Need LeaseNeed(const CompiledPolicy& policy, const signals::LeaseRead& lease);
// core/v1 Events about targets or joined objects.
cache::Need EventNeed(const CompiledPolicy& policy);

// The join between what it starts from (targets, or the objects of `of`) and its objects, in the
// form in which policies share it.
cache::RelationSpec RelationOf(const CompiledPolicy& policy, size_t join, cache::Need start,
                               cache::Need related);

kube::Resource EventResource();

}  // namespace kr::policy
