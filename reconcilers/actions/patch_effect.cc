#include "reconcilers/actions/patch_effect.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/quantity.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// k8s.io/api/core/v1, tags patchStrategy and patchMergeKey.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kMergeKeys = {{
    {"containers", "name"},
    {"initContainers", "name"},
    {"ephemeralContainers", "name"},
    {"env", "name"},
    {"volumes", "name"},
    {"imagePullSecrets", "name"},
    {"volumeMounts", "mountPath"},
    {"volumeDevices", "devicePath"},
    {"hostAliases", "ip"},
    {"topologySpreadConstraints", "topologyKey"},
    {"ports", "containerPort"},
}};

constexpr std::array<std::string_view, 8> kMaps = {"labels",       "annotations", "matchLabels",
                                                   "nodeSelector", "data",        "binaryData",
                                                   "stringData",   "parameters"};

// What encoding/json's omitempty leaves out.
bool IsZero(const json& value) {
  return value.is_null() || value == false || (value.is_number() && value == 0) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

// Compares a patch with an object, leaf by leaf, and remembers where the first one is missing.
class Comparison {
 public:
  Comparison(crds::PatchType type, std::string* where) : type_(type), where_(where) {}

  // `name` is the field that holds the object, "" for the root.
  Effect Object(const json& patch, const json* object, std::string_view name = "") {
    // An empty object, or one that the server may leave out.
    if (object == nullptr && patch.empty()) return Effect::kUnsure;
    Effect worst = Effect::kThere;
    for (const auto& [field, value] : patch.items()) {
      if (IsDirective(field)) {
        worst = std::max(worst, Effect::kUnsure);
        continue;
      }
      size_t length = path_.size();
      path_.append("/").append(field);
      const json* there = object == nullptr ? nullptr : Find(*object, {field});
      worst = std::max(worst, Value(name, field, value, there));
      path_.resize(length);
    }
    return worst;
  }

 private:
  bool IsDirective(std::string_view field) const {
    return type_ == crds::PatchType::kStrategic && field.starts_with('$');
  }

  Effect Missing() {
    if (where_ != nullptr && where_->empty()) *where_ = path_;
    return Effect::kMissing;
  }

  Effect Value(std::string_view parent, std::string_view field, const json& patch,
               const json* object) {
    if (object != nullptr && object->is_null()) object = nullptr;
    if (patch.is_null()) {
      if (object == nullptr) return Effect::kThere;
      // A default may have taken the place of what was removed.
      return object->is_primitive() && !IsMap(parent) ? Effect::kUnsure : Missing();
    }
    if (patch.is_object()) {
      if (object != nullptr && !object->is_object()) return Missing();
      return Object(patch, object, field);
    }
    if (patch.is_array() && type_ == crds::PatchType::kStrategic) {
      return List(field, patch, object);
    }
    return Leaf(patch, object);
  }

  Effect Leaf(const json& patch, const json* object) {
    if (object == nullptr) return IsZero(patch) ? Effect::kUnsure : Missing();
    if (patch == *object) return Effect::kThere;
    return MayBeSameQuantity(patch, *object) ? Effect::kUnsure : Missing();
  }

  Effect List(std::string_view field, const json& patch, const json* object) {
    static const json none = json::array();
    const json& list = object != nullptr && object->is_array() ? *object : none;
    std::string_view key = MergeKey(field);
    Effect worst = Effect::kThere;
    for (size_t i = 0; i < patch.size(); ++i) {
      size_t length = path_.size();
      path_.append("/").append(std::to_string(i));
      worst = std::max(worst, Element(key, patch[i], list));
      path_.resize(length);
    }
    // Without a key the server may have merged the list or replaced it: more elements are no proof.
    bool may_differ = key.empty() && patch.size() != list.size();
    return may_differ ? std::max(worst, Effect::kUnsure) : worst;
  }

  Effect Element(std::string_view key, const json& element, const json& list) {
    if (!element.is_object()) {
      return std::ranges::find(list, element) != list.end() ? Effect::kThere : Missing();
    }
    for (const auto& [field, value] : element.items()) {
      if (IsDirective(field)) return Effect::kUnsure;
    }
    const json* id = key.empty() ? nullptr : Find(element, {key});
    if (id != nullptr) {
      const json* there = FindElement(list, key, *id);
      return there == nullptr ? Missing() : Object(element, there);
    }
    Effect best = Effect::kMissing;
    for (const json& candidate : list) {
      Comparison alone(type_, nullptr);
      best = std::min(best, alone.Object(element, &candidate));
    }
    return best == Effect::kMissing ? Missing() : best;
  }

  const crds::PatchType type_;
  std::string* const where_;
  std::string path_;
};

}  // namespace

Effect CompareEffect(crds::PatchType type, const json& patch, const json& object,
                     std::string* where) {
  return Comparison(type, where).Object(patch, &object);
}

std::string_view MergeKey(std::string_view list_field) {
  auto entry = std::ranges::find(kMergeKeys, list_field,
                                 &std::pair<std::string_view, std::string_view>::first);
  return entry == kMergeKeys.end() ? std::string_view() : entry->second;
}

bool IsMap(std::string_view field) {
  return std::ranges::count(kMaps, field) > 0;
}

const json* FindElement(const json& list, std::string_view key, const json& value) {
  if (!list.is_array()) return nullptr;
  for (const json& element : list) {
    const json* id = Find(element, {key});
    if (id != nullptr && *id == value) return &element;
  }
  return nullptr;
}

bool SameObject(json a, json b) {
  for (json* object : {&a, &b}) {
    if (!object->is_object()) continue;
    auto metadata = object->find("metadata");
    if (metadata == object->end() || !metadata->is_object()) continue;
    for (const char* field : {"managedFields", "resourceVersion", "generation"}) {
      metadata->erase(field);
    }
  }
  return a == b;
}

}  // namespace kr::actions
