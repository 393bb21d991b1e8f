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
      {"equals may not read joins",
       "/related/0",
       {{"name", "pods"},
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"key", "it.metadata.name"},
        {"equals", "related.pods[0]"}},
       "spec.related[0].equals: 1:1: undeclared name 'related'"},
  };
  for (const Case& tc : cases) {
    SCOPED_TRACE(tc.name);
    json spec = Spec();
    spec[json::json_pointer(tc.pointer)] = tc.value;
    EXPECT_THAT(CompileSpec(spec),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(tc.want)));
  }
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
