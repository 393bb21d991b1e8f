#include "reconcilers/policy/policy_index.h"

#include <variant>

#include "reconcilers/policy/needs.h"

namespace kr::policy {

PolicyIndex::Targets::Selection PolicyIndex::TargetsOf(const CompiledPolicy& policy) {
  const crds::Target& target = policy.spec.target;
  return {.kind = policy.target, .names = target.names, .namespaces = target.namespaces};
}

PolicyIndex::Sources::Selection PolicyIndex::SourceOf(const CompiledPolicy& policy,
                                                      const EventSource& source) {
  const bool about_target = std::holds_alternative<crds::AboutTarget>(source.spec.about);
  return {.kind = source.about_kind,
          .names = about_target ? policy.spec.target.names : std::vector<std::string>(),
          .namespaces = EventNeed(policy).namespaces};
}

void PolicyIndex::Add(const CompiledPolicy* policy) {
  targets_.Add(TargetsOf(*policy), policy);
  for (const EventSource& source : policy->events) {
    sources_.Add(SourceOf(*policy, source), {policy, &source});
  }
}

void PolicyIndex::Remove(const CompiledPolicy* policy) {
  targets_.Remove(TargetsOf(*policy), policy);
  for (const EventSource& source : policy->events) {
    sources_.Remove(SourceOf(*policy, source), {policy, &source});
  }
}

void PolicyIndex::ForEachTarget(const kube::GroupVersionKind& kind,
                                const document::Document& object,
                                absl::FunctionRef<void(const CompiledPolicy&)> visit) const {
  targets_.ForEach(kind, object.name_space(), object.name(),
                   [&](const CompiledPolicy* policy) { visit(*policy); });
}

void PolicyIndex::ForEachSource(const cache::EventFacts& event, EventVisitor visit) const {
  sources_.ForEach(event.about_kind, event.about_namespace, event.about_name,
                   [&](const Source& found) { visit(*found.policy, *found.source); });
}

}  // namespace kr::policy
