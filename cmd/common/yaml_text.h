#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace kr::cmd {

// `value` as a YAML document that reads back as the same value, in kubectl's style: block mappings
// and sequences, strings plain where no reader takes them for anything else, otherwise in double
// quotes.
std::string ToYaml(const nlohmann::json& value);

}  // namespace kr::cmd
