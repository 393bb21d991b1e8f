#include "reconcilers/actions/patch_effect.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reconcilers/actions/quantity.h"

namespace kr::actions {
namespace {

using crds::PatchType;
using nlohmann::json;

constexpr Effect kThere = Effect::kThere;
constexpr Effect kUnsure = Effect::kUnsure;
constexpr Effect kMissing = Effect::kMissing;

struct Case {
  const char* name;
  const char* patch;
  const char* object;
  Effect want;
  const char* where = "";
};

void Check(PatchType type, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string where;
    EXPECT_EQ(CompareEffect(type, json::parse(c.patch), json::parse(c.object), &where), c.want);
    EXPECT_EQ(where, c.where);
  }
}

// What holds for both types.
const std::initializer_list<Case> kCommon = {
    {"an empty patch", "{}", "{}", kThere},
    {"an equal leaf", R"({"spec": {"n": 3}})", R"({"spec": {"n": 3, "m": 1}})", kThere},
    {"another value", R"({"spec": {"n": 3}})", R"({"spec": {"n": 4}})", kMissing, "/spec/n"},
    {"no value", R"({"spec": {"n": 3}})", R"({"spec": {}})", kMissing, "/spec/n"},
    {"no parent", R"({"spec": {"n": 3}})", "{}", kMissing, "/spec/n"},
    {"a parent of another type", R"({"spec": {"n": 3}})", R"({"spec": 1})", kMissing, "/spec"},
    {"null and absent", R"({"spec": {"n": null}})", R"({"spec": {}})", kThere},
    {"null and null", R"({"spec": {"n": null}})", R"({"spec": {"n": null}})", kThere},
    {"null without a parent", R"({"spec": {"n": null}})", "{}", kThere},
    {"null, and there is a record", R"({"spec": {"probe": null}})",
     R"({"spec": {"probe": {"a": 1}}})", kMissing, "/spec/probe"},
    {"null, and there may be a default", R"({"spec": {"n": null}})", R"({"spec": {"n": 30}})",
     kUnsure},
    {"null, and there is an entry of a map", R"({"metadata": {"labels": {"a": null}}})",
     R"({"metadata": {"labels": {"a": "1"}}})", kMissing, "/metadata/labels/a"},
    {"false is left out", R"({"spec": {"paused": false}})", R"({"spec": {}})", kUnsure},
    {"an empty text is left out", R"({"spec": {"a": ""}})", R"({"spec": {}})", kUnsure},
    {"an empty object is left out", R"({"spec": {"a": {}}})", R"({"spec": {}})", kUnsure},
    {"an empty object is there", R"({"spec": {"a": {}}})", R"({"spec": {"a": {"b": 1}}})", kThere},
    {"true is not left out", R"({"spec": {"paused": true}})", R"({"spec": {}})", kMissing,
     "/spec/paused"},
    {"a quantity in other words", R"({"cpu": "1000m"})", R"({"cpu": "1"})", kUnsure},
    {"another quantity", R"({"cpu": "1000m"})", R"({"cpu": "2"})", kMissing, "/cpu"},
    {"one missing beats one unsure", R"({"a": false, "b": 1})", "{}", kMissing, "/b"},
};

TEST(PatchEffectTest, Merge) {
  Check(PatchType::kMerge, kCommon);
  Check(PatchType::kMerge,
        {{"lists are compared whole", R"({"l": [1, 2]})", R"({"l": [1, 2]})", kThere},
         {"also when they are longer", R"({"l": [1]})", R"({"l": [1, 2]})", kMissing, "/l"},
         {"lists of objects too", R"({"containers": [{"name": "a"}]})",
          R"({"containers": [{"name": "a", "image": "x"}]})", kMissing, "/containers"},
         {"$patch is a field like others", R"({"data": {"$patch": "x"}})",
          R"({"data": {"$patch": "x"}})", kThere}});
}

TEST(PatchEffectTest, Strategic) {
  Check(PatchType::kStrategic, kCommon);
  Check(
      PatchType::kStrategic,
      {{"an element is found by its key", R"({"containers": [{"name": "b", "image": "2"}]})",
        R"({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2", "tty": true}]})",
        kThere},
       {"an element with another value", R"({"containers": [{"name": "b", "image": "2"}]})",
        R"({"containers": [{"name": "a", "image": "2"}, {"name": "b", "image": "1"}]})", kMissing,
        "/containers/0/image"},
       {"no such element", R"({"containers": [{"name": "c"}]})",
        R"({"containers": [{"name": "a"}]})", kMissing, "/containers/0"},
       {"no list", R"({"containers": [{"name": "c"}]})", "{}", kMissing, "/containers/0"},
       {"mounts are known by their path, not their name",
        R"({"volumeMounts": [{"name": "data", "mountPath": "/b"}]})",
        R"({"volumeMounts": [{"name": "data", "mountPath": "/a"}]})", kMissing, "/volumeMounts/0"},
       {"a list without a key that is the same", R"({"tolerations": [{"key": "a"}]})",
        R"({"tolerations": [{"key": "a", "operator": "Exists"}]})", kThere},
       {"a list without a key that has more: replaced or merged?",
        R"({"tolerations": [{"key": "a"}]})", R"({"tolerations": [{"key": "b"}, {"key": "a"}]})",
        kUnsure},
       {"a list without a key that lacks it", R"({"tolerations": [{"key": "a"}]})",
        R"({"tolerations": [{"key": "b"}]})", kMissing, "/tolerations/0"},
       {"words that are the same", R"({"args": ["-v", "2"]})", R"({"args": ["-v", "2"]})", kThere},
       {"words that lack one", R"({"args": ["-v", "2"]})", R"({"args": ["-v"]})", kMissing,
        "/args/1"},
       {"a directive", R"({"spec": {"$retainKeys": ["a"], "a": 1}})", R"({"spec": {"a": 1}})",
        kUnsure},
       {"a directive beside what is missing", R"({"spec": {"$retainKeys": ["a"], "a": 1}})",
        R"({"spec": {"a": 2}})", kMissing, "/spec/a"},
       {"a directive in an element", R"({"containers": [{"$patch": "delete", "name": "x"}]})",
        R"({"containers": []})", kUnsure}});
}

