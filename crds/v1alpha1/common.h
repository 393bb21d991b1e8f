#pragma once

#include <string>
#include <string_view>

namespace kr::crds {

inline constexpr std::string_view kGroup = "kube-remedy.io";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "kube-remedy.io/v1alpha1";
inline constexpr std::string_view kPolicyKind = "RemediationPolicy";
inline constexpr std::string_view kPolicyPlural = "remediationpolicies";
inline constexpr std::string_view kRemediationKind = "Remediation";
inline constexpr std::string_view kRemediationPlural = "remediations";
inline constexpr std::string_view kBaselineKind = "TargetBaseline";
inline constexpr std::string_view kBaselinePlural = "targetbaselines";
inline constexpr std::string_view kBudgetKind = "RemediationBudget";
inline constexpr std::string_view kBudgetPlural = "remediationbudgets";

// On objects that no policy may touch ("true").
inline constexpr std::string_view kExcludeLabel = "kube-remedy.io/exclude";
// On a Remediation from before its first lasting effect until none is outstanding.
inline constexpr std::string_view kEffectsFinalizer = "kube-remedy.io/effects";
// On Remediations, so that they can be listed per policy and lineage. Only the controller sets
// them: what has a lineage was admitted by it.
inline constexpr std::string_view kPolicyLabel = "kube-remedy.io/policy";
inline constexpr std::string_view kLineageLabel = "kube-remedy.io/lineage";
// On Remediations that a person made ("true"); set by the controller when it takes one up.
inline constexpr std::string_view kManualLabel = "kube-remedy.io/manual";

// What the controller does about a symptom. Approve makes the plan of a remedy and asks a person
// before it begins. Observe makes the whole plan and has the server check its writes (dry-run), and
// writes nothing.
enum class Mode { kEnforce, kApprove, kObserve };
std::string_view ToString(Mode mode);

// A CEL expression that people and messages refer to by `name`.
struct NamedExpression {
  std::string name;
  std::string expression;
  friend bool operator==(const NamedExpression&, const NamedExpression&) = default;
};

// An expression that others read as `variables.<name>`; evaluated when first read.
struct Variable : NamedExpression {
  friend bool operator==(const Variable&, const Variable&) = default;
};

}  // namespace kr::crds
