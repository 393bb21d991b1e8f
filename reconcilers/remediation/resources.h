#pragma once

#include "controller/kube/resource.h"
#include "crds/v1alpha1/common.h"

namespace kr::remediation {

// Where our own kinds live; they need no discovery.
inline kube::Resource PolicyResource() {
  return {{std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kPolicyKind)},
          std::string(crds::kPolicyPlural),
          false};
}
inline kube::Resource BudgetResource() {
  return {{std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kBudgetKind)},
          std::string(crds::kBudgetPlural),
          false};
}
inline kube::Resource RemediationResource() {
  return {
      {std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kRemediationKind)},
      std::string(crds::kRemediationPlural),
      false};
}
inline kube::Resource BaselineResource() {
  return {
      {std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kBaselineKind)},
      std::string(crds::kBaselinePlural),
      false};
}

}  // namespace kr::remediation
