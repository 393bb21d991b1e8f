#include "crds/v1alpha1/codec.h"

#include <utility>

#include "crds/v1alpha1/codec_template.h"
#include "crds/v1alpha1/remediation_budget_fields.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "crds/v1alpha1/schema_fields.h"
#include "crds/v1alpha1/target_baseline_fields.h"
#include "crds/v1alpha1/validate.h"

namespace kr::crds {

template <>
struct Root<RemediationPolicy> {
  static constexpr std::string_view kPath = "", kKind = kPolicyKind;
};
template <>
struct Root<Remediation> {
  static constexpr std::string_view kPath = "", kKind = kRemediationKind;
};
template <>
struct Root<TargetBaseline> {
  static constexpr std::string_view kPath = "", kKind = kBaselineKind;
};
template <>
struct Root<RemediationBudget> {
  static constexpr std::string_view kPath = "", kKind = kBudgetKind;
};
template <>
struct Root<RemediationPolicySpec> {
  static constexpr std::string_view kPath = "spec", kKind = "";
};
template <>
struct Root<RemediationSpec> : Root<RemediationPolicySpec> {};
template <>
struct Root<RemediationPolicyStatus> {
  static constexpr std::string_view kPath = "status", kKind = "";
};
template <>
struct Root<RemediationStatus> : Root<RemediationPolicyStatus> {};
template <>
struct Root<RemediationBudgetStatus> : Root<RemediationPolicyStatus> {};
template <>
struct Root<PolicySnapshot> {
  static constexpr std::string_view kPath = "snapshot", kKind = "";
};

template <>
void Check(const RemediationPolicy& policy, const FieldPath& root, Problems& problems) {
  Validate(policy.spec, root["spec"], problems);
}
template <>
void Check(const RemediationPolicySpec& spec, const FieldPath& root, Problems& problems) {
  Validate(spec, root, problems);
}
template <>
void Check(const RemediationBudget& budget, const FieldPath& root, Problems& problems) {
  Validate(budget.spec, root["spec"], problems);
}

template absl::StatusOr<RemediationPolicy> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationPolicySpec> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationPolicyStatus> FromJson(const nlohmann::json&);
template absl::StatusOr<Remediation> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationSpec> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationStatus> FromJson(const nlohmann::json&);
template absl::StatusOr<PolicySnapshot> FromJson(const nlohmann::json&);
template absl::StatusOr<TargetBaseline> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationBudget> FromJson(const nlohmann::json&);
template absl::StatusOr<RemediationBudgetStatus> FromJson(const nlohmann::json&);
template nlohmann::json ToJson(const RemediationPolicy&);
template nlohmann::json ToJson(const RemediationPolicySpec&);
template nlohmann::json ToJson(const RemediationPolicyStatus&);
template nlohmann::json ToJson(const Remediation&);
template nlohmann::json ToJson(const RemediationSpec&);
template nlohmann::json ToJson(const RemediationStatus&);
template nlohmann::json ToJson(const PolicySnapshot&);
template nlohmann::json ToJson(const TargetBaseline&);
template nlohmann::json ToJson(const RemediationBudget&);
template nlohmann::json ToJson(const RemediationBudgetStatus&);

PolicySnapshot TakeSnapshot(const RemediationPolicySpec& spec) {
  return {.params = spec.params,
          .related = spec.related,
          .events = spec.events,
          .variables = spec.variables,
          .triggers = spec.triggers,
          .remedies = spec.remedies,
          .recovery = spec.recovery};
}

std::vector<FieldInfo> RemediationPolicyFields() {
  return ListFields<RemediationPolicy>();
}
std::vector<FieldInfo> RemediationFields() {
  return ListFields<Remediation>();
}
std::vector<FieldInfo> TargetBaselineFields() {
  return ListFields<TargetBaseline>();
}
std::vector<FieldInfo> RemediationBudgetFields() {
  return ListFields<RemediationBudget>();
}

}  // namespace kr::crds
