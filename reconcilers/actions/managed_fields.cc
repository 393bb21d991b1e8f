#include "reconcilers/actions/managed_fields.h"

#include <nlohmann/json.hpp>

#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

// The child of a fieldsV1 node that a step names; nullptr when there is none. An element may be
// identified by more fields than the step knows (ports: containerPort and protocol).
const nlohmann::json* Child(const nlohmann::json& node, const std::string& step) {
  auto exact = node.find(step);
  if (exact != node.end()) return &*exact;
  if (!step.starts_with("k:")) return nullptr;
  auto key_of = [](std::string_view text) {
    return nlohmann::json::parse(text.substr(2), nullptr, false);
  };
  const nlohmann::json wanted = key_of(step);
  for (const auto& [name, child] : node.items()) {
    if (!name.starts_with("k:")) continue;
    nlohmann::json key = key_of(name);
    if (!key.is_object()) continue;
    key.update(wanted);
    if (key == key_of(name)) return &child;
  }
  return nullptr;
}

bool Covers(const nlohmann::json& fields, std::span<const std::string> steps) {
  const nlohmann::json* at = &fields;
  for (const std::string& step : steps) {
    if (!at->is_object()) return false;
    // A leaf of fieldsV1 before the end of the path: the value around it is owned as a whole.
    if (at->empty()) return at != &fields;
    at = Child(*at, step);
    if (at == nullptr) return false;
  }
  return true;
}

// Whether the fields go all the way.
bool Names(const nlohmann::json& fields, std::span<const std::string> steps) {
  const nlohmann::json* at = &fields;
  for (const std::string& step : steps) {
    at = at->is_object() ? Child(*at, step) : nullptr;
    if (at == nullptr) return false;
  }
  return true;
}

}  // namespace

std::string FieldStep(std::string_view name) {
  return "f:" + std::string(name);
}

std::string ElementStep(std::string_view key, const nlohmann::json& value) {
  nlohmann::json element;
  element[std::string(key)] = value;
  return "k:" + element.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool OwnsField(const nlohmann::json& object, std::string_view manager,
               std::span<const std::string> steps) {
  const nlohmann::json* entries = Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array() || entries->empty()) return true;
  for (const nlohmann::json& entry : *entries) {
    if (FindText(entry, {"manager"}) != manager) continue;
    const nlohmann::json* fields = Find(entry, {"fieldsV1"});
    if (fields != nullptr && Covers(*fields, steps)) return true;
  }
  return false;
}

std::string FieldText(std::span<const std::string> steps) {
  std::string text;
  for (const std::string& step : steps) {
    if (step.starts_with("f:")) {
      text += (text.empty() ? "" : ".") + step.substr(2);
      continue;
    }
    const auto key = nlohmann::json::parse(step.substr(2), nullptr, false);
    for (const auto& [name, value] : key.items()) {
      text +=
          "[" + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump()) + "]";
    }
  }
  return text;
}

std::string FieldAndOwner(const nlohmann::json& object, std::string_view manager,
                          std::span<const std::string> steps) {
  // Whoever owns the field itself set it; a value around it may be owned only as being there.
  std::string owners, around;
  const nlohmann::json* entries = Find(object, {"metadata", "managedFields"});
  for (const nlohmann::json& entry : entries ? *entries : nlohmann::json::array()) {
    const nlohmann::json* fields = Find(entry, {"fieldsV1"});
    const std::string name = FindText(entry, {"manager"});
    if (fields == nullptr || name == manager || !Covers(*fields, steps)) continue;
    std::string& list = Names(*fields, steps) ? owners : around;
    list += (list.empty() ? "" : ", ") + name;
  }
  if (owners.empty()) owners = around;
  return FieldText(steps) + (owners.empty() ? " (changed since)" : " (set by " + owners + ")");
}

std::string LastOtherManager(const nlohmann::json& object, std::string_view manager) {
  const nlohmann::json* entries = Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return "";
  std::string last;
  std::string last_time;
  for (const nlohmann::json& entry : *entries) {
    std::string name = FindText(entry, {"manager"});
    if (name == manager || !FindText(entry, {"subresource"}).empty()) continue;
    // metav1.Time in UTC with whole seconds: the order of the texts is that of the times.
    std::string time = FindText(entry, {"time"});
    if (last.empty() || time >= last_time) {
      last = name;
      last_time = time;
    }
  }
  return last;
}

}  // namespace kr::actions
