#pragma once

#include <string_view>
#include <vector>

#include "crds/meta/problems.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::crds {

// The part of Validate (validate.h) that concerns one step.
void ValidateStep(const Step& step, const RemediationPolicySpec& spec, const FieldPath& path,
                  Problems& problems);

// `name` is one of `names`; `list` is how messages call those ("spec.related").
void ExpectOneOf(std::string_view name, const std::vector<std::string_view>& names,
                 std::string_view list, const FieldPath& path, Problems& problems);

// The same for what has names.
template <typename Named>
void ExpectDeclared(std::string_view name, const std::vector<Named>& declared,
                    std::string_view list, const FieldPath& path, Problems& problems) {
  std::vector<std::string_view> names;
  for (const Named& entry : declared) names.push_back(entry.name);
  ExpectOneOf(name, names, list, path, problems);
}

}  // namespace kr::crds
