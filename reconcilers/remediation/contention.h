#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kr::remediation {

// Who changed an object's spec last, besides `ours`: the newest entry of managedFields that is not
// about a subresource. "an unknown field manager" when the object does not say.
std::string LastForeignManager(const nlohmann::json& object, std::string_view ours);

}  // namespace kr::remediation
