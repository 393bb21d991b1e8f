#include "reconcilers/actions/patch_json_undo.h"

#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kr::actions {
namespace {

using nlohmann::json;

// The object after everything that can be taken back is.
json Undone(const json& places, json object) {
  for (int i = 0; i < 3; ++i) {
    const auto undo = UndoJsonPatch(places, object);
    if (!undo) return object;
    object = object.patch(*undo);
  }
  ADD_FAILURE() << "it does not come to an end: " << places;
  return object;
}

const json kPod = json::parse(R"({"metadata": {"labels": {"a": "1"}}, "spec": {
  "containers": [{"name": "main", "image": "v1"}, {"name": "side", "image": "s1"}],
  "args": ["x", "y"]}})");

struct Case {
  const char* what;
  const char* operations;
  const char* others;  // a JSON patch of somebody else's after ours; "[]" = nobody
  const char* result;  // a JSON patch that makes of kPod what is to come out
  const char* left;
};

const Case kCases[] = {
    {"nobody else", R"([{"op": "replace", "path": "/spec/containers/0/image", "value": "v2"},
                        {"op": "add", "path": "/metadata/labels/b", "value": "2"},
                        {"op": "remove", "path": "/metadata/labels/a"},
                        {"op": "add", "path": "/spec/args/-", "value": "z"}])",
     "[]", "[]", ""},
    {"an element is put before ours",
     R"([{"op": "replace", "path": "/spec/containers/1/image", "value": "s2"}])",
     R"([{"op": "add", "path": "/spec/containers/0", "value": {"name": "new", "image": "n"}}])",
     R"([{"op": "add", "path": "/spec/containers/0", "value": {"name": "new", "image": "n"}}])",
     ""},
    {"the element is gone",
     R"([{"op": "replace", "path": "/spec/containers/1/image", "value": "s2"}])",
     R"([{"op": "remove", "path": "/spec/containers/1"}])",
     R"([{"op": "remove", "path": "/spec/containers/1"}])",
     "spec.containers[name=side].image (changed since)"},
    {"one of two values is another",
     R"([{"op": "replace", "path": "/spec/containers/0/image", "value": "v2"},
         {"op": "add", "path": "/metadata/labels/b", "value": "2"}])",
     R"([{"op": "replace", "path": "/spec/containers/0/image", "value": "v3"}])",
     R"([{"op": "replace", "path": "/spec/containers/0/image", "value": "v3"}])",
     "spec.containers[name=main].image (changed since)"},
    {"a list that somebody else has changed too",
     R"([{"op": "add", "path": "/spec/args/0", "value": "w"}])",
     R"([{"op": "add", "path": "/spec/args/-", "value": "z"}])",
     R"([{"op": "replace", "path": "/spec/args", "value": ["w", "x", "y", "z"]}])",
     "spec.args (changed since)"},
    {"what was removed is there again", R"([{"op": "remove", "path": "/metadata/labels/a"}])",
     R"([{"op": "add", "path": "/metadata/labels/a", "value": "9"}])",
     R"([{"op": "replace", "path": "/metadata/labels/a", "value": "9"}])",
     "metadata.labels.a (changed since)"},
    {"somebody has put it back already",
     R"([{"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/b"}])",
     R"([{"op": "move", "from": "/metadata/labels/b", "path": "/metadata/labels/a"}])", "[]", ""},
    {"the way to it is gone", R"([{"op": "remove", "path": "/metadata/labels/a"}])",
     R"([{"op": "remove", "path": "/metadata/labels"}])",
     R"([{"op": "remove", "path": "/metadata/labels"}])", "metadata.labels.a (changed since)"},
};

TEST(JsonPatchUndo, PutsBackWhatIsStillOurs) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    const json operations = json::parse(c.operations);
    const auto places = JsonPreImage(operations, kPod);
    ASSERT_TRUE(places.ok());
    const json found = kPod.patch(operations).patch(json::parse(c.others));
    const json undone = Undone(*places, found);
    EXPECT_EQ(undone, kPod.patch(json::parse(c.result)));
    EXPECT_EQ(NotRestoredPlaces(*places, undone), c.left);
  }
}

