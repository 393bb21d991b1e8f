#include "reconcilers/actions/patch_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/actions/set_env.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using crds::JsonOp;
using crds::RawJson;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

StatusOr<std::unique_ptr<Action>> Make(std::vector<crds::JsonPatchOperation> operations) {
  crds::Patch params{.type = crds::PatchType::kJson, .operations = std::move(operations)};
  return MakeJsonPatch(params, kScope, "p");
}

json Live(const std::string& version = "5") {
  return {{"metadata", {{"uid", "ds-uid"}, {"resourceVersion", version}}},
          {"spec", {{"a", 1}, {"list", {"x"}}}}};
}

const std::vector<crds::JsonPatchOperation> kAppend = {
    {.op = JsonOp::kTest, .path = "/spec/a", .value = RawJson(1)},
    {.op = JsonOp::kAdd, .path = "/spec/list/-", .value_expression = "object.v"}};

TEST(JsonPatch, IsGuardedByTheVersionThatWasSeen) {
  const Next next = (*Make(kAppend))->Ask(nullptr, Seeing(Live(), {{"object.v", "y"}}));
  ASSERT_EQ(KindOf(next), "Write");
  EXPECT_EQ(json::parse(std::get<Write>(next).request.body), json::parse(R"([
    {"op": "test", "path": "/metadata/resourceVersion", "value": "5"},
    {"op": "test", "path": "/spec/a", "value": 1},
    {"op": "add", "path": "/spec/list/-", "value": "y"}])"));
}

TEST(JsonPatch, ATestThatDoesNotHoldFailsTheStep) {
  json live = Live();
  live["spec"]["a"] = 2;
  EXPECT_THAT(Text((*Make(kAppend))->Ask(nullptr, Seeing(live, {{"object.v", "y"}}))),
              StartsWith("Failed TestFailed: DaemonSet kube-system/calico-node: "));
}

TEST(JsonPatch, WhatGoesBelowANumberFailsTheStep) {
  auto action = *Make({{.op = JsonOp::kAdd, .path = "/spec/a/b", .value = RawJson(1)}});
  EXPECT_EQ(Text(action->Ask(nullptr, Seeing(Live()))),
            "Failed InvalidPatch: DaemonSet kube-system/calico-node: /spec/a is neither an object "
            "nor a list");
}

TEST(JsonPatch, WhatChangesNothingIsNotSent) {
  auto action = *Make({{.op = JsonOp::kReplace, .path = "/spec/a", .value = RawJson(1)}});
  EXPECT_THAT(Text(action->Ask(nullptr, Seeing(Live()))), StartsWith("Done already so: "));
}

TEST(JsonPatch, ALostAnswerIsNotGuessedAt) {
  auto action = *Make(kAppend);
  const Next first = action->Ask(nullptr, Seeing(Live(), {{"object.v", "y"}}));
  const json memo = std::get<Write>(first).memo;
  // Not executed: the version is the same. The value is not computed again.
  EXPECT_EQ(KindOf(action->Ask(memo, Seeing(Live()))), "Write");
  json done = Live("6");
  done["spec"]["list"].push_back("y");
  EXPECT_THAT(Text(action->Ask(memo, Seeing(done))), StartsWith("Done done: "));
  EXPECT_THAT(Text(action->Ask(memo, Seeing(Live("6")))), StartsWith("Failed OutcomeUnknown: "));
}

TEST(JsonPatch, IsTakenBackUnderTheVersionThatIsThere) {
  auto action = *Make(kAppend);
  const json memo = std::get<Write>(action->Ask(nullptr, Seeing(Live(), {{"object.v", "y"}}))).memo;
  json done = Live("6");
  done["spec"]["list"].push_back("y");
  const auto undo = action->Undo(memo, Seeing(done));
  ASSERT_TRUE(undo);
  EXPECT_EQ(json::parse(undo->request.body), json::parse(R"([
    {"op": "test", "path": "/metadata/resourceVersion", "value": "6"},
    {"op": "replace", "path": "/spec/list", "value": ["x"]}])"));
  EXPECT_EQ(action->Undo(memo, Seeing(Live("7"))), std::nullopt);
  EXPECT_EQ(action->Left(memo, Seeing(Live("7"))), "");
  done["spec"]["list"].push_back("z");
  EXPECT_EQ(action->Left(memo, Seeing(done)), "spec.list (changed since)");
}

TEST(JsonPatch, WhatIdentifiesAnObjectIsRefused) {
  EXPECT_THAT(Make({{.op = JsonOp::kRemove, .path = "/metadata/finalizers/0"}}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("p.operations[0].path: /metadata/finalizers")));
  EXPECT_THAT(Make({}), testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("p.oper")));
}

TEST(ComputedSetEnv, DecidesOnce) {
  crds::SetEnv params;
  params.container = "main";
  params.env = {{.name = "A", .value_expression = "object.v"}, {.name = "B", .value = "2"}};
  auto action = *MakeSetEnv(params, kScope, "p");
  FakeObject server({{"metadata", {{"uid", "ds-uid"}}},
                     {"spec", {{"template", {{"spec", {{"containers", {{{"name", "main"}}}}}}}}}}});
  const Outcome once = Drive(*action, server, Seeing(std::nullopt, {{"object.v", "1"}}));
  ASSERT_EQ(KindOf(once.last), "Done") << Text(once.last);
  EXPECT_EQ(server.object()["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"], "1");
  // It gives something else now; it is not asked.
  const Outcome again =
      Drive(*action, server, Seeing(std::nullopt, {{"object.v", "9"}}), once.memo);
  EXPECT_EQ(KindOf(again.last), "Done");
  EXPECT_EQ(server.writes(), 1);
  EXPECT_TRUE(action->EffectHolds(once.memo, server.object()));
  Observed observed = Seeing(server.object());
  EXPECT_TRUE(action->Undo(once.memo, observed));
  EXPECT_THAT(Text(action->Ask(nullptr, Seeing(server.object(), {{"object.v", 3}}))),
              StartsWith("Failed ValueUnknown: the value of A is unknown: object.v: expected a "
                         "text"));
}

}  // namespace
}  // namespace kr::actions
