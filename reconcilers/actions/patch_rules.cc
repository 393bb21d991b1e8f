#include "reconcilers/actions/patch_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kFixed = {"apiVersion", "kind", "status"};
constexpr std::array<std::string_view, 12> kFixedMetadata = {"name",
                                                             "generateName",
                                                             "namespace",
                                                             "uid",
                                                             "resourceVersion",
                                                             "generation",
                                                             "creationTimestamp",
                                                             "deletionTimestamp",
                                                             "deletionGracePeriodSeconds",
                                                             "ownerReferences",
                                                             "finalizers",
                                                             "managedFields"};

Status Refused(std::string_view place) {
  return InvalidArgument(std::string(place) + ": must not be patched");
}

// "a~1b/~0c" step by step.
std::string Unescaped(std::string_view token) {
  std::string text;
  for (size_t i = 0; i < token.size(); ++i) {
    bool escape = token[i] == '~' && i + 1 < token.size();
    if (escape) ++i;
    text.push_back(!escape ? token[i] : token[i] == '1' ? '/' : '~');
  }
  return text;
}

std::vector<std::string> Tokens(std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    size_t end = std::min(pointer.find('/'), pointer.size());
    tokens.push_back(Unescaped(pointer.substr(0, end)));
    pointer.remove_prefix(end);
  }
  return tokens;
}

// nullptr when `token` does not name an element.
json* ElementAt(json& list, std::string_view token) {
  size_t index = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  bool number = error == std::errc() && end == token.data() + token.size();
  return number && index < list.size() ? &list[index] : nullptr;
}

}  // namespace

Status CheckPatch(crds::PatchType type, const json& patch) {
  if (!patch.is_object()) return InvalidArgument("expected an object");
  bool strategic = type == crds::PatchType::kStrategic;
  for (const auto& [field, value] : patch.items()) {
    bool directive = strategic && field.starts_with('$');
    if (directive || std::ranges::count(kFixed, field) > 0) return Refused("/" + field);
  }
  auto metadata = patch.find("metadata");
  if (metadata == patch.end()) return OkStatus();
  if (!metadata->is_object()) return Refused("/metadata");
  for (const auto& [field, value] : metadata->items()) {
    bool directive = strategic && field.starts_with('$');
    if (directive || std::ranges::count(kFixedMetadata, field) > 0) {
      return Refused("/metadata/" + field);
    }
  }
  return OkStatus();
}

Status CheckPointer(std::string_view pointer) {
  if (!pointer.starts_with('/')) {
    return InvalidArgument("expected a JSON pointer such as /spec/replicas, found \"" +
                           std::string(pointer) + "\"");
  }
  for (size_t i = pointer.find('~'); i != std::string_view::npos; i = pointer.find('~', i + 1)) {
    bool known = i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1');
    if (!known) {
      return InvalidArgument("\"~\" is written ~0 in a JSON pointer, \"/\" is written ~1");
    }
  }
  return OkStatus();
}

Status SetAt(json& patch, std::string_view pointer, json value) {
  KR_RETURN_IF_ERROR(CheckPointer(pointer));
  json* at = &patch;
  for (const std::string& token : Tokens(pointer)) {
    if (at->is_null()) *at = json::object();
    if (at->is_object()) {
      at = &(*at)[token];
      continue;
    }
    json* element = at->is_array() ? ElementAt(*at, token) : nullptr;
    if (element == nullptr) {
      return InvalidArgument(std::string(pointer) + ": the patch has no place for \"" + token +
                             "\"");
    }
    at = element;
  }
  *at = std::move(value);
  return OkStatus();
}

void RemoveAt(json& object, std::string_view pointer) {
  const json::json_pointer place{std::string(pointer)};
  const json::json_pointer parent = place.parent_pointer();
  if (!object.contains(place)) return;
  json& around = object[parent];
  if (around.is_object()) {
    around.erase(place.back());
  } else {
    around.erase(static_cast<size_t>(&object[place] - &around[0]));
  }
}

}  // namespace kr::actions
