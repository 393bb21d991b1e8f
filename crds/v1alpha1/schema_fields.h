#pragma once

#include <vector>

#include "crds/meta/field_lister.h"

// Every field that the readers know, for tools and for the test that compares them with the CRDs.
namespace kr::crds {

std::vector<FieldInfo> RemediationPolicyFields();
std::vector<FieldInfo> RemediationFields();
std::vector<FieldInfo> TargetBaselineFields();
std::vector<FieldInfo> RemediationBudgetFields();
std::vector<FieldInfo> NodeCommandFields();
std::vector<FieldInfo> NodeTaskFields();

}  // namespace kr::crds
