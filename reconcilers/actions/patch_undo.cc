#include "reconcilers/actions/patch_undo.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/actions/patch_effect.h"

namespace kr::actions {
namespace {

using nlohmann::json;

bool IsKeyedList(crds::PatchType type, std::string_view field, const json& value) {
  if (type != crds::PatchType::kStrategic || !value.is_array()) return false;
  std::string_view key = MergeKey(field);
  return !key.empty() && std::ranges::all_of(value, [&](const json& element) {
    return element.is_object() && Find(element, {key}) != nullptr;
  });
}

bool HasObjects(const json& list) {
  return std::ranges::any_of(list, [](const json& element) { return element.is_object(); });
}

Status Record(crds::PatchType type, const json& patch, const json* object, json& before);

Status RecordList(crds::PatchType type, std::string_view key, const json& patch, const json* object,
                  json& before) {
  before = json::array();
  for (const json& element : patch) {
    const json& id = element[std::string(key)];
    const json* there = object == nullptr ? nullptr : FindElement(*object, key, id);
    json restored;
    KR_RETURN_IF_ERROR(Record(type, element, there, restored));
    if (there == nullptr) restored = {{"$patch", "delete"}};
    restored[std::string(key)] = id;
    before.push_back(std::move(restored));
  }
  return OkStatus();
}

// `before` becomes the patch that makes of what `patch` touches what `object` holds.
Status Record(crds::PatchType type, const json& patch, const json* object, json& before) {
  before = json::object();
  for (const auto& [field, value] : patch.items()) {
    if (type == crds::PatchType::kStrategic && field.starts_with('$')) {
      return FailedPrecondition("the patch has the directive " + field);
    }
    const json* there = object == nullptr ? nullptr : Find(*object, {field});
    if (value.is_object() && there != nullptr && there->is_object()) {
      KR_RETURN_IF_ERROR(Record(type, value, there, before[field]));
    } else if (IsKeyedList(type, field, value)) {
      KR_RETURN_IF_ERROR(RecordList(type, MergeKey(field), value, there, before[field]));
    } else if (type == crds::PatchType::kStrategic && value.is_array() && HasObjects(value)) {
      return FailedPrecondition("it is not known how the list " + field + " is merged");
    } else {
      before[field] = there == nullptr ? json() : *there;
    }
  }
  return OkStatus();
}

// Whether a pre-image says of all of its fields that they were not there.
bool SaysAbsent(const json& before) {
  if (!before.is_object()) return before.is_null();
  return std::ranges::all_of(before, [](const json& field) { return SaysAbsent(field); });
}

// Builds the undo patch while walking down patch, pre-image and object together.
class Restorer {
 public:
  Restorer(crds::PatchType type, const json& root) : type_(type), root_(root) {}

  json Object(const json& patch, const json& before, const json& object) {
    json undo = json::object();
    for (const auto& [field, value] : patch.items()) {
      const json* old = Find(before, {field});
      if (old == nullptr) continue;
      steps_.push_back(FieldStep(field));
      if (std::optional<json> restored = Field(field, value, *old, Find(object, {field}))) {
        undo[field] = *std::move(restored);
      }
      steps_.pop_back();
    }
    return undo;
  }

  // What is not as before and not ours to restore.
  const std::string& left() const { return left_; }

 private:
  std::optional<json> Leave(const json& before, const json* object) {
    const bool restored = object == nullptr ? SaysAbsent(before) : before == *object;
    if (!restored) {
      left_ += (left_.empty() ? "" : ", ") + FieldAndOwner(root_, kFieldManager, steps_);
    }
    return std::nullopt;
  }

  // nullopt: nothing to restore here.
  std::optional<json> Field(const std::string& field, const json& patch, const json& before,
                            const json* object) {
    if (patch.is_object() && object != nullptr && object->is_object()) {
      if (before.is_object()) return Nonempty(Object(patch, before, *object));
      if (before.is_null()) return Made(field, patch, *object);
      return Leave(before, object);
    }
    if (IsKeyedList(type_, field, patch) && before.is_array() && object != nullptr) {
      return Nonempty(List(MergeKey(field), patch, before, *object));
    }
    if (!Holds(field, patch, object) || !Owned(object)) return Leave(before, object);
    bool restored = object == nullptr ? before.is_null() : before == *object;
    if (restored) return std::nullopt;
    return before;
  }

