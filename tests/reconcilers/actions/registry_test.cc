#include "reconcilers/actions/registry.h"

#include <cctype>
#include <filesystem>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

// One step of each action; what is registered and not here fails EveryActionIsTested.
std::vector<crds::Step> Steps() {
  crds::SetEnv set_env;
  set_env.container = "main";
  set_env.env = {{"A", "1"}, {"B", ""}};
  crds::Patch merge;
  merge.patch = crds::RawJson(json::parse(R"({"metadata": {"labels": {"a": "1", "b": null}}})"));
  merge.set = {{"/spec/replicas", "object.n"}};
  crds::Patch strategic;
  strategic.type = crds::PatchType::kStrategic;
  strategic.patch = crds::RawJson(json::parse(
      R"({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "2"}]}}}})"));
  crds::Apply apply;
  apply.object = crds::RawJson(
      json::parse(R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})"));
  apply.set = {{"/data/n", "object.n"}};
  crds::Scale scale;
  scale.replicas_expression = "object.n";
  crds::DeletePod evict;
  crds::DeletePod delete_pod;
  delete_pod.mode = crds::DeletePodMode::kDelete;
  crds::Taint taint;
  taint.key = "example.com/sick";
  crds::Taint out_of_service;
  out_of_service.key = "node.kubernetes.io/out-of-service";
  out_of_service.effect = crds::TaintEffect::kNoExecute;
  crds::Untaint untaint;
  untaint.key = "example.com/sick";
  crds::Drain drain;
  drain.on_timeout = crds::DrainOnTimeout::kDeletePods;
  crds::WaitFor wait_for;
  wait_for.expression = "object.ready";
  crds::Webhook webhook;
  webhook.name = "fence";
  webhook.parameters = {{"n", "", "object.n"}};
  crds::RunNodeCommand node_command;
  node_command.name = "restart";
  node_command.parameters = {{"n", "", "object.n"}};
  crds::Notify notify;
  notify.message = "Look.";
  return {{set_env, {}, {}},        {merge, {}, {}},
          {strategic, {}, {}},      {apply, {}, {}},
          {scale, {}, {}},          {crds::RolloutRestart(), {}, {}},
          {evict, {}, {}},          {delete_pod, {}, {}},
          {crds::Delete(), {}, {}}, {webhook, {}, {}},
          {wait_for, {}, {}},       {notify, {}, {}},
          {crds::Cordon(), {}, {}}, {crds::Uncordon(), {}, {}},
          {taint, {}, {}},          {out_of_service, {}, {}},
          {untaint, {}, {}},        {crds::DeleteNode(), {}, {}},
          {drain, {}, {}},          {node_command, {}, {}}};
}

// Those that leave a workload there, changed or not.
std::vector<crds::Step> StepsOnWorkloads() {
  std::vector<crds::Step> steps = Steps();
  std::erase_if(steps, [](const crds::Step& step) {
    return std::holds_alternative<crds::Apply>(step.action) ||
           std::holds_alternative<crds::Cordon>(step.action) ||
           std::holds_alternative<crds::Uncordon>(step.action) ||
           std::holds_alternative<crds::Taint>(step.action) ||
           std::holds_alternative<crds::Untaint>(step.action) ||
           std::holds_alternative<crds::DeleteNode>(step.action) ||
           std::holds_alternative<crds::DeletePod>(step.action) ||
           std::holds_alternative<crds::Drain>(step.action) ||
           std::holds_alternative<crds::Webhook>(step.action) ||
           std::holds_alternative<crds::RunNodeCommand>(step.action) ||
           std::holds_alternative<crds::Delete>(step.action);
  });
  return steps;
}

std::unique_ptr<Action> MakeOk(const crds::Step& step) {
  StatusOr<std::unique_ptr<Action>> action = Make(step, kScope, "spec.remedies[0].steps[1]");
  EXPECT_THAT(action, testing::IsOk());
  return *std::move(action);
}

std::string Spelled(std::string_view kind, char separator) {
  std::string text;
  for (char c : kind) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) text.push_back(separator);
    text.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return text;
}

