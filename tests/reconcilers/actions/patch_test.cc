#include "reconcilers/actions/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/actions/patch_rules.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using crds::PatchType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

crds::Patch Params(std::string_view patch, PatchType type = PatchType::kMerge,
                   std::vector<crds::SetValue> set = {}) {
  crds::Patch params;
  params.type = type;
  if (!patch.empty()) params.patch = crds::RawJson(json::parse(patch));
  params.set = std::move(set);
  return params;
}
std::unique_ptr<Action> MakeOk(const crds::Patch& params) {
  StatusOr<std::unique_ptr<Action>> action = MakePatch(params, kScope, "p.patch");
  EXPECT_THAT(action, testing::IsOk());
  return *std::move(action);
}
std::unique_ptr<Action> Double() {
  return MakeOk(Params("", PatchType::kMerge, {{"/spec/replicas", "object.spec.replicas * 2"}}));
}

json Object(std::string_view spec) {
  return {{"metadata", {{"name", "calico-node"}, {"uid", "ds-uid"}}}, {"spec", json::parse(spec)}};
}

TEST(PatchTest, WritesOneConditionalPatch) {
  FakeObject server(Object(R"({"replicas": 1})"));
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"replicas": 3}})"));
  Next next = action->Ask(nullptr, Seeing(server.object()));
  ASSERT_EQ(KindOf(next), "Write");
  const Write& write = std::get<Write>(next);
  EXPECT_EQ(write.request.content_type, "application/merge-patch+json");
  EXPECT_EQ(json::parse(write.request.body),
            json::parse(R"({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}})"));
  EXPECT_EQ(write.summary, R"(merge patch {"spec":{"replicas":3}})");
  EXPECT_EQ(write.memo, json::parse(R"({"patch": {"spec": {"replicas": 3}},
                                        "before": {"spec": {"replicas": 1}}})"));
}

TEST(PatchTest, WhatItDoesWithWhatItFinds) {
  struct Case {
    const char* name;
    std::optional<json> live;
    std::string want;
  };
  json owned = Object(R"({"replicas": 1})");
  owned["metadata"]["ownerReferences"] = json::parse(
      R"([{"apiVersion": "example.io/v1", "kind": "App", "name": "shop", "controller": true}])");
  const Case cases[] = {
      {"not read yet", std::nullopt, "Read"},
      {"gone", json(), "Failed TargetGone: DaemonSet kube-system/calico-node does not exist"},
      {"already so", Object(R"({"replicas": 3, "x": 1})"),
       R"(Done already so: {"spec":{"replicas":3}})"},
      {"not so", Object(R"({"replicas": 1})"), "Write"},
      {"owned", owned,
       "Report ManagedByOther: DaemonSet kube-system/calico-node is managed by App shop "
       "(example.io/v1), which would set a change of it back; apply the merge patch "
       "{\"spec\":{\"replicas\":3}} there instead"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(MakeOk(Params(R"({"spec": {"replicas": 3}})"))->Ask(nullptr, Seeing(c.live))),
              c.want);
  }
}

TEST(PatchTest, AConflictIsAnsweredWithTheNewVersion) {
  FakeObject server(Object(R"({"replicas": 1})"));
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"replicas": 3}})"));
  const Write first = std::get<Write>(action->Ask(nullptr, Seeing(server.object())));
  server.Edit([](json& object) { object["spec"]["replicas"] = 2; });
  ASSERT_FALSE(server.Send(first.request));

  Outcome outcome = Drive(*action, server, Seeing(std::nullopt), first.memo);
  EXPECT_EQ(KindOf(outcome.last), "Done");
  EXPECT_EQ(outcome.memo, first.memo) << "the first pre-image stays";
  EXPECT_EQ(server.object()["spec"]["replicas"], 3);
  EXPECT_EQ(server.writes(), 1);
}

TEST(PatchTest, AnUnknownOutcomeIsReadAndNotRepeated) {
  FakeObject server(Object(R"({"replicas": 1})"));
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"replicas": 3}})"));
  const Write write = std::get<Write>(action->Ask(nullptr, Seeing(server.object())));
  ASSERT_TRUE(server.Send(write.request));
  EXPECT_EQ(KindOf(action->Ask(write.memo, Seeing(std::nullopt))), "Read");
  EXPECT_EQ(Text(action->Ask(write.memo, Seeing(server.object()))),
            R"(Done done: {"spec":{"replicas":3}})");
}

