#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "controller/cel/value.h"
#include "crds/v1alpha1/params.h"

// The parameters of a policy and their values. The value in force stands where the default stood:
// so a policy with its values is a policy, and so is the snapshot of one. Pure.
namespace kr::policy {

// Whether the declarations make sense: patterns compile, defaults keep to their own bounds.
// InvalidArgument names the field: "spec.params[0].default: is 3, expected at least 5".
Status CheckParams(const std::vector<crds::Param>& params);

// `params` with values that somebody gave on purpose, for one run. InvalidArgument names the
// parameter: "params.minReady: expected an integer, found \"three\"", "params.x: is not declared".
StatusOr<std::vector<crds::Param>> WithValues(std::vector<crds::Param> params,
                                              const nlohmann::json& values);
// The same with the data of a ConfigMap: each value is a text that is read by its type. Keys that
// are no parameter are none of ours.
StatusOr<std::vector<crds::Param>> WithTexts(std::vector<crds::Param> params,
                                             const std::map<std::string, std::string>& texts);

// `params` in expressions: their types, and their values. One without a value is an error for
// whoever reads it.
cel::Type ParamsType(const std::vector<crds::Param>& params);
cel::Value ParamsValue(const std::vector<crds::Param>& params);

}  // namespace kr::policy
