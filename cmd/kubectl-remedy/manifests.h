#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/base/status.h"

namespace kr::cmd {

// The objects of manifests (- is standard input), the items of Lists one by one. InvalidArgument
// names file, line and column.
StatusOr<std::vector<nlohmann::json>> ReadManifests(const std::vector<std::string>& files);

// Whether it is a RemediationPolicy.
bool IsPolicy(const nlohmann::json& object);
bool IsBudget(const nlohmann::json& object);

}  // namespace kr::cmd