// Policies can name them already, and are refused.
const std::set<std::string_view> kToCome = {"drain", "nodeCommand", "recreateService"};

TEST(RegistryTest, EveryActionIsTested) {
  std::set<std::string_view> tested;
  for (const crds::Step& step : Steps()) {
    std::unique_ptr<Action> action = MakeOk(step);
    EXPECT_EQ(action->kind(), crds::ActionName(step.action));
    EXPECT_FALSE(action->Describe().empty());
    tested.insert(crds::ActionName(step.action));
  }
  tested.insert(kToCome.begin(), kToCome.end());
  EXPECT_EQ(tested, std::set<std::string_view>(Kinds().begin(), Kinds().end()));
}

TEST(RegistryTest, EveryActionHasASample) {
  for (std::string_view kind : Kinds()) {
    if (kToCome.contains(kind)) continue;
    const std::string file =
        std::string(KR_SOURCE_DIR) + "/config/samples/action-" + Spelled(kind, '-') + ".yaml";
    ASSERT_TRUE(std::filesystem::exists(file)) << file;
    bool used = false;
    for (const YAML::Node& remedy : YAML::LoadFile(file)["spec"]["remedies"]) {
      for (const YAML::Node& step : remedy["steps"]) used |= step[std::string(kind)].IsDefined();
    }
    EXPECT_TRUE(used) << file << " does not use " << kind;
  }
}

// By all roles in a file, each with its namespace where it is not the operator's own.
std::set<RbacRule> GrantedIn(const std::string& file) {
  std::set<RbacRule> granted;
  for (const YAML::Node& role : YAML::LoadAllFromFile(std::string(KR_SOURCE_DIR) + file)) {
    const std::string name_space = role["metadata"]["namespace"].as<std::string>("kube-remedy");
    for (const YAML::Node& rule : role["rules"]) {
      for (const YAML::Node& group : rule["apiGroups"]) {
        for (const YAML::Node& resource : rule["resources"]) {
          for (const YAML::Node& verb : rule["verbs"]) {
            granted.insert({group.as<std::string>(), resource.as<std::string>(),
                            verb.as<std::string>(), "",
                            name_space == "kube-remedy" ? "" : name_space});
          }
        }
      }
    }
  }
  return granted;
}

// A kind that the action's shipped role is about.
kube::Resource ShippedFor(std::string_view kind) {
  if (kind == "apply") return {{"", "v1", "ConfigMap"}, "configmaps", true};
  if (kind == "delete") return {{"batch", "v1", "Job"}, "jobs", true};
  if (kind == "scale") return {{"apps", "v1", "Deployment"}, "deployments", true};
  return kDaemonSets;
}

TEST(RegistryTest, RolesGrantWhatActionsNeed) {
  for (const crds::Step& step : Steps()) {
    std::unique_ptr<Action> action = MakeOk(step);
    std::vector<RbacRule> required = action->RequiredRules(ShippedFor(action->kind()));
    if (required.empty()) continue;
    std::set<RbacRule> granted =
        GrantedIn("/config/rbac/roles/action_" + Spelled(action->kind(), '_') + ".yaml");
    granted.merge(GrantedIn("/config/node/controller.yaml"));
    for (RbacRule rule : required) {
      rule.own_name.clear();  // RBAC knows no prefixes: a Role for all Secrets of the namespace
      EXPECT_TRUE(granted.contains(rule)) << action->kind() << " needs " << rule.verb;
    }
  }
}

TEST(RegistryTest, ErrorsBeginWithTheField) {
  crds::WaitFor params;
  params.expression = "object.a && objekt.b";
  EXPECT_THAT(Make({params, {}, {}}, kScope, "spec.remedies[0].steps[1]"),
              testing::StatusIs(
                  absl::StatusCode::kInvalidArgument,
                  ::testing::StartsWith("spec.remedies[0].steps[1].waitFor.expression: 1:13: ")));
  EXPECT_THAT(Make({}, kScope, "spec.remedies[0].steps[1]"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "spec.remedies[0].steps[1]: expected exactly one action"));
}

