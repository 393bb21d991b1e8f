#include "reconcilers/actions/patch_undo.h"

#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using crds::PatchType;

void Apply(PatchType type, json& object, const json& patch) {
  type == PatchType::kMerge ? ApplyMerge(object, patch) : ApplyStrategic(object, patch);
}

struct Case {
  const char* name;
  PatchType type;
  const char* before;
  const char* patch;
  // What others do between patch and undo, as a merge patch.
  const char* between;
  // The object at the end; "" = nothing to take back.
  const char* after;
};

TEST(PatchUndoTest, RestoresWhatIsStillOurs) {
  constexpr PatchType kMerge = PatchType::kMerge;
  constexpr PatchType kStrategic = PatchType::kStrategic;
  const Case cases[] = {
      {"an old value", kMerge, R"({"spec": {"n": 1, "m": 1}})", R"({"spec": {"n": 2}})", "{}",
       R"({"spec": {"n": 1, "m": 1}})"},
      {"others' changes stay", kMerge, R"({"spec": {"n": 1, "m": 1}})", R"({"spec": {"n": 2}})",
       R"({"spec": {"m": 5}})", R"({"spec": {"n": 1, "m": 5}})"},
      {"what somebody changed is not ours any more", kMerge, R"({"spec": {"n": 1, "m": 1}})",
       R"({"spec": {"n": 2, "m": 2}})", R"({"spec": {"n": 3}})", R"({"spec": {"n": 3, "m": 1}})"},
      {"nothing of ours is left", kMerge, R"({"spec": {"n": 1}})", R"({"spec": {"n": 2}})",
       R"({"spec": {"n": 3}})", ""},
      {"an absent value", kMerge, R"({"spec": {}})", R"({"spec": {"n": 2}})", "{}",
       R"({"spec": {}})"},
      {"a removed value", kMerge, R"({"spec": {"n": {"a": 1}}})", R"({"spec": {"n": null}})", "{}",
       R"({"spec": {"n": {"a": 1}}})"},
      {"a removed value that somebody brought back", kMerge, R"({"spec": {"n": {"a": 1}}})",
       R"({"spec": {"n": null}})", R"({"spec": {"n": {"a": 2}}})", ""},
      {"removing what was not there", kMerge, R"({"spec": {}})", R"({"spec": {"n": null}})", "{}",
       ""},
      {"a record of ours goes whole, with its defaults", kMerge, R"({"spec": {}})",
       R"({"spec": {"probe": {"path": "/a"}}})", R"({"spec": {"probe": {"period": 10}}})",
       R"({"spec": {}})"},
      {"a record of ours that somebody changed keeps what they changed", kMerge, R"({"spec": {}})",
       R"({"spec": {"probe": {"path": "/a", "port": 1}}})",
       R"({"spec": {"probe": {"path": "/b"}}})", R"({"spec": {"probe": {"path": "/b"}}})"},
      {"of a map only our entries go", kMerge, R"({"metadata": {}})",
       R"({"metadata": {"labels": {"a": "1"}}})", R"({"metadata": {"labels": {"b": "2"}}})",
       R"({"metadata": {"labels": {"b": "2"}}})"},
      {"a list whole", kMerge, R"({"l": [1]})", R"({"l": [2]})", "{}", R"({"l": [1]})"},
      {"a list that somebody added to", kMerge, R"({"l": [1]})", R"({"l": [2]})",
       R"({"l": [2, 3]})", ""},
      {"arguments that somebody added to", kStrategic, R"({"args": ["-v"]})", R"({"args": ["-q"]})",
       R"({"args": ["-q", "-x"]})", ""},
      {"an element by its key", kStrategic,
       R"({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]})",
       R"({"containers": [{"name": "b", "image": "2"}]})", "{}",
       R"({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]})"},
      {"an added element", kStrategic, R"({"containers": [{"name": "a"}]})",
       R"({"containers": [{"name": "b", "image": "2"}]})", "{}",
       R"({"containers": [{"name": "a"}]})"},
      {"a field of an element", kStrategic, R"({"containers": [{"name": "a"}]})",
       R"({"containers": [{"name": "a", "probe": {"path": "/"}}]})", "{}",
       R"({"containers": [{"name": "a"}]})"},
      {"lists within lists", kStrategic,
       R"({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]})",
       R"({"containers": [{"name": "a", "env": [{"name": "X", "value": "2"},
         {"name": "Y", "value": "3"}]}]})",
       "{}", R"({"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]})"},
      {"an element that is gone", kStrategic, R"({"containers": [{"name": "a", "image": "1"}]})",
       R"({"containers": [{"name": "a", "image": "2"}]})", R"({"containers": [{"name": "b"}]})",
       ""},
      {"arguments", kStrategic, R"({"containers": [{"name": "a", "args": ["-v"]}]})",
       R"({"containers": [{"name": "a", "args": ["-q"]}]})", "{}",
       R"({"containers": [{"name": "a", "args": ["-v"]}]})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    json object = json::parse(c.before);
    const json patch = json::parse(c.patch);
    KR_ASSERT_OK_AND_ASSIGN(json before, PreImage(c.type, patch, object));
    Apply(c.type, object, patch);
    ApplyMerge(object, json::parse(c.between));

    std::optional<json> undo = UndoPatch(c.type, patch, before, object);
    ASSERT_EQ(undo.has_value(), std::string_view(c.after) != "") << (undo ? undo->dump() : "none");
    if (!undo) continue;
    Apply(c.type, object, *undo);
    EXPECT_EQ(object, json::parse(c.after)) << *undo;
    EXPECT_EQ(UndoPatch(c.type, patch, before, object), std::nullopt) << "twice";
  }
}

TEST(PatchUndoTest, FieldsThatAnotherManagerTookOverStay) {
  const json patch = json::parse(R"({"spec": {"n": 2, "probe": {"path": "/"}}})");
  json object = json::parse(R"({"spec": {"n": 1}})");
  KR_ASSERT_OK_AND_ASSIGN(json before, PreImage(PatchType::kMerge, patch, object));
  ApplyMerge(object, patch);
  object["metadata"]["managedFields"] = json::parse(R"([
    {"manager": "kube-remedy", "fieldsV1": {"f:spec": {"f:n": {}}}},
    {"manager": "argocd", "fieldsV1": {"f:spec": {"f:probe": {"f:path": {}}}}}])");
  EXPECT_EQ(UndoPatch(PatchType::kMerge, patch, before, object),
            json::parse(R"({"spec": {"n": 1}})"));
}

TEST(PatchUndoTest, SaysWhatCannotBeTakenBack) {
  const json object = json::parse(R"({"spec": {"a": 1}})");
  struct Impossible {
    const char* patch;
    const char* why;
  };
  const Impossible cases[] = {
      {R"({"spec": {"$retainKeys": ["a"]}})", "the patch has the directive $retainKeys"},
      {R"({"containers": [{"$patch": "delete", "name": "x"}]})",
       "the patch has the directive $patch"},
      {R"({"tolerations": [{"key": "a"}]})", "it is not known how the list tolerations is merged"},
      {R"({"ports": [{"port": 80}]})", "it is not known how the list ports is merged"},
  };
  for (const Impossible& c : cases) {
    SCOPED_TRACE(c.patch);
    EXPECT_THAT(PreImage(PatchType::kStrategic, json::parse(c.patch), object),
                testing::StatusIs(absl::StatusCode::kFailedPrecondition, c.why));
  }
}

}  // namespace
}  // namespace kr::actions
