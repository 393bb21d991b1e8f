#pragma once

#include <nlohmann/json_fwd.hpp>

namespace kr::actions {

// Whether two scalars may be spellings of one Kubernetes quantity: "1000m" and 1, "1Gi" and
// "1024Mi". Good enough to doubt a difference, not to prove an equality (doubles).
bool MayBeSameQuantity(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace kr::actions