// The values are those of the memo, whatever the expression would give by then.
TEST(PatchTest, ScaleFactorAppliedOnceAcrossCrash) {
  FakeObject server(Object(R"({"replicas": 2})"));
  auto seeing = [&](std::optional<json> live) {
    return Seeing(std::move(live), {{"object.spec.replicas * 2",
                                     server.object()["spec"]["replicas"].get<int>() * 2}});
  };
  std::unique_ptr<Action> action = Double();
  const Write write = std::get<Write>(action->Ask(nullptr, seeing(server.object())));
  EXPECT_EQ(write.memo["patch"], json::parse(R"({"spec": {"replicas": 4}})"));

  // Crash before the write arrived, and after it.
  EXPECT_EQ(KindOf(action->Ask(write.memo, seeing(server.object()))), "DryRun");
  ASSERT_TRUE(server.Send(write.request));
  Outcome outcome = Drive(*Double(), server, seeing(std::nullopt), write.memo);
  EXPECT_EQ(KindOf(outcome.last), "Done");
  EXPECT_EQ(server.object()["spec"]["replicas"], 4);
}

TEST(PatchTest, AnUnknownValueIsWaitedForAMinute) {
  Observed observed = Seeing(Object(R"({"replicas": 2})"));
  Next next = Double()->Ask(nullptr, observed);
  EXPECT_EQ(Text(next),
            "Wait the value for /spec/replicas is unknown: object.spec.replicas * 2: not listed "
            "yet");
  EXPECT_EQ(std::get<Wait>(next).until, At(60));
  observed.now = At(60);
  EXPECT_EQ(Text(Double()->Ask(nullptr, observed)),
            "Failed ValueUnknown: the value for /spec/replicas is unknown: object.spec.replicas * "
            "2: not listed yet");
}

TEST(PatchTest, ValuesAreCheckedToo) {
  struct Case {
    const char* name;
    const char* path;
    json value;
    std::string want;
  };
  const Case cases[] = {
      {"null", "/spec/x", json(),
       "Failed InvalidPatch: /spec/x: object.v gave null; what shall be removed says remove: "
       "true"},
      {"identity by the back door",
       "/metadata",
       {{"finalizers", json::array()}},
       "Failed InvalidPatch: /metadata/finalizers: must not be patched"},
      {"no object", "/metadata", "x", "Failed InvalidPatch: /metadata: must not be patched"},
      {"too large", "/spec/x", std::string(70'000, 'x'),
       "Failed InvalidPatch: has 70017 bytes, at most 65536 are allowed"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::unique_ptr<Action> action = MakeOk(Params("", PatchType::kMerge, {{c.path, "object.v"}}));
    EXPECT_EQ(Text(action->Ask(nullptr, Seeing(Object("{}"), {{"object.v", c.value}}))), c.want);
  }
}

TEST(PatchTest, WhatTheServerSpellsItsOwnWayIsNotWrittenForever) {
  struct Case {
    const char* name;
    const char* patch;
    const char* spec;
    std::function<void(json&)> server;
    int writes;
  };
  auto drop_false = [](json& object) { object["spec"].erase("paused"); };
  const Case cases[] = {
      {"false is left out, and was not there", R"({"spec": {"paused": false}})", "{}", drop_false,
       0},
      {"false is left out, and was there", R"({"spec": {"paused": false}})", R"({"paused": true})",
       drop_false, 1},
      {"a quantity", R"({"spec": {"cpu": "1000m"}})", R"({"cpu": "2"})",
       [](json& object) { object["spec"]["cpu"] = "1"; }, 1},
      {"a default takes the place", R"({"spec": {"grace": null}})", R"({"grace": 5})",
       [](json& object) { object["spec"].emplace("grace", 30); }, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeObject server(Object(c.spec));
    server.OnWrite(c.server);
    std::unique_ptr<Action> action = MakeOk(Params(c.patch));
    Outcome outcome = Drive(*action, server, Seeing(std::nullopt));
    EXPECT_EQ(KindOf(outcome.last), "Done") << Text(outcome.last);
    EXPECT_EQ(server.writes(), c.writes);
    EXPECT_TRUE(action->EffectHolds(outcome.memo, server.object())) << "nobody reverted it";
  }
}

TEST(PatchTest, AServerThatDropsThePatchIsToldApart) {
  FakeObject server(Object(R"({"replicas": 1})"));
  server.OnWrite([](json& object) { object["spec"].erase("replica"); });
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"replica": 3}})"));
  EXPECT_EQ(
      Text(Drive(*action, server, Seeing(std::nullopt)).last),
      "Failed NotTaken: the server took the patch, but DaemonSet kube-system/calico-node does "
      "not show what it says at /spec/replica");
}

