#include "reconcilers/actions/set_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using ::testing::ElementsAre;

std::unique_ptr<Action> HealthHost(std::vector<crds::EnvVar> env = {
                                       {"FELIX_HEALTHHOST", "127.0.0.1"}}) {
  crds::SetEnv params;
  params.container = "calico-node";
  params.env = std::move(env);
  return *MakeSetEnv(params, {}, "spec.remedies[0].steps[0].setEnv");
}

json Calico(json env = json::array()) {
  json calico = json::parse(R"({
    "apiVersion": "apps/v1", "kind": "DaemonSet",
    "metadata": {"namespace": "kube-system", "name": "calico-node", "uid": "ds-uid"},
    "spec": {"template": {"spec": {
      "initContainers": [{"name": "install-cni"}],
      "containers": [
        {"name": "sidecar", "image": "sidecar:1", "env": [{"name": "FELIX_HEALTHHOST", "value": "mine"}]},
        {"name": "calico-node", "image": "calico/node:3", "ports": [{"containerPort": 9099}]}]}}}})");
  if (!env.empty()) calico["spec"]["template"]["spec"]["containers"][1]["env"] = std::move(env);
  return calico;
}
json& Env(json& calico) {
  return calico["spec"]["template"]["spec"]["containers"][1]["env"];
}

json Set(const char* value = "127.0.0.1") {
  return {{"name", "FELIX_HEALTHHOST"}, {"value", value}};
}
json FromNode() {
  return {{"name", "FELIX_HEALTHHOST"},
          {"valueFrom", {{"fieldRef", {{"fieldPath", "status.hostIP"}}}}}};
}

TEST(SetEnvTest, WritesOneConditionalPatchWithNothingButTheEntry) {
  FakeObject server(Calico({{{"name", "OTHER"}, {"value", "x"}}}));
  Observed observed = Seeing(server.object());
  observed.server_timeout = absl::Seconds(5);
  Next next = HealthHost()->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(next), "Write");
  const Write& write = std::get<Write>(next);
  EXPECT_EQ(write.request.method, "PATCH");
  EXPECT_EQ(write.request.target,
            "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node?fieldManager=kube-remedy&"
            "timeout=5s");
  EXPECT_EQ(write.request.content_type, "application/strategic-merge-patch+json");
  EXPECT_EQ(json::parse(write.request.body), json::parse(R"({
    "metadata": {"resourceVersion": "1"},
    "spec": {"template": {"spec": {"containers": [{"name": "calico-node",
      "env": [{"name": "FELIX_HEALTHHOST", "value": "127.0.0.1", "valueFrom": null}]}]}}}})"));
  EXPECT_EQ(write.verb, "patch");
  EXPECT_EQ(write.summary, "set FELIX_HEALTHHOST=127.0.0.1 in container calico-node");
  EXPECT_EQ(write.memo, json::parse(R"({"before": {"calico-node": [
    {"name": "FELIX_HEALTHHOST", "absent": true}]}})"));

  json expected = server.object();
  Env(expected).push_back(Set());
  expected["metadata"]["resourceVersion"] = "2";
  ASSERT_TRUE(server.Send(write.request));
  EXPECT_EQ(server.object(), expected) << "other containers and other entries stay";
}

