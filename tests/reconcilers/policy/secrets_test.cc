#include "reconcilers/policy/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Targets Secrets; joins Secrets and ConfigMaps.
Status CompileWith(const json& step, const char* target_kind = "Secret") {
  const json join = {{"apiVersion", "v1"},
                     {"key", "it.metadata.name"},
                     {"equals", "target.name"},
                     {"sameNamespace", true}};
  json secrets = join, maps = join;
  secrets.update({{"name", "secrets"}, {"kind", "Secret"}});
  maps.update({{"name", "maps"}, {"kind", "ConfigMap"}});
  const json policy = {
      {"apiVersion", "kube-remedy.io/v1alpha1"},
      {"kind", "RemediationPolicy"},
      {"metadata", {{"name", "p"}, {"uid", "u"}}},
      {"spec",
       {{"target", {{"apiVersion", "v1"}, {"kind", target_kind}, {"namespaces", {"shop"}}}},
        {"related", {secrets, maps}},
        {"variables",
         {{{"name", "password"}, {"expression", "related.secrets[0].data.password"}},
          {{"name", "indirect"}, {"expression", "variables.password + ''"}},
          {{"name", "plain"}, {"expression", "related.maps[0].data.password"}}}},
        {"triggers",
         {{{"name", "t"},
           {"match", {{{"name", "m"}, {"expression", "'a' in object.metadata.labels"}}}}}}},
        {"remedies", {{{"name", "r"}, {"steps", json::array({step})}}}}}}};
  const auto parsed = crds::FromJson<crds::RemediationPolicy>(policy);
  return parsed.ok() ? Compile(*parsed).status() : parsed.status();
}

json Set(const char* expression) {
  return {{"patch", {{"set", {{{"path", "/data/a"}, {"expression", expression}}}}}}};
}
json On(const char* kind, json step) {
  step["applyTo"] = {
      {"ref", {{"apiVersion", "v1"}, {"kind", kind}, {"namespace", "shop"}, {"name", "x"}}}};
  return step;
}
json Tell(const char* expression) {
  return {{"notify", {{"messageExpression", expression}}}};
}

TEST(Secrets, ComputedValuesAreNotWrittenIntoThem) {
  EXPECT_THAT(CompileWith(Set("'x'")),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("spec.remedies[0].steps[0].patch.set: a computed value "
                                          "is written down in the Remediation")));
  EXPECT_FALSE(CompileWith(On("Secret", Set("'x'")), "ConfigMap").ok());
  KR_EXPECT_OK(CompileWith(On("ConfigMap", Set("'x'"))));
  KR_EXPECT_OK(CompileWith({{"patch", {{"patch", {{"data", {{"a", "eA=="}}}}}}}}));
}

TEST(Secrets, NoNoticeAndNoCallTellsTheirData) {
  struct Case {
    const char* expression;
    bool tells;
  };
  const Case cases[] = {
      {"object.data.password", true},
      {"string(size(object))", true},
      {"object.stringData.x", true},
      {"object.metadata.name", false},
      {"object.type", false},
      {"has(object.data.password) ? 'set' : 'not set'", false},
      {"related.secrets[0].data.password", true},
      {"related.secrets.map(s, s.metadata.name).join(' ')", false},
      {"related.secrets.map(s, s.data.x).join(' ')", true},
      {"related.maps[0].data.password", false},
      {"variables.password", true},
      {"variables.indirect", true},
      {"variables.plain", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expression);
    const Status told = CompileWith(Tell(c.expression));
    const Status called = CompileWith(
        {{"webhook",
          {{"name", "w"}, {"parameters", {{{"name", "p"}, {"expression", c.expression}}}}}}});
    if (!c.tells) {
      KR_EXPECT_OK(told);
      KR_EXPECT_OK(called);
      continue;
    }
    EXPECT_THAT(told, testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("messageExpression: reads the data of a")));
    EXPECT_THAT(called,
                testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("webhook.parameters: " + std::string(c.expression) +
                                            " reads the data of a Secret")));
  }
}

}  // namespace
}  // namespace kr::policy
