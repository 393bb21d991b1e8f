#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/functional/function_ref.h"
#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/node_steps.h"
#include "crds/v1alpha1/set_value.h"
#include "reconcilers/actions/action.h"

// Values that a step computes when it begins, and stores: what all actions with expressions have in
// common.
namespace kr::actions {

struct ComputedValue {
  std::string place;                    // "/spec/replicas"
  std::optional<cel::Program> program;  // nullopt: what is there is removed
};

// Of an action at `path`, the values of those of its parameters that have an expression, by name.
// InvalidArgument names the parameter and the column.
StatusOr<std::vector<ComputedValue>> CompileParameters(
    std::span<const crds::ActionParameter> parameters, const cel::Scope& scope,
    std::string_view path);

// The same of an action's `set`, by place; `check` says whether the place of one may be set at all.
StatusOr<std::vector<ComputedValue>> CompileSet(
    std::span<const crds::SetValue> set, const cel::Scope& scope, std::string_view path,
    absl::FunctionRef<Status(const crds::SetValue&)> check);

// For Describe: ", /spec/replicas = object.spec.replicas * 2, /spec/paused removed".
std::string TextOf(const std::vector<ComputedValue>& values);
// The same of all parameters: ", level = 3, pool = object.metadata.labels.pool".
std::string TextOf(std::span<const crds::ActionParameter> parameters,
                   const std::vector<ComputedValue>& values);
std::vector<const cel::Program*> ProgramsOf(const std::vector<ComputedValue>& values);

// Instead of going on: `program` gave no value for `what` ("the value for /spec/replicas"), because
// of `why`. Wait for up to a minute since the step began (a kind may be listed again), then
// Failed(ValueUnknown).
Next ValueUnknown(std::string_view what, const cel::Program& program, std::string_view why,
                  const Observed& observed);

// All parameters, by name, or what to do instead of going on.
std::variant<nlohmann::json, Next> GiveParameters(std::span<const crds::ActionParameter> parameters,
                                                  const std::vector<ComputedValue>& values,
                                                  const Observed& observed);

// As it is sent; text that is not UTF-8 is replaced.
size_t SizeOf(const nlohmann::json& value);
// InvalidArgument when it is larger than a patch may be.
Status CheckSize(const nlohmann::json& patch);

}  // namespace kr::actions
