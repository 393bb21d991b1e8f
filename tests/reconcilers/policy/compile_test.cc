#include "reconcilers/policy/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/limits/protection.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json Spec() {
  return json::parse(R"JSON({
    "target": {"apiVersion": "apps/v1", "kind": "DaemonSet", "names": ["calico-node"], "namespaces": ["kube-system"]},
    "related": [{"name": "pods", "preset": "OwnedPods"}],
    "events": [{"name": "probes", "about": {"related": "pods"}, "reason": "^Unhealthy$", "within": "15m"}],
    "variables": [{"name": "env", "expression": "object.spec.template.spec.containers[0].?env.orValue([])"}],
    "triggers": [{"name": "t", "events": {"from": "probes", "count": 3},
                  "match": [{"name": "m", "expression": "!variables.env.exists(e, e.name == 'A')"}]}],
    "remedies": [{"name": "r", "steps": [{"setEnv": {"container": "c", "env": [{"name": "A", "value": "1"}]}}],
                  "verify": [{"name": "v", "expression": "related.pods.all(p, p.status.phase == 'Running')"}]}]
  })JSON");
}

StatusOr<CompiledPolicyPtr> CompileSpec(const json& spec) {
  const json policy = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                       {"kind", "RemediationPolicy"},
                       {"metadata", {{"name", "p"}, {"uid", "u"}, {"generation", 3}}},
                       {"spec", spec}};
  auto parsed = crds::FromJson<crds::RemediationPolicy>(policy);
  if (!parsed.ok()) return parsed.status();
  return Compile(*parsed);
}

std::vector<std::string> PathsOf(const KindReads& reads) {
  return document::Projection::Of(reads.paths)->Paths();
}

TEST(Compile, DeclaresWhatItReadsOfEachKind) {
  KR_ASSERT_OK_AND_ASSIGN(const CompiledPolicyPtr policy, CompileSpec(Spec()));
  EXPECT_EQ(policy->generation, 3);
  const auto kept = document::Projection::Of(policy->target_reads.paths);
  for (std::string_view path : limits::ProtectionPaths()) {
    KR_ASSERT_OK_AND_ASSIGN(const document::Path parsed, document::Path::Parse(path));
    EXPECT_TRUE(kept->Covers(parsed)) << path << ": protection must not take it for absent";
  }
  // The trigger's variable escapes, so the whole env is kept; nothing else of a container but what
  // setEnv has to compare.
  bool env = false;
  for (const std::string& path : PathsOf(policy->target_reads)) {
    env = env || path.find("env") != std::string::npos;
  }
  EXPECT_TRUE(env);
  EXPECT_THAT(PathsOf(policy->related_reads[0]),
              ::testing::IsSupersetOf({"status.phase", "spec.nodeName"}));
}

TEST(Compile, FillsInTheDefaultHealthOfTheKind) {
  KR_ASSERT_OK_AND_ASSIGN(const CompiledPolicyPtr policy, CompileSpec(Spec()));
  ASSERT_EQ(policy->healthy.size(), 1u);
  EXPECT_THAT(policy->healthy[0].program.text(), HasSubstr("updatedNumberScheduled"));
}

