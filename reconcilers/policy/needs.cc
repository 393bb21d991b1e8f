#include "reconcilers/policy/needs.h"

#include <utility>

#include "controller/cache/event_facts.h"

namespace kr::policy {
namespace {

// The label selector of a target narrows its watch only together with the exclusions that the
// selector language can say too.
std::string TargetSelectorText(const crds::Target& target) {
  return target.selector ? target.selector->ToString() : "";
}

// Joins whose functions were made from the same text are the same.
std::string Canonical(const CompiledPolicy& policy, const RelatedJoin& join,
                      const crds::Related& spec) {
  std::string text = policy.target.ApiVersion() + "/" + policy.target.kind + "\n";
  if (spec.preset) return text + "OwnedPods";
  text += join.gvk.ApiVersion() + "/" + join.gvk.kind + "\n" + spec.name_space + "\n" +
          (spec.same_namespace ? "same" : "") + "\n" + spec.where + "\n" + spec.key + "\n" +
          spec.equals + "\n" + (spec.selector ? spec.selector->ToString() : "");
  for (const std::string& name : spec.names) text += "\n" + name;
  return text;
}

cache::KeyFunction Adapt(KeyFunction keys) {
  return [keys = std::move(keys)](const document::Document& object, cache::KeySink& sink) {
    for (const std::string& key : keys(object)) sink.Add(key);
  };
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
  if (spec.same_namespace) {
    need.namespaces = policy.spec.target.namespaces;
  } else if (!spec.name_space.empty()) {
    need.namespaces = {spec.name_space};
  }
  return need;
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
        if (join.name == about->related && !join.same_namespace) same_namespace = false;
      }
    }
  }
  if (same_namespace) need.namespaces = policy.spec.target.namespaces;
  return need;
}

cache::RelationSpec RelationOf(const CompiledPolicy& policy, size_t join, cache::Need targets,
                               cache::Need related) {
  const RelatedJoin& spec = policy.related[join];
  // Two policies share a join only when it is fed by the same watches.
  std::string canonical = Canonical(policy, spec, policy.spec.related[join]);
  for (const cache::Need* need : {&targets, &related}) {
    for (const cache::WatchScope& scope : cache::ScopesOf(*need)) {
      canonical += "\n" + scope.ToString();
    }
    for (const std::string& name : need->names) canonical += "\n" + name;
  }
  return {.canonical = std::move(canonical),
          .targets = std::move(targets),
          .related = std::move(related),
          .same_namespace = spec.same_namespace,
          .key = Adapt(spec.key),
          .equals = Adapt(spec.equals)};
}

kube::Resource EventResource() {
  return {{"", "v1", "Event"}, "events", true};
}

}  // namespace kr::policy