TEST(PatchTest, DirectivesAreComparedByDryRun) {
  const char* patch = R"({"spec": {"containers": [{"name": "x", "$patch": "delete"}]}})";
  std::unique_ptr<Action> action = MakeOk(Params(patch, PatchType::kStrategic));
  FakeObject server(Object(R"({"containers": [{"name": "a"}, {"name": "x"}]})"));
  Outcome outcome = Drive(*action, server, Seeing(std::nullopt));
  EXPECT_EQ(KindOf(outcome.last), "Done");
  EXPECT_EQ(server.object()["spec"]["containers"], json::parse(R"([{"name": "a"}])"));
  EXPECT_EQ(server.writes(), 1);
  EXPECT_EQ(WhyNoUndo(outcome.memo), "the patch has the directive $patch");

  Drive(*action, server, Seeing(std::nullopt));
  EXPECT_EQ(server.writes(), 1) << "already so";
}

TEST(PatchTest, ARefusedDryRunIsAnsweredByTheWriteOnce) {
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"paused": false}})"));
  Observed observed = Seeing(Object("{}"));
  observed.dry_run = json();
  Next next = action->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(next), "Write");
  EXPECT_THAT(Text(action->Ask(std::get<Write>(next).memo, observed)),
              StartsWith("Failed NotTaken"));
}

// The policy's compiler refuses it, too; here an applyTo could have led to one.
TEST(PatchTest, NoComputedValueGoesIntoASecret) {
  Observed observed = Seeing(json{{"metadata", {{"uid", "ds-uid"}}}, {"data", json::object()}});
  observed.ref.resource = {{"", "v1", "Secret"}, "secrets", true};
  const auto action = MakeOk(Params("", PatchType::kMerge, {{"/data/a", "'x'"}}));
  EXPECT_THAT(Text(action->Ask(nullptr, observed)), StartsWith("Failed InvalidPatch"));
}

TEST(PatchTest, SecretsAreNeitherKeptNorTold) {
  json secret = {{"metadata", {{"uid", "ds-uid"}}}, {"data", {{"password", "b2xk"}}}};
  Observed observed = Seeing(secret);
  observed.ref.resource = {{"", "v1", "Secret"}, "secrets", true};
  std::unique_ptr<Action> action = MakeOk(Params(R"({"data": {"password": "bmV3"}})"));
  const Write write = std::get<Write>(action->Ask(nullptr, observed));
  EXPECT_EQ(write.memo.dump().find("b2xk"), std::string::npos);
  EXPECT_EQ(WhyNoUndo(write.memo), "the content of a Secret is never stored");
  EXPECT_EQ(write.summary, "merge patch (content of a Secret)");
}

