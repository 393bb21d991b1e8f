#pragma once

#include <optional>
#include <string>

#include "controller/cache/relation.h"
#include "controller/cache/watch_planner.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// What has to be watched for a policy, once its kinds have been found. Pure.
cache::Need TargetNeed(const CompiledPolicy& policy, const kube::Resource& resource);
// Joins of the same namespace watch no more namespaces than the targets do.
cache::Need RelatedNeed(const CompiledPolicy& policy, size_t join, const kube::Resource& resource);
// core/v1 Events about targets or joined objects.
cache::Need EventNeed(const CompiledPolicy& policy);

// The join between the two, in the form in which policies share it.
cache::RelationSpec RelationOf(const CompiledPolicy& policy, size_t join, cache::Need targets,
                               cache::Need related);

kube::Resource EventResource();

}  // namespace kr::policy
