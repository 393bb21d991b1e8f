#include "reconcilers/policy/needs.h"

#include <utility>

#include "controller/cache/event_facts.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/reads.h"

namespace kr::policy {
namespace {

// The label selector of a target narrows its watch only together with the exclusions that the
// selector language can say too.
std::string TargetSelectorText(const crds::Target& target) {
  return target.selector ? target.selector->ToString() : "";
}

// Whether the joined objects are in the target's namespace: every hop stays in it.
bool SharesNamespace(const CompiledPolicy& policy, const RelatedJoin& join) {
  return join.same_namespace && (!join.of || SharesNamespace(policy, policy.related[*join.of]));
}

}  // namespace

cache::Need TargetNeed(const CompiledPolicy& policy, const kube::Resource& resource) {
  return {.resource = resource,
          .namespaces =
              resource.namespaced ? policy.spec.target.namespaces : std::vector<std::string>(),
          .names = policy.spec.target.names,
          .label_selector = TargetSelectorText(policy.spec.target),
          .projection = document::Projection::Of(policy.target_reads.paths)};
}

cache::Need RelatedNeed(const CompiledPolicy& policy, size_t join, const kube::Resource& resource) {
  const RelatedJoin& spec = policy.related[join];
  cache::Need need{.resource = resource,
                   .names = spec.names,
                   .label_selector = spec.selector ? spec.selector->ToString() : "",
                   .projection = document::Projection::Of(policy.related_reads[join].paths)};
  if (!resource.namespaced) return need;
  if (SharesNamespace(policy, spec)) {
    need.namespaces = policy.spec.target.namespaces;
  } else if (!spec.name_space.empty()) {
    need.namespaces = {spec.name_space};
  }
  return need;
}

cache::Need NamespaceNeed() {
  const std::vector<document::Path> labels = {FieldPath({"metadata", "labels"})};
  return {.resource = {{"", "v1", "Namespace"}, "namespaces", false},
          .projection = document::Projection::Of(labels)};
}

cache::Need ParamNeed(const ParamSources::value_type& source) {
  const auto& [object, names] = source;
  std::vector<document::Path> paths;
  for (const std::string& name : names) paths.push_back(FieldPath({"data", name.c_str()}));
  return {.resource = {{"", "v1", "ConfigMap"}, "configmaps", true},
          .namespaces = {object.first},
          .names = {object.second},
          .projection = document::Projection::Of(paths)};
}

cache::Need LeaseNeed(const CompiledPolicy& policy, const signals::LeaseRead& lease) {
  const std::vector<document::Path> paths = {FieldPath({"spec", "renewTime"}),
                                             FieldPath({"spec", "holderIdentity"})};
  return {
      .resource = node::LeaseResource(),
      .namespaces = {lease.name_space},
      .names = lease.name.empty() ? policy.spec.target.names : std::vector<std::string>{lease.name},
      .projection = document::Projection::Of(paths)};
}

cache::Need EventNeed(const CompiledPolicy& policy) {
  cache::Need need{.resource = EventResource(),
                   .projection = document::Projection::Of(cache::EventPaths())};
  // Events stand in the namespace of what they are about (of cluster-scoped objects: default).
  bool same_namespace = !policy.spec.target.namespaces.empty();
  for (const EventSource& source : policy.events) {
    if (std::holds_alternative<crds::AboutKind>(source.spec.about)) same_namespace = false;
    if (const auto* about = std::get_if<crds::AboutRelated>(&source.spec.about)) {
      for (const RelatedJoin& join : policy.related) {
        if (join.name == about->related && !SharesNamespace(policy, join)) same_namespace = false;
      }
    }
  }
  if (same_namespace) need.namespaces = policy.spec.target.namespaces;
  return need;
}

cache::RelationSpec RelationOf(const CompiledPolicy& policy, size_t join, cache::Need start,
                               cache::Need related) {
  const RelatedJoin& spec = policy.related[join];
  // Two policies share a join only when it is fed by the same watches.
  std::string canonical = spec.canonical;
  // What is said about targets rests on all that the policy reads of them.
  if (!spec.equals) {
    canonical += "\n" + policy.uid + "/" + std::to_string(policy.generation) + "/" + spec.name;
  }
  for (const cache::Need* need : {&start, &related}) {
    for (const cache::WatchScope& scope : cache::ScopesOf(*need)) {
      canonical += "\n" + scope.ToString();
    }
    for (const std::string& name : need->names) canonical += "\n" + name;
  }
  return {.canonical = std::move(canonical),
          .targets = std::move(start),
          .related = std::move(related),
          .kind = spec.kind,
          .same_namespace = spec.same_namespace,
          .key = spec.key,
          .equals = spec.equals};
}

kube::Resource EventResource() {
  return {{"", "v1", "Event"}, "events", true};
}

}  // namespace kr::policy
