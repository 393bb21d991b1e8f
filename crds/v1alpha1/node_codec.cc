#include "crds/v1alpha1/node_codec.h"

#include "crds/v1alpha1/codec_template.h"
#include "crds/v1alpha1/node_task_fields.h"
#include "crds/v1alpha1/schema_fields.h"
#include "crds/v1alpha1/validate_node.h"

namespace kr::crds {

template <>
struct Root<NodeCommand> {
  static constexpr std::string_view kPath = "", kKind = kNodeCommandKind;
};
template <>
struct Root<NodeTask> {
  static constexpr std::string_view kPath = "", kKind = kNodeTaskKind;
};
template <>
struct Root<NodeTaskSpec> {
  static constexpr std::string_view kPath = "spec", kKind = "";
};
template <>
struct Root<NodeCommandSpec> : Root<NodeTaskSpec> {};
template <>
struct Root<NodeTaskStatus> {
  static constexpr std::string_view kPath = "status", kKind = "";
};

template <>
void Check(const NodeCommand& command, const FieldPath& root, Problems& problems) {
  Validate(command.spec, root["spec"], problems);
}
template <>
void Check(const NodeTaskSpec& spec, const FieldPath& root, Problems& problems) {
  ValidateCommands(spec.commands, root["commands"], problems);
}
template <>
void Check(const NodeTask& task, const FieldPath& root, Problems& problems) {
  Check(task.spec, root["spec"], problems);
}

template absl::StatusOr<NodeCommand> FromJson(const nlohmann::json&);
template absl::StatusOr<NodeTask> FromJson(const nlohmann::json&);
template absl::StatusOr<NodeTaskSpec> FromJson(const nlohmann::json&);
template absl::StatusOr<NodeTaskStatus> FromJson(const nlohmann::json&);
template nlohmann::json ToJson(const NodeCommand&);
template nlohmann::json ToJson(const NodeCommandSpec&);
template nlohmann::json ToJson(const NodeTask&);
template nlohmann::json ToJson(const NodeTaskSpec&);
template nlohmann::json ToJson(const NodeTaskStatus&);

std::vector<FieldInfo> NodeCommandFields() {
  return ListFields<NodeCommand>();
}
std::vector<FieldInfo> NodeTaskFields() {
  return ListFields<NodeTask>();
}

std::string_view ToString(TaskVia via) {
  return EnumToString(via);
}
std::string_view ToString(TaskPhase phase) {
  return EnumToString(phase);
}
bool IsFinal(TaskPhase phase) {
  return phase != TaskPhase::kRunning && phase != TaskPhase::kRebooting;
}

}  // namespace kr::crds
