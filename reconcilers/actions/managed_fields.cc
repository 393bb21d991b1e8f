#include "reconcilers/actions/managed_fields.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "absl/functional/function_ref.h"
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

// Where the fields go all the way; nullptr: they do not.
const nlohmann::json* At(const nlohmann::json& fields, std::span<const std::string> steps) {
  const nlohmann::json* at = &fields;
  for (const std::string& step : steps) {
    at = at->is_object() ? Child(*at, step) : nullptr;
    if (at == nullptr) return nullptr;
  }
  return at;
}

bool Names(const nlohmann::json& fields, std::span<const std::string> steps) {
  return At(fields, steps) != nullptr;
}

const nlohmann::json& EntriesOf(const nlohmann::json& object) {
  static const nlohmann::json none = nlohmann::json::array();
  const nlohmann::json* entries = Find(object, {"metadata", "managedFields"});
  return entries != nullptr && entries->is_array() ? *entries : none;
}

// Whether what is inside the value at `steps` is owned piece by piece: somebody owns a piece. Of an
// atomic value nobody can.
bool IsGranular(const nlohmann::json& entries, std::span<const std::string> steps) {
  for (const nlohmann::json& entry : entries) {
    const nlohmann::json* fields = Find(entry, {"fieldsV1"});
    const nlohmann::json* at = fields == nullptr ? nullptr : At(*fields, steps);
    if (at == nullptr || !at->is_object()) continue;
    for (const auto& [name, child] : at->items()) {
      if (name != ".") return true;  // that the value is there at all
    }
  }
  return false;
}

bool Covers(const nlohmann::json& entries, const nlohmann::json& fields,
            std::span<const std::string> steps) {
  const nlohmann::json* at = &fields;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!at->is_object()) return false;
    // A leaf of fieldsV1 before the end of the path: an atomic value, owned as a whole, or a map or
    // list that was written empty, in which others may own what they put.
    if (at->empty()) return i > 0 && !IsGranular(entries, steps.first(i));
    at = Child(*at, steps[i]);
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
  const nlohmann::json& entries = EntriesOf(object);
  if (entries.empty()) return true;
  for (const nlohmann::json& entry : entries) {
    if (FindText(entry, {"manager"}) != manager) continue;
    const nlohmann::json* fields = Find(entry, {"fieldsV1"});
    if (fields != nullptr && Covers(entries, *fields, steps)) return true;
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
  const nlohmann::json& entries = EntriesOf(object);
  for (const nlohmann::json& entry : entries) {
    const nlohmann::json* fields = Find(entry, {"fieldsV1"});
    const std::string name = FindText(entry, {"manager"});
    if (fields == nullptr || name == manager || !Covers(entries, *fields, steps)) continue;
    std::string& list = Names(*fields, steps) ? owners : around;
    list += (list.empty() ? "" : ", ") + name;
  }
  if (owners.empty()) owners = around;
  return FieldText(steps) + (owners.empty() ? " (changed since)" : " (set by " + owners + ")");
}

namespace {

// Of the entries that are not of `manager` and that `counts`, who made the last one; "" of none.
std::string LastOf(const nlohmann::json& entries, std::string_view manager,
                   absl::FunctionRef<bool(const nlohmann::json& entry)> counts) {
  std::string last;
  std::string last_time;
  for (const nlohmann::json& entry : entries) {
    std::string name = FindText(entry, {"manager"});
    if (name == manager || !counts(entry)) continue;
    // metav1.Time in UTC with whole seconds: the order of the texts is that of the times.
    std::string time = FindText(entry, {"time"});
    if (last.empty() || time >= last_time) {
      last = name;
      last_time = time;
    }
  }
  return last;
}

bool Owns(const nlohmann::json& entries, const nlohmann::json& entry, const FieldPath& field) {
  const nlohmann::json* owned = Find(entry, {"fieldsV1"});
  return owned != nullptr && Covers(entries, *owned, field);
}

}  // namespace

bool IsRemoved(const nlohmann::json& object, std::string_view manager,
               std::span<const FieldPath> fields) {
  const nlohmann::json& entries = EntriesOf(object);
  const auto tells = [](const nlohmann::json& entry) {
    return Find(entry, {"fieldsV1"}) != nullptr;
  };
  if (entries.empty() || !std::ranges::all_of(entries, tells)) return false;
  bool lost = false;
  for (const FieldPath& field : fields) {
    if (OwnsField(object, manager, field)) continue;
    lost = true;
    for (const nlohmann::json& entry : entries) {
      if (Owns(entries, entry, field)) return false;
    }
  }
  return lost;
}

std::string LastOwner(const nlohmann::json& object, std::string_view manager,
                      std::span<const FieldPath> fields) {
  const nlohmann::json& entries = EntriesOf(object);
  if (entries.empty()) return "";
  // What is still owned by `manager` nobody has set; a list as a whole is always owned by many.
  for (const bool lost_only : {true, false}) {
    std::string last = LastOf(entries, manager, [&](const nlohmann::json& entry) {
      return std::ranges::any_of(fields, [&](const FieldPath& field) {
        return Owns(entries, entry, field) && !(lost_only && OwnsField(object, manager, field));
      });
    });
    if (!last.empty()) return last;
  }
  return "";
}

std::string LastOtherManager(const nlohmann::json& object, std::string_view manager) {
  return LastOf(EntriesOf(object), manager, [](const nlohmann::json& entry) {
    return FindText(entry, {"subresource"}).empty();
  });
}

}  // namespace kr::actions