TEST(JsonPatchUndo, AFieldThatSomebodyElseOwnsIsLeftEvenWithOurValue) {
  const json operations = {{{"op", "replace"}, {"path", "/spec/args"}, {"value", {"z"}}}};
  const auto places = JsonPreImage(operations, kPod);
  ASSERT_TRUE(places.ok());
  json found = kPod.patch(operations);
  found["metadata"]["managedFields"] = {{{"manager", "kubectl"},
                                         {"operation", "Apply"},
                                         {"fieldsV1", {{"f:spec", {{"f:args", json::object()}}}}}}};
  EXPECT_EQ(UndoJsonPatch(*places, found), std::nullopt);
  EXPECT_EQ(NotRestoredPlaces(*places, found), "spec.args (set by kubectl)");
}

// Documents and patches at random.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  size_t Below(size_t n) {
    return n == 0 ? 0 : std::uniform_int_distribution<size_t>(0, n - 1)(engine_);
  }

  json Value(int depth) {
    switch (depth == 0 ? Below(2) : Below(6)) {
      case 0:
        return Below(5);
      case 1:
        return std::string(1, static_cast<char>('p' + Below(4)));
      case 2:
      case 3: {
        json object = json::object();
        for (size_t i = Below(4); i > 0; --i) object[Field()] = Value(depth - 1);
        return object;
      }
      default: {
        json list = json::array();
        const bool named = Below(2) == 0;
        for (size_t i = Below(4); i > 0; --i) {
          list.push_back(Value(depth - 1));
          if (named)
            list.back() = {{"name", "n" + std::to_string(Below(5))}, {Field(), Value(depth - 1)}};
        }
        return list;
      }
    }
  }
  std::string Field() {
    static const char* const kFields[] = {"a", "b", "c/d", "name", "e~f"};
    return kFields[Below(5)];
  }
  // Of something in the object, or of a place beside it.
  std::string Path(const json& object) {
    const json flat = object.flatten();
    json::json_pointer pointer;
    size_t nth = Below(flat.size());
    for (const auto& [path, value] : flat.items()) {
      if (nth-- == 0) pointer = json::json_pointer(path);
    }
    while (!pointer.empty() && Below(3) == 0) pointer.pop_back();
    if (Below(3) == 0) {
      const json& at = object.contains(pointer) ? object[pointer] : object;
      if (at.is_object()) pointer /= Field();
      if (at.is_array() && Below(2) == 0) pointer /= std::string("-");
      if (at.is_array() && pointer.back() != "-") pointer /= Below(at.size() + 1);
    }
    return pointer.to_string();
  }
  json Operation(const json& object) {
    static const char* const kOps[] = {"add", "remove", "replace", "move", "copy"};
    const std::string op = kOps[Below(5)];
    json operation = {{"op", op}, {"path", Path(object)}};
    if (op == "move" || op == "copy") operation["from"] = Path(object);
    if (op == "add" || op == "replace") operation["value"] = Value(2);
    return operation;
  }

 private:
  std::mt19937 engine_;
};

TEST(JsonPatchUndo, ApplyThenUndoGivesBackTheOriginal) {
  int taken_back = 0;
  for (unsigned seed = 0; seed < 6000; ++seed) {
    Dice dice(seed);
    json object = json::object();
    for (size_t i = dice.Below(4) + 1; i > 0; --i) object[dice.Field()] = dice.Value(3);
    json operations = json::array();
    json after = object;
    for (size_t tries = dice.Below(6) + 1; tries > 0; --tries) {
      const json operation = dice.Operation(after);
      if (operation["path"] == "") continue;  // the object as a whole
      // nlohmann takes a move into itself; a server does not.
      if (operation["op"] == "move" &&
          operation["path"].get<std::string>().starts_with(operation["from"].get<std::string>())) {
        continue;
      }
      const auto result = ApplyJsonPatch(after, json::array({operation}));
      if (!result.ok()) continue;
      after = *result;
      operations.push_back(operation);
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + object.dump() + " " + operations.dump());
    const auto places = JsonPreImage(operations, object);
    ASSERT_TRUE(places.ok());
    ASSERT_EQ(Undone(*places, after), object);
    ASSERT_EQ(NotRestoredPlaces(*places, object), "");
    taken_back += after != object ? 1 : 0;
  }
  EXPECT_GT(taken_back, 1500);
}

}  // namespace
}  // namespace kr::actions
