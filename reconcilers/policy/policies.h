#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "controller/document/document.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/needs.h"

namespace kr::policy {

// One RemediationPolicy as it stands on the server.
struct PolicyEntry {
  crds::RemediationPolicy object;
  // InvalidArgument: what is wrong with the newest generation, and where.
  Status accepted;
  // With paramRef: why its parameters have no values (Unavailable: they were not read yet).
  Status params;
  // Of the newest generation, with the newest values, one for each kind of targets; empty when that
  // is not accepted or has no values (older ones are not used instead: a person meant to change
  // them).
  std::vector<CompiledPolicyPtr> kinds;
  // What is watched for it: `kinds`, or while there are no values the policy with others. What
  // values there are must not change what is watched, as it depends on the watches what they are.
  std::vector<CompiledPolicyPtr> watched;

  // Why `kinds` is empty; OK when it is not.
  const Status& problem() const { return accepted.ok() ? params : accepted; }
  // The one for such a target; null when there is none.
  CompiledPolicyPtr For(const crds::ObjectReference& target) const;
};

// The policies of the cluster, compiled. Engine thread only.
class Policies {
 public:
  // An object of the kind came or changed. Whether that changed anything but its status.
  bool Upsert(const document::Document& object);
  void Remove(const document::Document& object);

  // What gives parameters their values, of all accepted policies.
  ParamSources Params() const;
  // Takes the values that there are now; `texts` is Watches::Texts. Whether a policy has other ones
  // than before that it reads, or has lost or got them. To be called after each Upsert that changed
  // something, and whenever the values may have changed.
  using ParamTexts =
      absl::FunctionRef<StatusOr<std::map<std::string, std::string>>(const crds::ParamRef&)>;
  bool RefreshParams(ParamTexts texts);

  // Null when there is none (any more).
  const PolicyEntry* FindByUid(std::string_view uid) const;
  const std::map<std::string, PolicyEntry>& by_name() const { return by_name_; }
  std::vector<CompiledPolicyPtr> Compiled() const;
  std::vector<CompiledPolicyPtr> Watched() const;

 private:
  std::map<std::string, PolicyEntry> by_name_;
};

}  // namespace kr::policy
