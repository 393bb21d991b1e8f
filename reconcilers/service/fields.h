#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace kr::service {

// The value at a JSON pointer ("/spec/type"); nullptr when there is none.
const nlohmann::json* At(const nlohmann::json& object, std::string_view pointer);
// The text there; "" when there is none.
std::string TextAt(const nlohmann::json& object, std::string_view pointer);
// The entry of a map whose keys need no escaping: TextIn(service, "/metadata/labels", "a/b").
std::string TextIn(const nlohmann::json& object, std::string_view map, std::string_view key);

// The JSON merge patch that makes `to` of `from`.
nlohmann::json MergeDiff(const nlohmann::json& from, const nlohmann::json& to);

}  // namespace kr::service