TEST(Compile, RefusalsSayWhereAndWhat) {
  struct Case {
    const char* name;
    const char* pointer;
    json value;
    const char* want;
  };
  const Case cases[] = {
      {"revert.when",
       "/recovery/revert",
       {{"when", "objct.spec.x == 1"}},
       "spec.recovery.revert.when: 1:1: undeclared name 'objct'"},
      {"revert.when is no bool",
       "/recovery/revert",
       {{"when", "target.name"}},
       "spec.recovery.revert.when: "},
      {"revert.when is asked before anything runs",
       "/recovery/revert",
       {{"when", "remediation.name == 'x'"}},
       "spec.recovery.revert.when: 1:1: undeclared name"},
      {"undeclared name", "/triggers/0/match/0/expression", "objct.spec.x == 1",
       "spec.triggers[0].match[0].expression: 1:1: undeclared name 'objct'"},
      {"suggestion", "/triggers/0/match/0/expression", "objct.spec.x == 1", "object"},
      {"type error", "/triggers/0/match/0/expression", "size(target.name) > 'x'",
       "spec.triggers[0].match[0].expression: 1:"},
      {"not a truth", "/triggers/0/match/0/expression", "target.name",
       "spec.triggers[0].match[0].expression: "},
      {"syntax", "/remedies/0/verify/0/expression", "object.spec.", "spec.remedies[0].verify[0]"},
      {"no such join", "/remedies/0/verify/0/expression", "related.nodes.size() == 0",
       "has no field 'nodes'"},
      {"no such variable", "/triggers/0/match/0/expression", "variables.envv.size() == 0",
       "has no field 'envv'"},
      {"remediation does not exist in a trigger", "/triggers/0/match/0/expression",
       "remediation.name == 'x'", "undeclared name 'remediation'"},
      {"variable", "/variables/0/expression", "1 +", "spec.variables[0].expression: "},
      {"pattern", "/events/0/reason", "^(Unhealthy",
       "spec.events[0].reason: the pattern \"^(Unhealthy\""},
      {"message pattern", "/events/0/message", "[", "spec.events[0].message: "},
      {"window that never opens",
       "/limits/windows",
       {{{"schedule", "0 0 30 2 *"}, {"duration", "1h"}}},
       "spec.limits.windows[0].schedule: \"0 0 30 2 *\" never fires"},
      {"window on Mars",
       "/limits/windows",
       {{{"schedule", "@daily"}, {"duration", "1h"}, {"timeZone", "Mars/Olympus"}}},
       "spec.limits.windows[0].timeZone: \"Mars/Olympus\" is no known time zone"},
      {"waitFor",
       "/remedies/0/steps/0",
       {{"waitFor", {{"expression", "objekt"}, {"timeout", "1m"}}}},
       "spec.remedies[0].steps[0].waitFor.expression: 1:1: undeclared name 'objekt'"},
      {"pattern in an expression", "/triggers/0/match/0/expression", "target.name.matches('(')",
       "spec.triggers[0].match[0].expression: 1:"},
      {"lost key",
       "/related/0",
       {{"name", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"key", "itt.x"},
        {"equals", "target.name"}},
       "spec.related[0].key: 1:1: undeclared name 'itt'"},
      {"a join reads itself",
       "/related/0",
       {{"name", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"key", "it.metadata.name"},
        {"equals", "related.pods[0].metadata.name"}},
       "spec.related[0].equals: reads related.pods, which is this join itself"},
      {"a circle through a variable", "", json::parse(R"JSON([
         {"op": "add", "path": "/variables/-", "value": {"name": "later", "expression": "related.nodes.size()"}},
         {"op": "add", "path": "/related/-", "value": {"name": "a", "apiVersion": "v1", "kind": "Pod", "key": "it.x", "equals": "variables.later"}},
         {"op": "add", "path": "/related/-", "value": {"name": "nodes", "preset": "NodeOfPod", "of": "a"}}])JSON"),
       "spec.related[1].equals: reads related.nodes, which is declared after it: a join reads "
       "those "
       "before it"},
      {"a join rests on events",
       "/related/0",
       {{"name", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"key", "it.metadata.name"},
        {"equals", "events.probes[0].node"}},
       "spec.related[0].equals: 1:1: undeclared name 'events'"},
      {"with of, only of is read",
       "/related/-",
       {{"name", "x"},
        {"of", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Node"},
        {"key", "it.metadata.name"},
        {"equals", "object.spec.nodeName"}},
       "spec.related[1].equals: 1:1: undeclared name 'object'"},
      {"preset that starts from something else",
       "/related/-",
       {{"name", "x"}, {"preset", "PodsOnNode"}},
       "spec.related[1].preset: PodsOnNode starts from v1 Node objects, the targets are apps/v1 "
       "DaemonSet; with `of` it starts from those of another join"},
      {"preset of the wrong join",
       "/related/-",
       {{"name", "x"}, {"preset", "PodsOfService"}, {"of", "pods"}},
       "spec.related[1].preset: PodsOfService starts from v1 Service objects, those of pods are v1 "
       "Pod"},
      {"both sides of a selector join are the object's",
       "/related/-",
       {{"name", "x"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"labels", "it.metadata.labels"},
        {"selectedBy", "it.spec.selector"}},
       "spec.related[1]: labels and selectedBy both read the joined object (it)"},
      {"neither side is",
       "/related/-",
       {{"name", "x"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"labels", "object.metadata.labels"},
        {"selectedBy", "object.spec.selector"}},
       "spec.related[1]: neither labels nor selectedBy reads the joined object (it)"},
      {"mixed",
       "/related/-",
       {{"name", "x"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"labels", "it.metadata.labels"},
        {"selectedBy", "object.spec.selector + it"}},
       "spec.related[1]"},
      {"parameter that is not declared", "/triggers/0/match/0/expression", "params.x > 3",
       "spec.triggers[0].match[0].expression: 1:8: "},
      {"parameter of another type", "", json::parse(R"JSON([
         {"op": "add", "path": "/params", "value": [{"name": "a", "type": "string", "default": "x"}]},
         {"op": "replace", "path": "/triggers/0/match/0/expression", "value": "params.a > 3"}])JSON"),
       "spec.triggers[0].match[0].expression: 1:10: "},
      {"default that is not of the type",
       "/params",
       {{{"name", "a"}, {"type", "integer"}, {"default", "three"}}},
       "spec.params[0].default: expected an integer, found \"three\""},
      {"default out of bounds",
       "/params",
       {{{"name", "a"}, {"type", "integer"}, {"default", 3}, {"minimum", 5}}},
       "spec.params[0].default: is 3, expected at least 5"},
      {"default that does not match",
       "/params",
       {{{"name", "a"}, {"type", "string"}, {"default", "xab"}, {"pattern", "a|ab"}}},
       "spec.params[0].default: is \"xab\", which does not match a|ab"},
      {"bad pattern",
       "/params",
       {{{"name", "a"}, {"type", "string"}, {"default", "x"}, {"pattern", "("}}},
       "spec.params[0].pattern: missing ): ("},
  };
  for (const Case& tc : cases) {
    SCOPED_TRACE(tc.name);
    json spec = Spec();
    if (*tc.pointer == '\0') {
      spec = spec.patch(tc.value);
    } else {
      spec[json::json_pointer(tc.pointer)] = tc.value;
    }
    EXPECT_THAT(CompileSpec(spec),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(tc.want)));
  }
}