TEST(SetEnvTest, WhatItDoesWithWhatItFinds) {
  struct Case {
    const char* name;
    std::optional<json> live;
    std::string want;
  };
  json owned = Calico();
  owned["metadata"]["ownerReferences"] = json::parse(R"([
    {"apiVersion": "v1", "kind": "ConfigMap", "name": "not-a-controller", "uid": "o1", "controller": false},
    {"apiVersion": "operator.tigera.io/v1", "kind": "Installation", "name": "default",
     "uid": "o2", "controller": true}])");
  json owned_and_set = owned;
  Env(owned_and_set) = {Set()};
  json merely_referenced = owned;
  merely_referenced["metadata"]["ownerReferences"].erase(1);
  json replaced = Calico();
  replaced["metadata"]["uid"] = "another";
  json going = Calico();
  going["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z";
  json no_container = Calico();
  no_container["spec"]["template"]["spec"]["containers"].erase(1);
  no_container["spec"]["template"]["spec"]["containers"].push_back({{"name", "node"}});
  const std::string already =
      "Done already so: set FELIX_HEALTHHOST=127.0.0.1 in container calico-node";
  const Case cases[] = {
      {"not read yet", std::nullopt, "Read"},
      {"gone", json(), "Failed TargetGone: DaemonSet kube-system/calico-node does not exist"},
      {"made again", replaced,
       "Failed TargetGone: DaemonSet kube-system/calico-node was replaced by another object of "
       "that name"},
      {"going", going, "Failed TargetGone: DaemonSet kube-system/calico-node is being deleted"},
      {"unset", Calico(), "Write"},
      {"set already", Calico({Set()}), already},
      {"set to something else", Calico({Set("localhost")}), "Write"},
      {"taken from somewhere", Calico({FromNode()}), "Write"},
      {"owned by an operator", owned,
       "Report ManagedByOther: DaemonSet kube-system/calico-node is managed by Installation "
       "default (operator.tigera.io/v1), which would set a change of it back; set "
       "FELIX_HEALTHHOST=127.0.0.1 in container calico-node there instead"},
      {"owned, but set already", owned_and_set, already},
      {"an owner that does not control", merely_referenced, "Write"},
      {"no such container", no_container,
       "Failed ContainerNotFound: there is no container calico-node; there is sidecar, node"},
      {"twice", Calico({Set("a"), Set("b")}),
       "Failed AmbiguousEntry: container calico-node has FELIX_HEALTHHOST more than once; remove "
       "all but one by hand"},
      {"twice, the last one right", Calico({Set("a"), Set()}), already},
      {"an object without any of it", json{{"metadata", {{"uid", "ds-uid"}}}},
       "Failed ContainerNotFound: there is no container calico-node; there is "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(HealthHost()->Ask(nullptr, Seeing(c.live))), c.want);
  }
}

TEST(SetEnvTest, WorksOnWorkloadsOnly) {
  Observed observed = Seeing(Calico());
  for (const char* kind : {"DaemonSet", "Deployment", "StatefulSet"}) {
    observed.ref.resource.gvk.kind = kind;
    EXPECT_EQ(KindOf(HealthHost()->Ask(nullptr, observed)), "Write") << kind;
  }
  observed.ref.resource.gvk.kind = "Job";
  EXPECT_EQ(Text(HealthHost()->Ask(nullptr, observed)),
            "Failed KindNotSupported: setEnv works on DaemonSets, Deployments and StatefulSets of "
            "group apps, not on Job kube-system/calico-node");
}

TEST(SetEnvTest, AnEntryWithValueFromIsReplacedWhole) {
  FakeObject server(Calico({FromNode()}));
  Outcome outcome = Drive(*HealthHost(), server, Seeing(std::nullopt));
  EXPECT_EQ(KindOf(outcome.last), "Done");
  json object = server.object();
  EXPECT_EQ(Env(object), json::array({Set()}));
  EXPECT_EQ(outcome.memo["before"]["calico-node"], json::array({FromNode()}));
}

TEST(SetEnvTest, AnEmptyValueIsWhatTheServerLeavesOut) {
  json live = Calico({{{"name", "FELIX_HEALTHHOST"}}});
  EXPECT_EQ(KindOf(HealthHost({{"FELIX_HEALTHHOST", ""}})->Ask(nullptr, Seeing(live))), "Done");
}

TEST(SetEnvTest, AConflictIsAnsweredWithTheNewVersionAndTheFirstPreImage) {
  FakeObject server(Calico({Set("localhost")}));
  std::unique_ptr<Action> action = HealthHost();
  Next first = action->Ask(nullptr, Seeing(server.object()));
  server.Edit([](json& object) { Env(object) = {Set("edited")}; });
  ASSERT_FALSE(server.Send(std::get<Write>(first).request));

  const json memo = std::get<Write>(first).memo;
  Next second = action->Ask(memo, Seeing(server.object()));
  ASSERT_EQ(KindOf(second), "Write");
  EXPECT_EQ(std::get<Write>(second).memo, memo);
  EXPECT_EQ(memo["before"]["calico-node"], json::array({Set("localhost")}));
  EXPECT_TRUE(server.Send(std::get<Write>(second).request));
}

