#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/validate_parts.h"

namespace kr::crds {
namespace {

// Which bounds say something about which types.
void ValidateBounds(const Param& param, const FieldPath& path, Problems& problems) {
  const bool text = param.type == ParamType::kString;
  const bool number = param.type == ParamType::kInteger || param.type == ParamType::kNumber;
  const bool sized = text || param.type == ParamType::kArray || param.type == ParamType::kObject;
  const auto expect = [&](bool given, bool fits, std::string_view field, std::string_view types) {
    if (!given || fits) return;
    problems.Add(path[field], absl::StrCat("is for parameters of type ", ToAbsl(types),
                                           ", this is ", ToAbsl(ToString(param.type))));
  };
  expect(param.minimum.has_value(), number, "minimum", "integer and number");
  expect(param.maximum.has_value(), number, "maximum", "integer and number");
  expect(!param.pattern.empty(), text, "pattern", "string");
  expect(!param.allowed.empty(), text || param.type == ParamType::kObject, "enum",
         "string and object");
  expect(param.max_length.has_value(), sized, "maxLength", "string, array and object");
  if (param.minimum && param.maximum && *param.minimum > *param.maximum) {
    problems.Add(path["minimum"],
                 absl::StrCat("is ", *param.minimum, ", more than maximum (", *param.maximum, ")"));
  }
}

}  // namespace

void ValidateParams(const RemediationPolicySpec& spec, const FieldPath& path, Problems& problems) {
  const FieldPath params = path["params"];
  for (size_t i = 0; i < spec.params.size(); ++i) {
    const Param& param = spec.params[i];
    ValidateBounds(param, params[i], problems);
    // By hand it can be given, with the run.
    if (!param.default_value.empty() || spec.param_ref || spec.triggers.empty()) continue;
    const FieldPath element = params[i];
    problems.Add(element["default"],
                 "is required without spec.paramRef: nothing else gives the "
                 "parameter a value");
  }
  if (spec.param_ref && spec.params.empty()) {
    problems.Add(path["paramRef"], "needs spec.params: only declared parameters are read from it");
  }
}

}  // namespace kr::crds
