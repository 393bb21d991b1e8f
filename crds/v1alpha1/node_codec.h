#pragma once

#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/node_command.h"
#include "crds/v1alpha1/node_task.h"

// FromJson and ToJson (codec.h) of what is run on hosts. Only few need these kinds.
namespace kr::crds {

extern template absl::StatusOr<NodeCommand> FromJson(const nlohmann::json&);
extern template absl::StatusOr<NodeTask> FromJson(const nlohmann::json&);
extern template absl::StatusOr<NodeTaskSpec> FromJson(const nlohmann::json&);
extern template absl::StatusOr<NodeTaskStatus> FromJson(const nlohmann::json&);
extern template nlohmann::json ToJson(const NodeCommand&);
extern template nlohmann::json ToJson(const NodeCommandSpec&);
extern template nlohmann::json ToJson(const NodeTask&);
extern template nlohmann::json ToJson(const NodeTaskSpec&);
extern template nlohmann::json ToJson(const NodeTaskStatus&);

}  // namespace kr::crds