TEST(PatchEffectTest, QuantitiesInOtherWords) {
  struct QuantityCase {
    json a, b;
    bool want;
  };
  const QuantityCase cases[] = {
      {"1000m", "1", true},
      {1, "1", true},
      {0.5, "500m", true},
      {"1Gi", "1024Mi", true},
      {"1k", "1000", true},
      {"1e3", "1k", true},
      {"1", "2", false},
      {"a", "a", false},
      {"1x", "1", false},
      {"", "0", false},
      {true, 1, false},
      {"1G", "1Gi", false},
      {"nan", "nan", false},
      {1e20, "100E", true},
      {"9007199254740993", "9007199254740992", false},
  };
  for (const QuantityCase& c : cases) {
    EXPECT_EQ(MayBeSameQuantity(c.a, c.b), c.want) << c.a << " and " << c.b;
  }
}

TEST(PatchEffectTest, BookkeepingIsNoDifference) {
  const json a = json::parse(R"({"metadata": {"name": "x", "resourceVersion": "1", "generation": 1,
    "managedFields": [1]}, "spec": 1})");
  const json b = json::parse(R"({"metadata": {"name": "x", "resourceVersion": "2"}, "spec": 1})");
  EXPECT_TRUE(SameObject(a, b));
  EXPECT_FALSE(SameObject(a, json::parse(R"({"metadata": {"name": "x"}, "spec": 2})")));
  EXPECT_FALSE(SameObject(a, json()));
}

}  // namespace
}  // namespace kr::actions
