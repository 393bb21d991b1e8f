#include "reconcilers/policy/target_activation.h"

#include <string>
#include <utility>

#include "reconcilers/policy/place.h"

namespace kr::policy {

using cel::Value;

Value TargetValue(const kube::GroupVersionKind& kind, const document::Document& object) {
  return Value::Record({{"apiVersion", Value::String(kind.ApiVersion())},
                        {"kind", Value::String(kind.kind)},
                        {"namespace", Value::String(std::string(object.name_space()))},
                        {"name", Value::String(std::string(object.name()))},
                        {"uid", Value::String(std::string(object.uid()))}});
}

StatusOr<Value> TargetActivation::Resolve(std::string_view variable) const {
  if (variable == "object") return IsPlace(object_) ? Value() : Value::Node(object_.root());
  if (variable == "target") return TargetValue(kind_, object_);
  if (variable == "params" && params_ != nullptr) return *params_;
  return NotFound("no such variable: " + std::string(variable));
}

std::optional<Value> TargetActivation::ResolveField(std::string_view variable,
                                                    std::string_view field, absl::Time&) const {
  if (variable != "variables" || variables_ == nullptr) return std::nullopt;
  for (const NamedProgram& named : *variables_) {
    if (named.name != field) continue;
    auto value = named.program.Evaluate(*this, absl::UnixEpoch()).value;
    return value.ok() ? *std::move(value) : Value::Error(std::move(value).status());
  }
  return Value::Error(NotFound("no such variable: variables." + std::string(field)));
}

StatusOr<Value> ObjectActivation::Resolve(std::string_view variable) const {
  if (variable == name_) return Value::Node(object_.root());
  if (variable == "params") return params_;
  return NotFound("no such variable: " + std::string(variable));
}

}  // namespace kr::policy
