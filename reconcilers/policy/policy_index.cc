#include "reconcilers/policy/policy_index.h"

#include <variant>

#include "reconcilers/policy/needs.h"

namespace kr::policy {

bool PolicyIndex::ByLabel(const crds::Target& target) {
  return target.names.empty() && target.namespaces.empty() && target.selector &&
         LabelIndex<const CompiledPolicy*>::Takes(*target.selector);
}

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
  if (const crds::Target& target = policy->spec.target; ByLabel(target)) {
    labelled_targets_[policy->target].Add(*target.selector, policy);
  } else {
    targets_.Add(TargetsOf(*policy), policy);
  }
  for (const EventSource& source : policy->events) {
    sources_.Add(SourceOf(*policy, source), {policy, &source});
  }
}

void PolicyIndex::Remove(const CompiledPolicy* policy) {
  if (const crds::Target& target = policy->spec.target; ByLabel(target)) {
    labelled_targets_[policy->target].Remove(*target.selector, policy);
  } else {
    targets_.Remove(TargetsOf(*policy), policy);
  }
  for (const EventSource& source : policy->events) {
    sources_.Remove(SourceOf(*policy, source), {policy, &source});
  }
}

void PolicyIndex::ForEachTarget(const kube::GroupVersionKind& kind,
                                const document::Document* before, const document::Document* after,
                                absl::FunctionRef<void(const CompiledPolicy&)> visit) const {
  const auto found = [&](const CompiledPolicy* policy) { visit(*policy); };
  const document::Document& object = after != nullptr ? *after : *before;
  targets_.ForEach(kind, object.name_space(), object.name(), found);
  const auto labelled = labelled_targets_.find(kind);
  if (labelled != labelled_targets_.end()) labelled->second.ForEach(before, after, found);
}

void PolicyIndex::ForEachSource(const cache::EventFacts& event, EventVisitor visit) const {
  sources_.ForEach(event.about_kind, event.about_namespace, event.about_name,
                   [&](const Source& found) { visit(*found.policy, *found.source); });
}

}  // namespace kr::policy
