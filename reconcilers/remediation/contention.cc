#include "reconcilers/remediation/contention.h"

#include <nlohmann/json.hpp>

namespace kr::remediation {
namespace {

std::string Text(const nlohmann::json& object, const char* field) {
  const auto it = object.find(field);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

std::string LastForeignManager(const nlohmann::json& object, std::string_view ours) {
  std::string manager = "an unknown field manager";
  std::string newest;
  const auto pointer = nlohmann::json::json_pointer("/metadata/managedFields");
  if (!object.is_object() || !object.contains(pointer)) return manager;
  for (const nlohmann::json& entry : object[pointer]) {
    if (!entry.is_object() || !Text(entry, "subresource").empty()) continue;
    const std::string name = Text(entry, "manager");
    const std::string time = Text(entry, "time");
    // RFC 3339 in UTC with whole seconds: the order of the text is the order of time.
    if (name.empty() || name == ours || time < newest) continue;
    manager = name;
    newest = time;
  }
  return manager;
}

}  // namespace kr::remediation
