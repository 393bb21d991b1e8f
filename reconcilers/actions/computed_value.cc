#include "reconcilers/actions/computed_value.h"

#include "reconcilers/actions/patch.h"

namespace kr::actions {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);

}  // namespace

std::string TextOf(const std::vector<ComputedValue>& values) {
  std::string text;
  for (const ComputedValue& value : values) {
    text += ", " + value.place + (value.program ? " = " + value.program->text() : " removed");
  }
  return text;
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
