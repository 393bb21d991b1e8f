#include "cmd/kubectl-remedy/eval.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kDaemonSet[] = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system, uid: u-1, generation: 2}
spec:
  template:
    spec:
      containers:
      - name: calico-node
        env:
        - {name: FELIX_HEALTHHOST, value: "127.0.0.1"}
        - {name: PORT, value: "9099"}
status: {observedGeneration: 2, desiredNumberScheduled: 3, ratio: 0.5}
)";

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

json Object() {
  auto object = ParseObject(kDaemonSet, "f");
  EXPECT_TRUE(object.ok()) << object.status();
  return object.ok() ? *object : json();
}

TEST(EvalTest, ValuesComeOutAsJson) {
  struct Case {
    const char* expression;
    const char* json;
  };
  const std::vector<Case> cases{
      {"1 + 1", "2"},
      {"object.metadata.name", R"("calico-node")"},
      {"object.status.observedGeneration == object.metadata.generation", "true"},
      {"object.status.?numberUnavailable.orValue(0)", "0"},
      {"object.status.ratio", "0.5"},
      {"object.spec.template.spec.containers[0].env.map(e, e.value)", R"(["127.0.0.1", "9099"])"},
      {"object.spec.template.spec.containers.exists(c, c.name == 'calico-node' && "
       "c.?env.orValue([]).exists(e, e.name == 'FELIX_HEALTHHOST'))",
       "true"},
      {"target", R"({"apiVersion": "apps/v1", "kind": "DaemonSet", "namespace": "kube-system",
                     "name": "calico-node", "uid": "u-1"})"},
      {"target.kind + '/' + target.name", R"("DaemonSet/calico-node")"},
      {"now - timestamp('2023-11-14T22:00:00Z') < duration('801s')", "true"},
      {"timestamp('2023-11-14T22:13:20Z') + duration('1m')", R"("2023-11-14T22:14:20Z")"},
      {"{'a': [dyn(1), dyn(2u), dyn(1.5), dyn(null), dyn(b'hi')]}",
       R"({"a": [1, 2, 1.5, null, "aGk="]})"},
      {"object.?nothing", "null"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expression);
    KR_ASSERT_OK_AND_ASSIGN(const json value, EvaluateExpression(c.expression, Object(), kNow));
    EXPECT_EQ(value, json::parse(c.json)) << value;
  }
}

TEST(EvalTest, WithoutAnObjectTheTargetIsEmpty) {
  KR_ASSERT_OK_AND_ASSIGN(
      const json value,
      EvaluateExpression("object == null && target.name == ''", std::nullopt, kNow));
  EXPECT_EQ(value, true);
}

TEST(EvalTest, CompileErrorsSayLineAndColumn) {
  struct Case {
    const char* expression;
    const char* error;
    const char* pointer;
  };
  const std::vector<Case> cases{
      {"1 +", "1:", "1 +\n   ^\n"},
      {"object.x == objekt", "1:13: ", "object.x == objekt\n            ^\n"},
      {"true &&\n  nmae", "2:3: ", "  nmae\n  ^\n"},
      {"related.pods", "1:", nullptr},
      {"now", "1:1: the result is a time that depends on 'now'", "now\n^\n"},
      {"remediation.name", "1:1: ", "remediation.name\n^\n"},
      {"'\xC3\xBC' + oops", "1:7: ", "'\xC3\xBC' + oops\n      ^\n"},
      {"\ttrue && oops", "1:10: ", "\ttrue && oops\n\t        ^\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expression);
    const auto value = EvaluateExpression(c.expression, Object(), kNow);
    ASSERT_THAT(value,
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::StartsWith(c.error)));
    if (c.pointer != nullptr) {
      EXPECT_EQ(PointAt(c.expression, Message(value.status())), c.pointer);
    }
  }
}

TEST(EvalTest, RuntimeErrorsAreErrors) {
  const auto value = EvaluateExpression("object.spec.missing.deeper", Object(), kNow);
  EXPECT_THAT(value, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("missing")));
  EXPECT_FALSE(EvaluateExpression("1 / 0", std::nullopt, kNow).ok());
}

TEST(EvalTest, PointsOnlyAtPositions) {
  EXPECT_EQ(PointAt("a", "no such key: b"), "");
  EXPECT_EQ(PointAt("a", "12 apples"), "");
  EXPECT_EQ(PointAt("a", "1: apples"), "");
  EXPECT_EQ(PointAt("a", "0:1: x"), "");
  // Beyond the end: at the end.
  EXPECT_EQ(PointAt("a", "1:9: x"), "a\n ^\n");
  EXPECT_EQ(PointAt("a", "7:1: x"), "\n^\n");
}

TEST(EvalTest, OneObjectIsWanted) {
  struct Case {
    const char* text;
    const char* error;
  };
  const std::vector<Case> cases{
      {"a: 1\n---\nb: 2\n", "f: one object is wanted, the file holds 2"},
      {"", "f: one object is wanted, the file holds none"},
      {"[1]", "f: an object is wanted, not a list"},
      {"just text", "f: an object is wanted, not a single value"},
      {"a: 1\nb: .nan", "f:2:4: .nan is no JSON number"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(ParseObject(c.text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.error)));
  }
}

}  // namespace
}  // namespace kr::cmd
