#include "reconcilers/actions/patch_json_undo.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/managed_fields.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kAt[] = "at";
constexpr char kAfter[] = "after";
constexpr char kName[] = "name";

std::vector<std::string> TokensOf(json::json_pointer pointer) {
  std::vector<std::string> tokens;
  for (; !pointer.empty(); pointer.pop_back()) tokens.insert(tokens.begin(), pointer.back());
  return tokens;
}

std::string NameOf(const json& element) {
  return FindText(element, {kName});
}

// Whether the name of each element is its own.
bool IsNamed(const json& list) {
  std::vector<std::string> names;
  for (const json& element : list) {
    names.push_back(NameOf(element));
    if (names.back().empty()) return false;
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end();
}

json PlaceOf(const json& object, const std::vector<std::string>& tokens) {
  json place = json::array();
  const json* at = &object;
  for (size_t i = 0; i < tokens.size() && at != nullptr; ++i) {
    if (!at->is_array()) {
      place.push_back(tokens[i]);
      at = Find(*at, {tokens[i]});
      continue;
    }
    const bool inside = i + 1 < tokens.size() && tokens[i + 1] != kName;
    const size_t index = std::strtoull(tokens[i].c_str(), nullptr, 10);
    if (!inside || index >= at->size() || !IsNamed(*at)) return place;
    at = &(*at)[index];
    place.push_back({{kName, NameOf(*at)}});
  }
  return place;
}

// Where a place is in an object now: the value, if it is there, and the pointer to it.
struct Found {
  const json* value = nullptr;
  const json* parent = nullptr;  // null: the way there is gone
  json::json_pointer pointer = json::json_pointer("");
};

Found Resolve(const json& place, const json& object) {
  Found found{.value = &object};
  for (const json& step : place) {
    found.parent = found.value;
    found.value = nullptr;
    if (found.parent == nullptr) return found;
    if (step.is_string()) {
      found.pointer /= step.get<std::string>();
      found.value = Find(*found.parent, {step.get_ref<const std::string&>()});
      if (!found.parent->is_object()) found.parent = nullptr;
      continue;
    }
    for (size_t i = 0; found.parent->is_array() && i < found.parent->size(); ++i) {
      if (NameOf((*found.parent)[i]) != step[kName]) continue;
      found.value = &(*found.parent)[i];
      found.pointer /= i;
      break;
    }
  }
  return found;
}

bool Is(const json* value, const json& image, const char* when) {
  const json* wanted = Find(image, {when});
  return value == nullptr || wanted == nullptr ? value == wanted : *value == *wanted;
}

std::vector<std::string> StepsTo(const json& place) {
  std::vector<std::string> steps;
  for (const json& step : place) {
    steps.push_back(step.is_string() ? FieldStep(step.get_ref<const std::string&>())
                                     : ElementStep(kName, step[kName]));
  }
  return steps;
}

bool IsWithin(const json& place, const json& other) {
  return place.size() >= other.size() && std::equal(other.begin(), other.end(), place.begin());
}

}  // namespace

StatusOr<json> ApplyJsonPatch(const json& object, const json& operations) {
  json state = object;
  for (const json& operation : operations) {
    try {
      const auto pointer = [&](const char* end) {
        return json::json_pointer(operation[end].get<std::string>());
      };
      // nlohmann asserts that what gets something new can hold it.
      const bool moves = operation["op"] == "move";
      const json holder =
          moves ? state.patch(json::array({{{"op", "remove"}, {"path", operation["from"]}}}))
                : json();
      const json& before = moves ? holder : state;
      const json::json_pointer parent = pointer("path").parent_pointer();
      if (before.contains(parent) && before[parent].is_primitive()) {
        return FailedPrecondition(parent.to_string() + " is neither an object nor a list");
      }
      state = state.patch(json::array({operation}));
    } catch (const json::exception& error) {  // also a test that fails
      return FailedPrecondition(error.what());
    }
  }
  return state;
}

StatusOr<json> JsonPreImage(const json& operations, const json& object) {
  std::vector<json> touched;
  json state = object;
  for (const json& operation : operations) {
    const std::string op = operation["op"];
    if (op == "test") continue;
    for (const char* end : {"path", "from"}) {
      if (!operation.contains(end) || (op == "copy" && end == std::string_view("from"))) continue;
      touched.push_back(
          PlaceOf(state, TokensOf(json::json_pointer(operation[end].get<std::string>()))));
      if (touched.back().empty()) return FailedPrecondition("it replaces the object as a whole");
    }
    state = state.patch(json::array({operation}));
  }
  json places = json::array();
  for (size_t i = 0; i < touched.size(); ++i) {
    const bool covered = std::ranges::any_of(touched, [&](const json& other) {
      if (touched[i] == other) return &other < &touched[i];  // the first of equals stands for all
      return IsWithin(touched[i], other);
    });
    if (covered) continue;
    json image = {{kAt, touched[i]}};
    if (const json* before = Resolve(touched[i], object).value) image[kBefore] = *before;
    if (const json* after = Resolve(touched[i], state).value) image[kAfter] = *after;
    places.push_back(std::move(image));
  }
  return places;
}

std::optional<json> UndoJsonPatch(const json& places, const json& object) {
  json operations = json::array();
  for (const json& image : places) {
    const Found found = Resolve(image[kAt], object);
    const bool ours = Is(found.value, image, kAfter) && !Is(found.value, image, kBefore);
    if (!ours || found.parent == nullptr) continue;
    // Nobody owns what is not there.
    if (found.value != nullptr && !OwnsField(object, kFieldManager, StepsTo(image[kAt]))) continue;
    json operation = {{"path", found.pointer.to_string()}};
    if (const json* before = Find(image, {kBefore})) {
      operation["op"] = found.value != nullptr ? "replace" : "add";
      operation["value"] = *before;
    } else {
      operation["op"] = "remove";
    }
    operations.push_back(std::move(operation));
  }
  if (operations.empty()) return std::nullopt;
  return operations;
}

std::string NotRestoredPlaces(const json& places, const json& object) {
  std::string left;
  for (const json& image : places) {
    if (Is(Resolve(image[kAt], object).value, image, kBefore)) continue;
    left += (left.empty() ? "" : ", ") + FieldAndOwner(object, kFieldManager, StepsTo(image[kAt]));
  }
  return left;
}

}  // namespace kr::actions