TEST(PatchTest, ALargePreImageIsNotKept) {
  FakeObject server(Object(json{{"text", std::string(20'000, 'x')}}.dump()));
  Outcome outcome =
      Drive(*MakeOk(Params(R"({"spec": {"text": "short"}})")), server, Seeing(std::nullopt));
  EXPECT_EQ(WhyNoUndo(outcome.memo), "the values before are too large to be kept");
}

TEST(PatchTest, UndoIsAConditionalWrite) {
  FakeObject server(Object(R"({"replicas": 1})"));
  std::unique_ptr<Action> action = MakeOk(Params(R"({"spec": {"replicas": 3}})"));
  Outcome outcome = Drive(*action, server, Seeing(std::nullopt));
  EXPECT_TRUE(action->EffectHolds(outcome.memo, server.object()));
  std::optional<Write> undo = action->Undo(outcome.memo, Seeing(server.object()));
  ASSERT_TRUE(undo);
  EXPECT_EQ(json::parse(undo->request.body),
            json::parse(R"({"metadata": {"resourceVersion": "2"}, "spec": {"replicas": 1}})"));
  EXPECT_EQ(undo->summary, R"(put back {"spec":{"replicas":1}})");
  ASSERT_TRUE(server.Send(undo->request));
  EXPECT_FALSE(action->EffectHolds(outcome.memo, server.object()));
  EXPECT_EQ(action->Undo(outcome.memo, Seeing(server.object())), std::nullopt);
  EXPECT_EQ(action->Undo(nullptr, Seeing(server.object())), std::nullopt);
}

TEST(PatchTest, EffectPathsAreTheLeaves) {
  std::unique_ptr<Action> action =
      MakeOk(Params(R"({"metadata": {"labels": {"a.b/c": "1"}}, "spec": {"l": [{"x": 1}]}})",
                    PatchType::kMerge, {{"/spec/deep/n", "object.n"}}));
  std::vector<std::string> paths;
  for (const document::Path& path : action->EffectPaths()) paths.push_back(path.ToString());
  EXPECT_THAT(paths, ElementsAre("metadata.labels['a.b/c']", "spec.deep.n", "spec.l"));
}

TEST(PatchTest, ParametersAreChecked) {
  struct Case {
    const char* name;
    crds::Patch params;
    std::string message;
  };
  auto set = [](const char* path, const char* expression = "1") {
    return Params("", PatchType::kMerge, {{path, expression}});
  };
  const Case cases[] = {
      {"nothing", {}, "p.patch: expected patch, set or both"},
      {"no object", Params("[]"), "p.patch.patch: expected an object"},
      {"a name", Params(R"({"metadata": {"name": "x"}})"),
       "p.patch.patch: /metadata/name: must not be patched"},
      {"status", Params(R"({"status": {}})"), "p.patch.patch: /status: must not be patched"},
      {"all of metadata", Params(R"({"metadata": null})"),
       "p.patch.patch: /metadata: must not be patched"},
      {"a directive on the object", Params(R"({"$patch": "replace"})", PatchType::kStrategic),
       "p.patch.patch: /$patch: must not be patched"},
      {"a directive on metadata",
       Params(R"({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})",
              PatchType::kStrategic),
       "p.patch.patch: /metadata/$deleteFromPrimitiveList/finalizers: must not be patched"},
      {"too large", Params(json{{"spec", std::string(70'000, 'x')}}.dump()),
       "p.patch.patch: has 70011 bytes, at most 65536 are allowed"},
      {"no pointer", set("spec.replicas"),
       "p.patch.set[0].path: expected a JSON pointer such as /spec/replicas, found "
       "\"spec.replicas\""},
      {"a bad escape", set("/metadata/labels/a~b"),
       "p.patch.set[0].path: \"~\" is written ~0 in a JSON pointer, \"/\" is written ~1"},
      {"a pointer at the identity", set("/metadata/ownerReferences/0/uid"),
       "p.patch.set[0].path: /metadata/ownerReferences: must not be patched"},
      {"a pointer past the end of a list",
       Params(R"({"spec": {"l": [1]}})", PatchType::kMerge, {{"/spec/l/1", "1"}}),
       "p.patch.set[0].path: /spec/l/1: the patch has no place for \"1\""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(MakePatch(c.params, kScope, "p.patch"),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, c.message));
  }
  EXPECT_THAT(MakePatch(set("/spec/x", "objekt"), kScope, "p.patch"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                StartsWith("p.patch.set[0].expression: 1:1: ")));
  for (const char* field : {"apiVersion", "kind"}) {
    EXPECT_FALSE(CheckPatch(PatchType::kMerge, json{{field, "x"}}).ok()) << field;
  }
  for (const char* field : {"namespace", "uid", "resourceVersion", "finalizers", "managedFields"}) {
    EXPECT_FALSE(CheckPatch(PatchType::kMerge, json{{"metadata", {{field, "x"}}}}).ok()) << field;
  }
}

TEST(PatchTest, PointersReachIntoWhatIsThereAndMakeTheRest) {
  json patch = json::parse(R"({"spec": {"l": [{"name": "a"}]}})");
  KR_EXPECT_OK(SetAt(patch, "/spec/l/0/image", "i"));
  KR_EXPECT_OK(SetAt(patch, "/metadata/labels/a.b~1c~0d", "1"));
  EXPECT_EQ(patch, json::parse(R"({"metadata": {"labels": {"a.b/c~d": "1"}},
                                   "spec": {"l": [{"name": "a", "image": "i"}]}})"));
  EXPECT_FALSE(SetAt(patch, "/spec/l/-", 1).ok());
  EXPECT_FALSE(SetAt(patch, "/spec/l/0/name/x", 1).ok());
}

TEST(PatchTest, DescribesItself) {
  EXPECT_EQ(Double()->Describe(), "merge patch {}, /spec/replicas = object.spec.replicas * 2");
  EXPECT_THAT(MakeOk(Params(R"({"spec": 1})", PatchType::kStrategic))->Describe(),
              HasSubstr("strategic patch {\"spec\":1}"));
}

}  // namespace
}  // namespace kr::actions