TEST(Compile, WhereNothingCanBeTakenBackThereIsNoRevert) {
  json spec = Spec();
  spec["recovery"]["revert"] = {{"after", "1h"}};
  KR_EXPECT_OK(CompileSpec(spec));
  spec["remedies"] = {{{"name", "restart"}, {"steps", {{{"rolloutRestart", json::object()}}}}}};
  EXPECT_THAT(
      CompileSpec(spec),
      testing::StatusIs(absl::StatusCode::kInvalidArgument,
                        HasSubstr("spec.recovery.revert: no step makes a change that could be")));
}

TEST(Compile, OwnPatchNeedsAProof) {
  json spec = Spec();
  spec["triggers"] = {{{"name", "t"},
                       {"match",
                        {{{"name", "m"},
                          {"expression",
                           "!object.spec.template.spec.containers.exists(c, "
                           "c.?env.orValue([]).exists(e, e.name == 'A'))"}}}}}};
  spec["remedies"][0].erase("verify");
  EXPECT_THAT(CompileSpec(spec),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("spec.remedies[0].verify: expected an expression")));
  // Something else that it reads is proof enough.
  spec["triggers"][0]["match"].push_back(
      {{"name", "n"}, {"expression", "object.status.numberUnavailable > 0"}});
  KR_EXPECT_OK(CompileSpec(spec));
}

}  // namespace
}  // namespace kr::policy