// A workload with whatever may stand where the steps write.
json RandomWorkload(std::mt19937& random) {
  auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  json container = {{"name", "main"}, {"image", chance(50) ? "1" : "2"}};
  for (const char* name : {"A", "B", "C"}) {
    if (chance(40)) continue;
    json entry = {{"name", name}};
    if (chance(30)) {
      entry["valueFrom"] = {{"secretKeyRef", {{"name", "s"}, {"key", "k"}}}};
    } else if (chance(80)) {
      entry["value"] = std::to_string(random() % 2);
    }
    container["env"].push_back(entry);
  }
  json object = {{"metadata", {{"name", "calico-node"}, {"uid", "ds-uid"}}},
                 {"spec", {{"replicas", random() % 4}}}};
  if (chance(60)) object["metadata"]["labels"] = {{"a", "0"}, {"b", "1"}, {"c", "2"}};
  json containers = {{{"name", "other"}, {"image", "2"}}, container};
  object["spec"]["template"]["spec"]["containers"] = containers;
  return object;
}

Observed SeeingEverything() {
  Observed observed = Seeing(std::nullopt, {{"object.n", 3}, {"object.ready", true}});
  observed.looked["/apis/autoscaling/v2/namespaces/kube-system/horizontalpodautoscalers"] = {
      json::object(), observed.now};
  return observed;
}

TEST(RegistryTest, ActionTwiceSameWorld) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const json workload = RandomWorkload(random);
    SCOPED_TRACE(workload.dump());
    for (const crds::Step& step : StepsOnWorkloads()) {
      std::unique_ptr<Action> action = MakeOk(step);
      SCOPED_TRACE(action->Describe());
      FakeObject server(workload);
      Outcome once = Drive(*action, server, SeeingEverything());
      ASSERT_EQ(KindOf(once.last), "Done") << Text(once.last);
      ASSERT_LE(server.writes(), 1);
      const json world = server.object();
      // As after a crash: with the memo, and with everything forgotten.
      for (const json& memo : {once.memo, json()}) {
        ASSERT_EQ(KindOf(Drive(*action, server, SeeingEverything(), memo).last), "Done");
        ASSERT_EQ(server.object(), world);
      }
      ASSERT_TRUE(action->EffectHolds(once.memo, world));
    }
  }
}

TEST(RegistryTest, UndoRestoresTheWorld) {
  std::mt19937 random(8);
  for (int round = 0; round < 500; ++round) {
    const json workload = RandomWorkload(random);
    SCOPED_TRACE(workload.dump());
    for (const crds::Step& step : StepsOnWorkloads()) {
      std::unique_ptr<Action> action = MakeOk(step);
      if (action->reversal() == Reversal::kIrreversible) continue;
      SCOPED_TRACE(action->Describe());
      FakeObject server(workload);
      Outcome outcome = Drive(*action, server, SeeingEverything());
      const int written = server.writes();
      Observed observed = SeeingEverything();
      observed.live = server.object();
      std::optional<Write> undo = action->Undo(outcome.memo, observed);
      ASSERT_LE(undo.has_value(), written > 0);
      ASSERT_TRUE(!undo || server.Send(undo->request));

      json restored = server.object();
      json expected = workload;
      restored["metadata"].erase("resourceVersion");
      // An empty list or map where there was none, and the order of env entries, mean the same.
      for (json* object : {&restored, &expected}) {
        json& container = (*object)["spec"]["template"]["spec"]["containers"][1];
        json env = container.value("env", json::array());
        std::sort(env.begin(), env.end());
        for (json& entry : env) {
          if (entry.contains("value") && entry["value"] == "") entry.erase("value");
        }
        container["env"] = env;
        json& metadata = (*object)["metadata"];
        if (!metadata.contains("labels")) metadata["labels"] = json::object();
      }
      ASSERT_EQ(restored, expected);
    }
  }
}

}  // namespace
}  // namespace kr::actions
