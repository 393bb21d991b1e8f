#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "controller/kube/resource.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// A request that carrying out a policy takes, as far as the policy says what it will be about.
struct Permission {
  actions::RbacRule rule;
  // Only the object of this name is ever asked for; "" when that is not so.
  std::string only_name = {};
  // A watch that is open as long as the policy is there: what it may not do it says itself.
  bool watched = false;
  // It is about an object of the targets' kind that is a target.
  bool of_target = false;
  // Where it will be, and what its name is, when the policy says that: a reference of applyTo.
  std::string name_space = {}, name = {};
  // The action that makes it; "" for the controller itself.
  std::string_view action = {};
};

// All of them; several may be the same rule. `find` says where a kind lives; its errors end it.
// The rules of what a change has made, to remove it again, are among them only where changes are
// taken back.
StatusOr<std::vector<Permission>> PermissionsOf(
    const CompiledPolicy& policy,
    absl::FunctionRef<StatusOr<kube::Resource>(const kube::GroupVersionKind&)> find);

}  // namespace kr::policy
