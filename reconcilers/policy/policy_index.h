#pragma once

#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "controller/cache/event_facts.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/label_index.h"
#include "reconcilers/policy/selection_index.h"

namespace kr::policy {

// Finds the policies that may be concerned by a change of an object, or by an Event.
// Selector::Matches and EventLog::Add have the last word. Policies must outlive their time in the
// index. Not thread-safe.
class PolicyIndex {
 public:
  void Add(const CompiledPolicy* policy);
  void Remove(const CompiledPolicy* policy);

  // The candidates that may select the object as it was or as it is, each once; one of the two may
  // be null. `visit` must not change the index.
  void ForEachTarget(const kube::GroupVersionKind& kind, const document::Document* before,
                     const document::Document* after,
                     absl::FunctionRef<void(const CompiledPolicy&)> visit) const;
  // The sources that may count the Event, each once.
  using EventVisitor = absl::FunctionRef<void(const CompiledPolicy&, const EventSource&)>;
  void ForEachSource(const cache::EventFacts& event, EventVisitor visit) const;

 private:
  struct Source {
    const CompiledPolicy* policy;
    const EventSource* source;
    friend bool operator==(const Source&, const Source&) = default;
  };
  using Targets = SelectionIndex<kube::GroupVersionKind, const CompiledPolicy*>;
  using Sources = SelectionIndex<std::string, Source>;  // by kind, as Events name it

  static bool ByLabel(const crds::Target& target);
  static Targets::Selection TargetsOf(const CompiledPolicy& policy);
  static Sources::Selection SourceOf(const CompiledPolicy& policy, const EventSource& source);

  // By name or namespace, if not by a label.
  Targets targets_;
  std::map<kube::GroupVersionKind, LabelIndex<const CompiledPolicy*>> labelled_targets_;
  Sources sources_;
};

}  // namespace kr::policy
