#pragma once

#include <nlohmann/json.hpp>

namespace kr::service {

// The JSON merge patch that makes `to` of `from`.
nlohmann::json MergeDiff(const nlohmann::json& from, const nlohmann::json& to);

}  // namespace kr::service
