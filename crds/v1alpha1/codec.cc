#include "crds/v1alpha1/codec.h"

#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "crds/meta/json_reader.h"
#include "crds/meta/json_writer.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/remediation_budget_fields.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "crds/v1alpha1/schema_fields.h"
#include "crds/v1alpha1/target_baseline_fields.h"
#include "crds/v1alpha1/validate.h"

namespace kr::crds {
namespace {

// How each T is called in paths; whole objects have a kind instead.
template <typename T>
struct Root;
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

// apiVersion and kind may be missing, as in the elements of some lists, but not be others.
void ExpectTypeMeta(JsonReader& reader, const FieldPath& path, std::string_view want_kind,
                    Problems& problems) {
  std::string api_version(kApiVersion);
  std::string kind(want_kind);
  reader.Field("apiVersion", api_version);
  reader.Field("kind", kind);
  if (api_version != kApiVersion) {
    problems.Add(path["apiVersion"], absl::StrCat("expected ", ToAbsl(kApiVersion), ", found \"",
                                                  Truncate(api_version, 60), "\""));
  }
  if (kind != want_kind) {
    problems.Add(path["kind"], absl::StrCat("expected ", ToAbsl(want_kind), ", found \"",
                                            Truncate(kind, 60), "\""));
  }
}

}  // namespace

template <typename T>
absl::StatusOr<T> FromJson(const nlohmann::json& json) {
  const FieldPath root(Root<T>::kPath);
  Problems problems;
  T value;
  JsonReader::ReadObject(json, root, problems, [&](JsonReader& reader) {
    if constexpr (!Root<T>::kKind.empty()) {
      ExpectTypeMeta(reader, root, Root<T>::kKind, problems);
    }
    Describe(reader, value);
  });
  // Rules over several fields would only repeat what is already wrong with one of them.
  if (problems.empty()) {
    if constexpr (std::is_same_v<T, RemediationPolicy>) {
      Validate(value.spec, root["spec"], problems);
    } else if constexpr (std::is_same_v<T, RemediationPolicySpec>) {
      Validate(value, root, problems);
    } else if constexpr (std::is_same_v<T, RemediationBudget>) {
      Validate(value.spec, root["spec"], problems);
    }
  }
  if (!problems.empty()) return problems.ToStatus();
  return value;
}

template <typename T>
nlohmann::json ToJson(const T& value) {
  nlohmann::json json = nlohmann::json::object();
  if constexpr (!Root<T>::kKind.empty()) {
    json["apiVersion"] = kApiVersion;
    json["kind"] = Root<T>::kKind;
  }
  JsonWriter writer(json);
  Describe(writer, value);
  return json;
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