TEST(SetEnvTest, AnUnknownOutcomeIsReadAndNotRepeated) {
  FakeObject server(Calico());
  std::unique_ptr<Action> action = HealthHost();
  const Write write = std::get<Write>(action->Ask(nullptr, Seeing(server.object())));
  ASSERT_TRUE(server.Send(write.request));
  // The answer got lost.
  EXPECT_EQ(KindOf(action->Ask(write.memo, Seeing(std::nullopt))), "Read");
  EXPECT_EQ(Text(action->Ask(write.memo, Seeing(server.object()))),
            "Done done: set FELIX_HEALTHHOST=127.0.0.1 in container calico-node");
  EXPECT_EQ(server.writes(), 1);
}

TEST(SetEnvTest, SeveralContainersAndOnlyWhatDiffers) {
  crds::SetEnv params;
  params.containers = {"sidecar", "calico-node"};
  params.env = {{"FELIX_HEALTHHOST", "mine"}, {"A", "1"}};
  std::unique_ptr<Action> action = *MakeSetEnv(params, {}, "p");
  EXPECT_EQ(action->Describe(),
            "set FELIX_HEALTHHOST=mine, A=1 in containers sidecar, calico-node");
  FakeObject server(Calico({Set()}));
  Next next = action->Ask(nullptr, Seeing(server.object()));
  json containers =
      json::parse(std::get<Write>(next).request.body)["spec"]["template"]["spec"]["containers"];
  EXPECT_EQ(containers, json::parse(R"([
    {"name": "sidecar", "env": [{"name": "A", "value": "1", "valueFrom": null}]},
    {"name": "calico-node", "env": [
      {"name": "FELIX_HEALTHHOST", "value": "mine", "valueFrom": null},
      {"name": "A", "value": "1", "valueFrom": null}]}])"));
  // What appears as different only later is added to the pre-image.
  const json memo = std::get<Write>(next).memo;
  server.Edit([](json& object) {
    object["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "theirs";
  });
  next = action->Ask(memo, Seeing(server.object()));
  EXPECT_EQ(std::get<Write>(next).memo["before"]["sidecar"], json::parse(R"([
    {"name": "A", "absent": true}, {"name": "FELIX_HEALTHHOST", "value": "theirs"}])"));
}

TEST(SetEnvTest, ALargePreImageIsNotKept) {
  FakeObject server(Calico({Set(std::string(20'000, 'x').c_str())}));
  Outcome outcome = Drive(*HealthHost(), server, Seeing(std::nullopt));
  EXPECT_EQ(KindOf(outcome.last), "Done");
  EXPECT_EQ(WhyNoUndo(outcome.memo), "the values before are too large to be kept");
  EXPECT_EQ(HealthHost()->Undo(outcome.memo, Seeing(server.object())), std::nullopt);
}

TEST(SetEnvTest, EffectPathsCoverTheEffect) {
  std::vector<std::string> paths;
  for (const document::Path& path : HealthHost()->EffectPaths()) paths.push_back(path.ToString());
  EXPECT_THAT(paths, ElementsAre("spec.template.spec.containers[*].name",
                                 "spec.template.spec.containers[*].env"));
  EXPECT_TRUE(HealthHost()->EffectHolds(nullptr, Calico({Set()})));
  EXPECT_FALSE(HealthHost()->EffectHolds(nullptr, Calico({Set("back")})));
  EXPECT_FALSE(HealthHost()->EffectHolds(nullptr, Calico()));
}

struct UndoCase {
  const char* name;
  json before;  // the env list
  std::function<void(json&)> in_between = [](json&) {};
  std::optional<json> after;  // the env list then; nullopt: nothing to take back
};

json ManagedBy(const char* manager) {
  return json::array({{{"manager", manager},
                       {"operation", "Update"},
                       {"fieldsV1", json::parse(R"({"f:spec": {"f:template": {"f:spec": {
      "f:containers": {"k:{\"name\":\"calico-node\"}": {"f:env": {
        "k:{\"name\":\"FELIX_HEALTHHOST\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}})")}}});
}

TEST(SetEnvTest, UndoPutsBackWhatIsStillOurs) {
  const json other = {{"name", "OTHER"}, {"value", "x"}};
  const UndoCase cases[] = {
      {"an entry that was absent", {other}, [](json&) {}, json{other}},
      {"an old value", {Set("localhost"), other}, [](json&) {}, json{Set("localhost"), other}},
      {"an old valueFrom", {FromNode()}, [](json&) {}, json{FromNode()}},
      {"somebody changed it meanwhile",
       {Set("localhost")},
       [](json& o) { Env(o)[0]["value"] = "theirs"; },
       std::nullopt},
      {"somebody removed it meanwhile",
       {Set("localhost")},
       [](json& o) { Env(o) = json::array(); },
       std::nullopt},
      {"somebody added another entry",
       {Set("localhost")},
       [&](json& o) { Env(o).push_back(other); },
       json{Set("localhost"), other}},
      {"our manager owns it",
       {Set("localhost")},
       [](json& o) { o["metadata"]["managedFields"] = ManagedBy("kube-remedy"); },
       json{Set("localhost")}},
      {"another manager took our value over",
       {Set("localhost")},
       [](json& o) { o["metadata"]["managedFields"] = ManagedBy("argocd"); },
       std::nullopt},
      {"the container is gone",
       {Set("localhost")},
       [](json& o) { o["spec"]["template"]["spec"]["containers"].erase(1); },
       std::nullopt},
  };
  for (const UndoCase& c : cases) {
    SCOPED_TRACE(c.name);
    FakeObject server(Calico(c.before));
    std::unique_ptr<Action> action = HealthHost();
    Outcome outcome = Drive(*action, server, Seeing(std::nullopt));
    ASSERT_EQ(KindOf(outcome.last), "Done");
    server.Edit(c.in_between);

    std::optional<Write> undo = action->Undo(outcome.memo, Seeing(server.object()));
    ASSERT_EQ(undo.has_value(), c.after.has_value());
    if (!undo) continue;
    EXPECT_EQ(undo->summary, "put FELIX_HEALTHHOST back as before");
    EXPECT_EQ(undo->memo, outcome.memo);
    ASSERT_TRUE(server.Send(undo->request));
    json object = server.object();
    EXPECT_EQ(Env(object), *c.after);
    EXPECT_EQ(action->Undo(outcome.memo, Seeing(server.object())), std::nullopt) << "twice";
  }
}

TEST(SetEnvTest, NothingWrittenNothingToTakeBack) {
  EXPECT_EQ(HealthHost()->Undo(nullptr, Seeing(Calico({Set()}))), std::nullopt);
  EXPECT_EQ(HealthHost()->Undo(json{{"before", 3}}, Seeing(Calico({Set()}))), std::nullopt);
}

TEST(SetEnvTest, ParametersAreChecked) {
  struct Case {
    const char* name;
    crds::SetEnv params;
    const char* message;
  };
  const Case cases[] = {
      {"no container",
       {"", {}, {{"A", "1"}}},
       "p.setEnv: expected container or containers, one of the two"},
      {"both",
       {"a", {"b"}, {{"A", "1"}}},
       "p.setEnv: expected container or containers, one of the two"},
      {"no variable", {"a", {}, {}}, "p.setEnv.env: expected at least one variable"},
      {"a variable twice",
       {"a", {}, {{"A", "1"}, {"B", ""}, {"A", "2"}}},
       "p.setEnv.env[2].name: A is given twice"},
      {"no name", {"a", {}, {{"", "1"}}}, "p.setEnv.env[0].name: must not be empty"},
      {"a container twice",
       {"", {"a", "a"}, {{"A", "1"}}},
       "p.setEnv.containers[1]: a is given twice"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(MakeSetEnv(c.params, {}, "p.setEnv"),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, c.message));
  }
}

}  // namespace
}  // namespace kr::actions
