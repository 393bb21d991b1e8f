#include "reconcilers/policy/target_activation.h"

#include <string>

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
  return NotFound("no such variable: " + std::string(variable));
}

}  // namespace kr::policy
