#include "reconcilers/actions/computed_value.h"

#include "reconcilers/actions/patch.h"

namespace kr::actions {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);

}  // namespace

StatusOr<std::vector<ComputedValue>> CompileParameters(
    std::span<const crds::ActionParameter> parameters, const cel::Scope& scope,
    std::string_view path) {
  std::vector<ComputedValue> values;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const crds::ActionParameter& parameter = parameters[i];
    if (parameter.expression.empty()) continue;
    const std::string element = std::string(path) + ".parameters[" + std::to_string(i) + "]";
    if (!parameter.value.empty()) {
      return InvalidArgument(element + ": value and expression exclude each other");
    }
    StatusOr<cel::Program> program = cel::Program::Compile(parameter.expression, scope);
    if (!program.ok()) return Annotate(program.status(), element + ".expression");
    values.push_back({parameter.name, *std::move(program)});
  }
  return values;
}

StatusOr<std::vector<ComputedValue>> CompileSet(
    std::span<const crds::SetValue> set, const cel::Scope& scope, std::string_view path,
    absl::FunctionRef<Status(const crds::SetValue&)> check) {
  std::vector<ComputedValue> values;
  for (size_t i = 0; i < set.size(); ++i) {
    const crds::SetValue& value = set[i];
    const std::string element = std::string(path) + ".set[" + std::to_string(i) + "]";
    KR_RETURN_IF_ERROR(Annotate(check(value), element + ".path"));
    if (value.remove) {
      values.push_back({value.path, std::nullopt});
      continue;
    }
    StatusOr<cel::Program> program = cel::Program::Compile(value.expression, scope);
    if (!program.ok()) return Annotate(program.status(), element + ".expression");
    values.push_back({value.path, *std::move(program)});
  }
  return values;
}

std::string TextOf(const std::vector<ComputedValue>& values) {
  std::string text;
  for (const ComputedValue& value : values) {
    text += ", " + value.place + (value.program ? " = " + value.program->text() : " removed");
  }
  return text;
}

std::string TextOf(std::span<const crds::ActionParameter> parameters,
                   const std::vector<ComputedValue>& values) {
  std::string text;
  for (const crds::ActionParameter& parameter : parameters) {
    if (parameter.expression.empty()) text += ", " + parameter.name + " = " + parameter.value;
  }
  return text + TextOf(values);
}

std::vector<const cel::Program*> ProgramsOf(const std::vector<ComputedValue>& values) {
  std::vector<const cel::Program*> programs;
  for (const ComputedValue& value : values) {
    if (value.program) programs.push_back(&*value.program);
  }
  return programs;
}

Next ValueUnknown(std::string_view what, const cel::Program& program, std::string_view why,
                  const Observed& observed) {
  std::string message =
      std::string(what) + " is unknown: " + program.text() + ": " + std::string(why);
  const absl::Time deadline = observed.step_started + kPatience;
  if (observed.now >= deadline) return Failed{"ValueUnknown", std::move(message)};
  return Wait{.until = deadline, .progress = std::move(message), .memo = nullptr};
}

std::variant<nlohmann::json, Next> GiveParameters(std::span<const crds::ActionParameter> parameters,
                                                  const std::vector<ComputedValue>& values,
                                                  const Observed& observed) {
  nlohmann::json given = nlohmann::json::object();
  for (const crds::ActionParameter& parameter : parameters) {
    if (parameter.expression.empty()) given[parameter.name] = parameter.value;
  }
  for (const ComputedValue& value : values) {
    StatusOr<nlohmann::json> computed = observed.evaluate(*value.program);
    if (!computed.ok()) {
      return ValueUnknown("parameter " + value.place, *value.program, Message(computed.status()),
                          observed);
    }
    given[value.place] = *std::move(computed);
  }
  return given;
}

size_t SizeOf(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).size();
}

Status CheckSize(const nlohmann::json& patch) {
  const size_t size = SizeOf(patch);
  if (size <= kMaxPatchBytes) return OkStatus();
  return InvalidArgument("has " + std::to_string(size) + " bytes, at most " +
                         std::to_string(kMaxPatchBytes) + " are allowed");
}

}  // namespace kr::actions
