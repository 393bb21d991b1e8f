#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// Finds the policies that may select an object, so that a change costs nothing for the thousand
// policies that it does not concern: by kind, then by name, by namespace, and a rest that has to be
// asked. Selector::Matches has the last word. Not thread-safe.
class PolicyIndex {
 public:
  void Add(const CompiledPolicy* policy);
  void Remove(const CompiledPolicy* policy);

  // Each candidate once. `visit` must not change the index.
  void ForEach(const kube::GroupVersionKind& kind, const document::Document& object,
               absl::FunctionRef<void(const CompiledPolicy&)> visit) const;

 private:
  struct Kind {
    std::map<std::string, std::vector<const CompiledPolicy*>, std::less<>> by_name;
    std::map<std::string, std::vector<const CompiledPolicy*>, std::less<>> by_namespace;
    std::vector<const CompiledPolicy*> rest;
  };
  // The lists that the policy stands in.
  template <typename Visit>
  static void ForEachList(Kind& kind, const CompiledPolicy& policy, Visit visit);

  std::map<kube::GroupVersionKind, Kind> kinds_;
};

}  // namespace kr::policy
