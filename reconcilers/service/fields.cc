#include "reconcilers/service/fields.h"

namespace kr::service {

using nlohmann::json;

const json* At(const json& object, std::string_view pointer) {
  const json::json_pointer place{std::string(pointer)};
  return object.is_structured() && object.contains(place) ? &object[place] : nullptr;
}

std::string TextAt(const json& object, std::string_view pointer) {
  const json* value = At(object, pointer);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::string TextIn(const json& object, std::string_view map, std::string_view key) {
  const json* entries = At(object, map);
  if (entries == nullptr || !entries->is_object()) return "";
  const auto entry = entries->find(std::string(key));
  return entry != entries->end() && entry->is_string() ? entry->get<std::string>() : "";
}

json MergeDiff(const json& from, const json& to) {
  json patch = json::object();
  for (const auto& [field, value] : to.items()) {
    const auto before = from.find(field);
    if (before == from.end()) {
      patch[field] = value;
    } else if (value.is_object() && before->is_object()) {
      json inner = MergeDiff(*before, value);
      if (!inner.empty()) patch[field] = std::move(inner);
    } else if (value != *before) {
      patch[field] = value;
    }
  }
  for (const auto& [field, value] : from.items()) {
    if (!to.contains(field)) patch[field] = nullptr;
  }
  return patch;
}

}  // namespace kr::service
