#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "crds/v1alpha1/remediation.h"
#include "crds/v1alpha1/remediation_budget.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "crds/v1alpha1/target_baseline.h"

// JSON in and out. T is RemediationPolicy, Remediation, RemediationBudget, TargetBaseline, one of
// their Spec and Status structs that are listed below, or PolicySnapshot.
namespace kr::crds {

// Reads and checks. InvalidArgument lists up to 20 problems, each with its JSON path:
//   spec.triggers[0].events.count: expected an integer from 1 to 1000, found "three"
//   spec.remedys: unknown field, did you mean "remedies"?
// Unknown fields are refused, except in a policy's status (derived data, maybe of a newer version)
// and in metadata. For a whole policy the rules of validate.h are included. Never throws.
template <typename T>
absl::StatusOr<T> FromJson(const nlohmann::json& json);

// With apiVersion and kind for whole objects. Empty strings, empty lists and absent values are left
// out; FromJson(ToJson(x)) == x for every x that FromJson can give.
template <typename T>
nlohmann::json ToJson(const T& value);

extern template absl::StatusOr<RemediationPolicy> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationPolicySpec> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationPolicyStatus> FromJson(const nlohmann::json&);
extern template absl::StatusOr<Remediation> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationSpec> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationStatus> FromJson(const nlohmann::json&);
extern template absl::StatusOr<PolicySnapshot> FromJson(const nlohmann::json&);
extern template absl::StatusOr<TargetBaseline> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationBudget> FromJson(const nlohmann::json&);
extern template absl::StatusOr<RemediationBudgetStatus> FromJson(const nlohmann::json&);
extern template nlohmann::json ToJson(const RemediationPolicy&);
extern template nlohmann::json ToJson(const RemediationPolicySpec&);
extern template nlohmann::json ToJson(const RemediationPolicyStatus&);
extern template nlohmann::json ToJson(const Remediation&);
extern template nlohmann::json ToJson(const RemediationSpec&);
extern template nlohmann::json ToJson(const RemediationStatus&);
extern template nlohmann::json ToJson(const PolicySnapshot&);
extern template nlohmann::json ToJson(const TargetBaseline&);
extern template nlohmann::json ToJson(const RemediationBudget&);
extern template nlohmann::json ToJson(const RemediationBudgetStatus&);

// The parts of a policy that a remediation keeps to once it has started.
PolicySnapshot TakeSnapshot(const RemediationPolicySpec& spec);

}  // namespace kr::crds
