#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

// Looks into JSON that may have any form: what has another one than expected is not there.
namespace kr::crds {

// The value at a path of fields; nullptr when there is none (or something on the way is no object).
const nlohmann::json* Find(const nlohmann::json& object,
                           std::initializer_list<std::string_view> fields);
// The text there; `otherwise` when there is none.
std::string FindText(const nlohmann::json& object, std::initializer_list<std::string_view> fields,
                     std::string_view otherwise = "");
// The whole number there; `otherwise` when there is none.
int64_t FindNumber(const nlohmann::json& object, std::initializer_list<std::string_view> fields,
                   int64_t otherwise = 0);

}  // namespace kr::crds