  // What we made and what is still as we made it goes away whole: alone, the server's defaults in
  // it would be invalid (a probe without its handler). Entries of maps stand for themselves.
  std::optional<json> Made(const std::string& field, const json& patch, const json& object) {
    bool untouched = CompareEffect(type_, patch, object) != Effect::kMissing;
    if (!IsMap(field) && untouched && AllOwned(patch, object)) return json();
    return Nonempty(Object(patch, AllAbsent(patch), object));
  }

  json List(std::string_view key, const json& patch, const json& before, const json& object) {
    json undo = json::array();
    for (const json& element : patch) {
      const json& id = element[std::string(key)];
      const json* old = FindElement(before, key, id);
      const json* there = FindElement(object, key, id);
      if (old == nullptr) continue;
      steps_.push_back(ElementStep(key, id));
      if (there == nullptr) {
        if (Find(*old, {"$patch"}) == nullptr) Leave(*old, nullptr);
        steps_.pop_back();
        continue;
      }
      json restored;
      if (Find(*old, {"$patch"}) == nullptr) {
        json others = *old;
        others.erase(std::string(key));  // the identity is not restored but only named
        restored = Object(element, others, *there);
      } else if (CompareEffect(type_, element, *there) != Effect::kMissing &&
                 AllOwned(element, *there)) {
        restored = *old;
      } else {
        Leave(*old, there);
      }
      steps_.pop_back();
      if (restored.is_null() || restored.empty()) continue;
      restored[std::string(key)] = id;
      undo.push_back(std::move(restored));
    }
    return undo;
  }

  bool Holds(const std::string& field, const json& patch, const json* object) const {
    // A list to which somebody added is no longer ours to replace.
    if (patch.is_array() && object != nullptr) return patch == *object;
    json part = json::object();
    if (object != nullptr) part[field] = *object;
    return CompareEffect(type_, json{{field, patch}}, part) != Effect::kMissing;
  }

  // Nobody owns what is not there.
  bool Owned(const json* object) const {
    return object == nullptr || OwnsField(root_, kFieldManager, steps_);
  }

  bool AllOwned(const json& patch, const json& object) {
    bool owned = true;
    for (const auto& [field, value] : patch.items()) {
      const json* there = Find(object, {field});
      steps_.push_back(FieldStep(field));
      bool inner = value.is_object() && there != nullptr && there->is_object();
      // Lists inside something that we made are judged by their values alone.
      owned = owned && (inner ? AllOwned(value, *there) : value.is_array() || Owned(there));
      steps_.pop_back();
    }
    return owned;
  }

  static json AllAbsent(const json& patch) {
    json before = json::object();
    for (const auto& [field, value] : patch.items()) before[field] = nullptr;
    return before;
  }

  static std::optional<json> Nonempty(json patch) {
    if (patch.empty()) return std::nullopt;
    return patch;
  }

  const crds::PatchType type_;
  const json& root_;
  std::vector<std::string> steps_;
  std::string left_;
};

}  // namespace

StatusOr<json> PreImage(crds::PatchType type, const json& patch, const json& object) {
  json before;
  KR_RETURN_IF_ERROR(Record(type, patch, &object, before));
  return before;
}

void KeepPreImage(crds::PatchType type, const json& patch, const Observed& observed, json& memo) {
  if (kube::IsSecret(observed.ref.resource.gvk)) {
    memo[kNoUndo] = "the content of a Secret is never stored";
    return;
  }
  StatusOr<json> before = PreImage(type, patch, *observed.live);
  if (!before.ok()) {
    memo[kNoUndo] = std::string(Message(before.status()));
  } else if (SizeOf(*before) > kMaxPreImageBytes) {
    memo[kNoUndo] = "the values before are too large to be kept";
  } else {
    memo[kBefore] = *std::move(before);
  }
}

std::optional<json> UndoPatch(crds::PatchType type, const json& patch, const json& before,
                              const json& object) {
  json undo = Restorer(type, object).Object(patch, before, object);
  if (undo.empty()) return std::nullopt;
  return undo;
}

std::string NotRestored(crds::PatchType type, const json& patch, const json& before,
                        const json& object) {
  Restorer restorer(type, object);
  restorer.Object(patch, before, object);
  return restorer.left();
}

}  // namespace kr::actions
