#pragma once

#include <nlohmann/json_fwd.hpp>

namespace kr::actions {

// Whether two scalars are spellings of one Kubernetes quantity: "1000m" and 1, "1Gi" and "1024Mi".
// Whether the field that holds them is one is not known here: good enough to doubt a difference.
bool MayBeSameQuantity(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace kr::actions
