#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "controller/document/decoder.h"
#include "tests/controller/cel/support/canonical.h"
#include "tests/controller/cel/support/random_cel.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

using nlohmann::json;
using ::testing::ElementsAreArray;

Scope TestScope() {
  return {{"object", Type::Dyn()},
          {"now", Type::Timestamp()},
          {"target", Type::Object({{"name", Type::String()}, {"namespace", Type::String()}})},
          {"related", Type::Object({{"pods", Type::List(Type::Dyn())}})}};
}

// Each read as variable and path: "object spec.replicas", "object metadata?".
std::vector<std::string> ReadsOf(std::string_view expression) {
  const auto program = Program::Compile(expression, TestScope());
  KR_EXPECT_OK(program.status());
  std::vector<std::string> reads;
  if (!program.ok()) return reads;
  for (const Read& read : program->reads()) {
    reads.push_back(read.variable + " " + read.path.ToString());
  }
  return reads;
}

TEST(Reads, AreExactlyWhatAnExpressionLooksAt) {
  const struct {
    std::string_view expression;
    std::vector<std::string> reads;
  } kCases[] = {
      {"1 + 1 == 2", {}},
      {"now > timestamp(0)", {}},
      {"object.spec.replicas == 3", {"object spec.replicas"}},
      {"object['spec']['replicas'] == 3", {"object spec.replicas"}},
      {"object.metadata.labels['a.b/c'] == 'x'", {"object metadata.labels['a.b/c']"}},
      {"object.metadata.labels[object.key] == 'x'", {"object key", "object metadata.labels"}},
      {"has(object.spec.replicas)", {"object spec.replicas?"}},
      {"object.spec.replicas == null", {"object spec.replicas?"}},
      {"null != object.spec.replicas", {"object spec.replicas?"}},
      {"object == null", {"object ?"}},
      {"object == null || object.a == 1", {"object a"}},
      {"has(object.spec.a) && object.spec.a > 1", {"object spec.a"}},
      {"object.spec", {"object spec"}},
      {"[object.spec.a, object.spec.b]", {"object spec.a", "object spec.b"}},
      {"[object.spec.a, object.spec.b][0].c == 1", {"object spec.a.c", "object spec.b.c"}},
      {"object.spec.containers[0].name == 'a'", {"object spec.containers[*].name"}},
      {"object.spec.containers.exists(c, c.name == 'a' && has(c.image))",
       {"object spec.containers[*].image?", "object spec.containers[*].name"}},
      {"object.spec.containers.map(c, c.image)", {"object spec.containers[*].image"}},
      {"object.spec.containers.map(c, c.name == 'a', c.image)",
       {"object spec.containers[*].image", "object spec.containers[*].name"}},
      {"object.spec.containers.filter(c, c.name == 'a')", {"object spec.containers[*]"}},
      {"object.spec.containers.filter(c, c.name == 'a').size() > 1",
       {"object spec.containers[*].name"}},
      {"object.spec.containers.filter(c, c.name == 'a')[0].image == 'b'",
       {"object spec.containers[*].image", "object spec.containers[*].name"}},
      {"object.status.conditions.sortBy(c, c.time).reverse()[0].type == 'Ready'",
       {"object status.conditions[*].time", "object status.conditions[*].type"}},
      {"object.status.conditions.map(c, c).first().value().type == 'Ready'",
       {"object status.conditions[*].type"}},
      {"object.status.conditions.map(c, c).slice(0, 1)[0].type == 'Ready'",
       {"object status.conditions[*].type"}},
      {"object.spec.containers.size() > 1", {"object spec.containers"}},
      {"related.pods.size() > 1", {"related pods[*]?"}},
      {"related.pods.exists(p, p.spec.nodeName == 'a')", {"related pods[*].spec.nodeName"}},
      {"related.pods.map(p, p.metadata.name).join(', ') == ''", {"related pods[*].metadata.name"}},
      {"target.name + '/' + target.namespace == ''", {"target name", "target namespace"}},
      {"object.spec.?a.b.orValue(object.spec.c) == 1", {"object spec.a.b", "object spec.c"}},
      {"object.spec.?a.orValue(object.spec.c).d == 1", {"object spec.a.d", "object spec.c.d"}},
      {"(object.b ? object.x : object.y).z == 1", {"object b", "object x.z", "object y.z"}},
      {"object.?spec.a.hasValue()", {"object spec.a?"}},
      {"object.?spec.optMap(s, s.a).orValue(0) == 1", {"object spec.a"}},
      {"cel.bind(s, object.spec, s.a == s.b)", {"object spec.a", "object spec.b"}},
      {"cel.bind(s, object.spec, true)", {"object spec?"}},
      {"dyn(object.spec).a == 1", {"object spec.a"}},
      {"optional.of(object.spec).a.hasValue()", {"object spec.a?"}},
      {"'a' in object.metadata.labels", {"object metadata.labels"}},
      {"object.metadata.labels.exists(k, k == 'a')", {"object metadata.labels[*]"}},
      {"object.spec == object.status", {"object spec", "object status"}},
      {"string(object.spec.a) == ''", {"object spec.a"}},
      {"{'k': object.spec}.k.a == 1", {"object spec.a"}},
      {"object.spec.a == 1 && object.spec == null", {"object spec.a"}},
      {"object.spec.a == 1 && object == object", {"object "}},
      {"(object.l + [object.m])[0].x == 1", {"object l", "object m"}},
      // Libraries look at all of their arguments.
      {"quantity(object.spec.cpu).isLessThan(quantity('1'))", {"object spec.cpu"}},
      {"cidr(object.spec.podCIDR).containsIP(object.status.ip)",
       {"object spec.podCIDR", "object status.ip"}},
      {"sets.contains(object.spec.zones, [object.zone])", {"object spec.zones", "object zone"}},
      {"url(object.spec.url).getQuery().a[0] == 'b'", {"object spec.url"}},
      {"format.dns1123Label().validate(object.metadata.name).hasValue()", {"object metadata.name"}},
      // Of two variables the first reads nothing but that there is something.
      {"object.spec.containers.exists(i, c, i > 0 && c.name == 'a')",
       {"object spec.containers[*].name"}},
      {"object.spec.containers.all(i, c, i < 3)", {"object spec.containers[*]?"}},
      {"object.metadata.labels.exists(k, v, k == 'a' && v == 'b')", {"object metadata.labels[*]"}},
      {"object.metadata.labels.exists(k, v, k == 'a')", {"object metadata.labels[*]?"}},
      {"object.spec.containers.transformList(i, c, c.image).join() == ''",
       {"object spec.containers[*].image"}},
      {"object.spec.containers.transformList(i, c, c.name == 'a', c)[0].image == ''",
       {"object spec.containers[*].image", "object spec.containers[*].name"}},
      {"object.spec.containers.transformMap(i, c, c)[0].image == ''",
       {"object spec.containers[*].image"}},
      {"object.status.conditions.transformMapEntry(i, c, {c.type: c}).Ready.status == 'True'",
       {"object status.conditions[*].status", "object status.conditions[*].type"}},
      {"object.l.transformMapEntry(i, m, m).a.b == 1", {"object l[*][*].b"}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_THAT(ReadsOf(c.expression), ElementsAreArray(c.reads));
  }
}

// The rule on which projections rest: what an expression says of an object that was cut down to
// the expression's own reads is what it says of the whole object.
TEST(Reads, ProjectedByItsOwnReadsAnExpressionSaysTheSame) {
  testing::RandomCel random(20260102);
  document::Decoder decoder;
  int values = 0;
  for (int i = 0; i < 6'000; ++i) {
    json object = random.Object();
    object["metadata"] = {{"name", "a"}};
    const std::string expression = random.Expression();
    const auto program = Program::Compile(expression, testing::OracleScope());
    if (!program.ok()) continue;
    SCOPED_TRACE(expression + "\n" + object.dump());
    std::vector<document::Path> paths;
    std::string reads;
    for (const Read& read : program->reads()) {
      paths.push_back(read.path);
      reads += read.path.ToString() + "\n";
    }
    const auto evaluate = [&](const document::Projection::Ptr& projection) {
      const auto document = decoder.DecodeObject(object.dump(), projection);
      KR_EXPECT_OK(document.status());
      testing::Variables variables;
      variables.Set("object", Value::Node((*document)->root()));
      const Outcome outcome = program->Evaluate(variables, absl::UnixEpoch());
      if (!outcome.value.ok()) return json{{"error", true}};
      return testing::Canonical(*outcome.value);
    };
    const json whole = evaluate(document::Projection::Everything());
    const json projected = evaluate(document::Projection::Of(paths));
    ASSERT_TRUE(testing::SameCanonical(whole, projected))
        << "whole:     " << whole << "\nprojected: " << projected << "\nreads:\n"
        << reads;
    values += !whole.is_object() || !whole.contains("error");
  }
  EXPECT_GT(values, 3'000);
}

}  // namespace
}  // namespace kr::cel
