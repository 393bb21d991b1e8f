#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::policy {

// One entry of `groups`, of a policy's limits or a budget: which group an object is in.
struct GroupKey {
  cel::Program key;
  crds::LimitGroup spec;

  // "" when the object is in none: the key fails, or is empty. Cut to 253 characters.
  std::string Of(const kube::GroupVersionKind& kind, const document::Document& object) const;
};

// InvalidArgument names the entry below `path` and the column.
StatusOr<std::vector<GroupKey>> CompileGroups(const std::vector<crds::LimitGroup>& groups,
                                              std::string_view path);
// What the keys read of an object.
std::vector<document::Path> PathsOf(const std::vector<GroupKey>& groups);

}  // namespace kr::policy
