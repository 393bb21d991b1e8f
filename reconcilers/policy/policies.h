#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/document/document.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// One RemediationPolicy as it stands on the server.
struct PolicyEntry {
  crds::RemediationPolicy object;
  // InvalidArgument: what is wrong with the newest generation, and where.
  Status accepted;
  // Of the newest generation, one for each kind of targets; empty when that is not accepted (an
  // older one is not used instead: a person meant to change it).
  std::vector<CompiledPolicyPtr> kinds;

  // The one for such a target; null when there is none.
  CompiledPolicyPtr For(const crds::ObjectReference& target) const;
};

// The policies of the cluster, compiled. Engine thread only.
class Policies {
 public:
  // An object of the kind came or changed. Whether that changed anything but its status.
  bool Upsert(const document::Document& object);
  void Remove(const document::Document& object);

  // Null when there is none (any more).
  const PolicyEntry* FindByUid(std::string_view uid) const;
  const std::map<std::string, PolicyEntry>& by_name() const { return by_name_; }
  std::vector<CompiledPolicyPtr> Compiled() const;

 private:
  std::map<std::string, PolicyEntry> by_name_;
};

}  // namespace kr::policy
