#include "reconcilers/actions/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using ::testing::HasSubstr;

const kube::Resource kConfigMaps{{"", "v1", "ConfigMap"}, "configmaps", true};
const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

std::unique_ptr<Action> Make(bool force = false) {
  crds::Apply params;
  params.object = crds::RawJson(json::parse(
      R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"a": "1"}},
          "data": {"gone": "x"}})"));
  params.set = {{"/metadata/name", "object.name"},
                {"/data/n", "object.n"},
                {.path = "/data/gone", .remove = true}};
  params.force = force;
  return *MakeApply(params, kScope, "p");
}

Observed SeeingMap(std::optional<json> live) {
  Observed observed = Seeing(std::move(live), {{"object.n", "7"}, {"object.name", "made"}});
  observed.ref = {kConfigMaps, {"shop", "made"}, ""};
  return observed;
}

const json kAsWritten = json::parse(
    R"({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "made", "namespace": "shop", "labels": {"a": "1"}},
        "data": {"n": "7"}})");
const json kOther = json::parse(
    R"({"metadata": {"name": "made", "namespace": "shop", "uid": "u1", "resourceVersion": "5"},
        "data": {"n": "6", "theirs": "1"}})");

TEST(Apply, NamesItsObjectItself) {
  const Observed observed = SeeingMap(std::nullopt);
  KR_ASSERT_OK_AND_ASSIGN(const auto object, Make()->Object(observed.evaluate));
  EXPECT_EQ(object->ToString(), "ConfigMap made") << "the namespace is the target's";
}

TEST(Apply, HoldsWhileEachOfItsFieldsIsOurs) {
  const json memo = {{"object", kAsWritten}};
  const auto live = [](const char* owned) {
    json object = kAsWritten;
    object["metadata"]["managedFields"] = {
        {{"manager", "kube-remedy"}, {"operation", "Apply"}, {"fieldsV1", json::parse(owned)}},
        {{"manager", "helm"}, {"operation", "Update"}, {"fieldsV1", {{"f:data", {{"f:n", {}}}}}}}};
    return object;
  };
  EXPECT_TRUE(Make()->EffectHolds(
      memo, live(R"({"f:data": {"f:n": {}}, "f:metadata": {"f:labels": {"f:a": {}}}})")));
  EXPECT_FALSE(Make()->EffectHolds(memo, live(R"({"f:metadata": {"f:labels": {"f:a": {}}}})")));
  EXPECT_FALSE(Make()->EffectHolds(memo, live(R"({"f:data": {"f:n": {}}})")));
  EXPECT_TRUE(Make()->EffectHolds(memo, kAsWritten)) << "nothing tells who owns what";
  EXPECT_TRUE(Make()->EffectHolds(json(), live("{}"))) << "nothing was written";
}

TEST(Apply, AsksTheServerFirstThenCreates) {
  Observed observed = SeeingMap(json());
  const Next asked = Make()->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(asked), "DryRun");
  const kube::HttpRequest& question = std::get<DryRun>(asked).request;
  EXPECT_THAT(question.target, HasSubstr("dryRun=All"));
  EXPECT_THAT(question.target, HasSubstr("fieldManager=kube-remedy"));
  EXPECT_EQ(json::parse(question.body), kAsWritten);
  observed.dry_run = kAsWritten;
  const Next next = Make()->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(next), "Write");
  EXPECT_EQ(std::get<Write>(next).summary, "create ConfigMap shop/made");
  EXPECT_EQ(std::get<Write>(next).memo, (json{{"object", kAsWritten}, {"created", true}}));
}

TEST(Apply, ChangesOnlyTheObjectThatWasSeen) {
  Observed observed = SeeingMap(kOther);
  observed.dry_run = json::parse(R"({"data": {"n": "7", "theirs": "1"}})");
  const Next next = Make()->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(next), "Write");
  const json body = json::parse(std::get<Write>(next).request.body);
  EXPECT_EQ(body["metadata"]["uid"], "u1");
  EXPECT_EQ(body["metadata"]["resourceVersion"], "5");
  EXPECT_EQ(std::get<Write>(next).memo["before"]["data"], (json{{"n", "6"}}));
}

TEST(Apply, WritesNothingWhenItIsSo) {
  Observed observed = SeeingMap(kOther);
  observed.dry_run = kOther;
  EXPECT_EQ(Text(Make()->Ask(nullptr, observed)), "Done already so: ConfigMap shop/made");
}

// A Job that is made for a CronJob names that as its controller, and the Job controller writes to
// it between our read and our question.
TEST(Apply, WhatItHasMadeItselfIsNotTakenForSomebodyElses) {
  json live = kAsWritten;
  live["metadata"]["uid"] = "u1";
  live["metadata"]["resourceVersion"] = "5";
  live["metadata"]["ownerReferences"] = {
      {{"apiVersion", "batch/v1"}, {"kind", "CronJob"}, {"name", "c"}, {"controller", true}}};
  Observed observed = SeeingMap(live);
  observed.dry_run = live;
  (*observed.dry_run)["metadata"]["labels"]["new"] = "1";
  EXPECT_EQ(KindOf(Make()->Ask({{"object", kAsWritten}, {"created", true}}, observed)), "Write");
  EXPECT_EQ(KindOf(Make()->Ask(nullptr, observed)), "Report");
}

TEST(Apply, AConflictNamesTheOtherManager) {
  Observed observed = SeeingMap(kOther);
  observed.dry_run = json();
  observed.dry_run_refused = absl::AbortedError(R"(conflict with "helm": .data.n)");
  EXPECT_EQ(
      Text(Make()->Ask(nullptr, observed)),
      "Failed Conflict: the server does not take ConfigMap shop/made: conflict with \"helm\": "
      ".data.n");
  observed.dry_run.reset();
  const Next forced = Make(/*force=*/true)->Ask(nullptr, observed);
  EXPECT_THAT(std::get<DryRun>(forced).request.target, HasSubstr("force=true"));
}

TEST(Apply, WhatItMadeIsRemovedAgainWhileItIsOurs) {
  const json memo = {{"object", kAsWritten}, {"created", true}};
  json live = kAsWritten;
  live["metadata"]["uid"] = "u9";
  live["metadata"]["managedFields"] = {{{"manager", "kube-remedy"}}};
  const auto undo = Make()->Undo(memo, SeeingMap(live));
  ASSERT_TRUE(undo);
  EXPECT_EQ(undo->request.method, "DELETE");
  EXPECT_EQ(json::parse(undo->request.body)["preconditions"]["uid"], "u9");
  live["metadata"]["managedFields"].push_back({{"manager", "helm"}});
  EXPECT_FALSE(Make()->Undo(memo, SeeingMap(live)));
}

}  // namespace
}  // namespace kr::actions
