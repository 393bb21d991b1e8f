#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "controller/document/decoder.h"
#include "tests/controller/cel/support/canonical.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

using nlohmann::json;
using ::testing::_;
using ::testing::MatchesRegex;
using testing::StatusIs;
using testing::Variables;

Program Compiled(std::string_view expression) {
  auto program = Program::Compile(
      expression, {{"object", Type::Dyn()}, {"other", Type::Dyn()}, {"now", Type::Timestamp()}});
  KR_EXPECT_OK(program.status());
  return *std::move(program);
}

// `object` with only the given paths kept.
class Projected : public ::testing::Test {
 protected:
  Outcome Evaluate(std::string_view expression, const std::vector<std::string>& paths) {
    std::vector<document::Path> parsed;
    for (const std::string& path : paths) parsed.push_back(*document::Path::Parse(path));
    const auto document = decoder_.DecodeObject(R"({
        "metadata": {"name": "a", "uid": "u", "labels": {"app": "web", "tier": "front"}},
        "spec": {"replicas": 3, "paused": null, "containers": [{"name": "c", "image": "i"}]}})",
                                                document::Projection::Of(parsed));
    KR_EXPECT_OK(document.status());
    document_ = *document;
    Variables variables;
    variables.Set("object", Value::Node(document_->root()));
    return Compiled(expression).Evaluate(variables, absl::UnixEpoch());
  }

  document::Decoder decoder_;
  document::DocumentPtr document_;
};

TEST_F(Projected, ReadOutsideOfTheProjectionIsNoVerdict) {
  struct Case {
    std::string_view name, expression;
    std::vector<std::string> paths;
  };
  const Case kCases[] = {
      {"field", "object.spec.replicas == 3", {"metadata.labels"}},
      {"presence of a field that is not kept", "has(object.spec.paused)", {"metadata.labels"}},
      {"optional field", "object.?spec.replicas.hasValue()", {"metadata.labels"}},
      {"index", "object.metadata.labels['app'] == 'web'", {"metadata.labels.tier"}},
      {"key", "'app' in object.metadata.labels", {"metadata.labels.tier"}},
      {"value of what was kept as presence", "object.spec.replicas == 3", {"spec.replicas?"}},
      {"below what was kept as presence", "object.spec.replicas == 3", {"spec?"}},
      {"part of a map as a whole",
       "object.metadata.labels == {'app': 'web'}",
       {"metadata.labels.app"}},
      {"part of a map counted", "object.metadata.labels.size() == 1", {"metadata.labels.app"}},
      {"part of a map iterated",
       "object.metadata.labels.exists(k, k == 'x')",
       {"metadata.labels.app"}},
      {"part of a map as the result", "object.metadata.labels", {"metadata.labels.app"}},
      {"hidden in a list that is the result", "[object.spec.replicas]", {"spec.replicas?"}},
      {"hidden in an optional that is the result", "object.?spec", {"spec.replicas"}},
      {"element", "object.spec.containers[0].image == 'i'", {"spec.containers[*].name"}},
      {"element as a whole",
       "object.spec.containers.exists(c, c == {'name': 'c'})",
       {"spec.containers[*].name"}},
      {"part of a map iterated with its values",
       "object.metadata.labels.exists(k, v, v == 'x')",
       {"metadata.labels.app"}},
      {"value of an iterated map whose keys alone were kept",
       "object.metadata.labels.exists(k, v, v == 'x')",
       {"metadata.labels[*]?"}},
      {"values in a new map",
       "object.metadata.labels.transformMap(k, v, v)",
       {"metadata.labels[*]?"}},
      {"entries that are added",
       "[object.metadata.labels].transformMapEntry(i, m, m).size() > 5",
       {"metadata.labels.app"}},
      {"text of a library", "quantity(object.spec.replicas).isInteger()", {"spec.replicas?"}},
      {"argument", "size(object.spec.containers[0].image) > 0", {"spec.containers[*].image?"}},
      {"operand", "object.spec.replicas + 1 > 0", {"spec.replicas?"}},
      {"condition", "object.spec.replicas ? true : false", {"spec.replicas?"}},
      {"formatted", "'%s'.format([object.metadata.labels]) == ''", {"metadata.labels.app"}},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Evaluate(c.expression, c.paths).value,
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         MatchesRegex("1:[0-9]+: .* was not kept .*")));
  }
}

TEST_F(Projected, WhatWasKeptIsEnough) {
  struct Case {
    std::string_view name, expression;
    std::vector<std::string> paths;
  };
  const Case kCases[] = {
      {"identity", "object != null && object.metadata.name == 'a'", {}},
      {"presence",
       "has(object.spec.replicas) && !has(object.spec.missing)",
       {"spec.replicas?", "spec.missing?"}},
      {"presence of null",
       "has(object.spec.paused) && object.spec.paused == null",
       {"spec.paused?"}},
      {"comparison with null", "object.spec.replicas != null", {"spec.replicas?"}},
      {"presence of an optional", "object.?spec.replicas.hasValue()", {"spec.replicas?"}},
      {"number of elements",
       "object.spec.containers.filter(c, true).size() == 1",
       {"spec.containers[*]?"}},
      {"keys", "object.metadata.labels.all(k, k.size() > 1)", {"metadata.labels[*]?"}},
      {"keys beside their values",
       "object.metadata.labels.all(k, v, k.size() > 1)",
       {"metadata.labels[*]?"}},
      {"indexes", "object.spec.containers.transformList(i, c, i) == [0]", {"spec.containers[*]?"}},
      {"an error that is absorbed", "object.spec.replicas == 3 || object.metadata.name == 'a'", {}},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Outcome outcome = Evaluate(c.expression, c.paths);
    KR_ASSERT_OK(outcome.value);
    EXPECT_TRUE(*outcome.value->AsBool());
  }
}

class Counting final : public Activation {
 public:
  StatusOr<Value> Resolve(std::string_view variable) const override {
    ++counts[std::string(variable)];
    if (variable == "other") return Unavailable("other is not synced");
    return Value::Int(1);
  }
  mutable std::map<std::string, int> counts;
};

TEST(Evaluation, VariablesAreResolvedLazilyAndOnce) {
  const Counting counting;
  const Outcome outcome =
      Compiled("object + object + object == 3 || other == 1").Evaluate(counting, absl::Now());
  KR_ASSERT_OK(outcome.value);
  EXPECT_EQ(counting.counts, (std::map<std::string, int>{{"object", 1}}));
}

TEST(Evaluation, ErrorOfAVariableIsTheErrorOfTheEvaluation) {
  const Counting counting;
  EXPECT_THAT(Compiled("other == 1 && other == 2").Evaluate(counting, absl::Now()).value,
              StatusIs(absl::StatusCode::kUnavailable, "other is not synced"));
  EXPECT_EQ(counting.counts["other"], 1);
}

TEST(Evaluation, ErrorInAFieldConcernsOnlyWhoReadsIt) {
  Variables variables;
  variables.Set("object",
                Value::Record({{"good", Value::Int(1)},
                               {"bad", Value::Error(Unavailable("the pods are not synced"))}}));
  for (const char* expression : {"object.bad", "object['bad']", "object.?bad.orValue(1)",
                                 "object[?'bad']", "has(object.bad)", "object", "[object]",
                                 "object == object", "object.bad == null", "object.bad.x"}) {
    SCOPED_TRACE(expression);
    EXPECT_FALSE(Compiled(expression).Evaluate(variables, absl::Now()).value.ok());
  }
  EXPECT_THAT(Compiled("object.?bad").Evaluate(variables, absl::Now()).value,
              StatusIs(absl::StatusCode::kUnavailable, "the pods are not synced"));
  KR_EXPECT_OK(Compiled("object.good == 1").Evaluate(variables, absl::Now()).value);
  KR_EXPECT_OK(Compiled("object.bad == 1 || true").Evaluate(variables, absl::Now()).value);
}

TEST(Evaluation, CostLimitEndsEverything) {
  const Variables none;
  for (const char* expression : {
           "lists.range(1000000000).size() > 0 || true",
           "lists.range(2000).exists(a, lists.range(2000).exists(b, a + b < 0)) || true",
           "cel.bind(a, 'xxxxxxxxxxxxxxxxxxxx', cel.bind(b, a+a+a+a+a+a+a+a+a+a, cel.bind(c, "
           "b+b+b+b+b+b+b+b+b+b, cel.bind(d, c+c+c+c+c+c+c+c+c+c, d+d+d+d+d+d+d+d+d+d+d+d+d)))"
           ".replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy')).size() > 0",
           "lists.range(10000).distinct().size() > 0",
           "lists.range(400).map(a, lists.range(400)).flatten().sort().isSorted() && "
           "lists.range(10000).map(x, 'a').join('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb').matches('(a|b|c)+z')",
       }) {
    SCOPED_TRACE(expression);
    EXPECT_THAT(Compiled(expression).Evaluate(none, absl::Now()).value,
                StatusIs(absl::StatusCode::kResourceExhausted, _));
  }
  const Outcome cheap = Compiled("lists.range(100).exists(a, a == 99)").Evaluate(none, absl::Now());
  KR_ASSERT_OK(cheap.value);
  EXPECT_GT(cheap.cost, 100U);
  EXPECT_LT(cheap.cost, 2'000U);
}

TEST(Evaluation, SmallLimitIsKeptAndTheErrorSaysWhereItWasReached) {
  const Variables none;
  EXPECT_THAT(Compiled("1 + 1 == 2").Evaluate(none, absl::Now(), {.cost = 3}).value,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "1:5: the expression costs more than one evaluation may"));
}

TEST(Evaluation, TypeAndVariablesAreKnown) {
  const Program program = Compiled("[object.a].map(x, 'a')");
  EXPECT_EQ(program.type().ToString(), "list(string)");
  EXPECT_EQ(program.text(), "[object.a].map(x, 'a')");
  EXPECT_TRUE(program.ReadsVariable("object"));
  EXPECT_FALSE(program.ReadsVariable("other"));
  EXPECT_TRUE(Compiled("now > timestamp(0)").ReadsVariable("now"));
}

TEST(Evaluation, RunTimeErrorsNameWhatIsMissing) {
  Variables variables;
  document::Decoder decoder;
  const auto document = decoder.FromJson({{"spec", {{"replicas", 3}, {"tags", {1, 2}}}}});
  variables.Set("object", Value::Node(document->root()));
  const struct {
    std::string_view expression, message;
  } kCases[] = {
      {"object.spec.paused", "1:13: no such key: object.spec has no 'paused'"},
      {"object.spec.replicas.x",
       "1:22: no such key: object.spec.replicas is int and has no field 'x'"},
      {"object.spec.tags[7]", "1:17: index out of bounds: object.spec.tags has 2 elements"},
      {"object.spec.tags.x", "1:18: object.spec.tags is a list and has no field 'x'"},
      {"object.spec.replicas > 'a'", "1:22: no such overload: '>' of int and string"},
      {"object.spec.replicas.size()", "1:22: no such overload: size(int)"},
      {"object.spec.replicas.map(x, x)", "1:22: object.spec.replicas is int and has no elements"},
      {"timestamp(object.spec.replicas + 253402300800)",
       "1:1: the seconds are outside of the years 1 to 9999"},
      {"int(object.spec.tags[0] == 1 ? 'x' : 'y')", "1:1: 'x' is no int"},
      // The innermost place, in the line where it is; columns count code points.
      {"[1, 2].map(x,\n  x / (x - 2))", "2:5: division by zero"},
      {"'h\u00e9llo' == 'x' || object.spec.tags[2] == 1",
       "1:35: index out of bounds: object.spec.tags has 2 elements"},
      {"cel.bind(x, object.spec.missing, x == 1)",
       "1:25: no such key: object.spec has no 'missing'"},
      // Of several errors the first.
      {"object.a == 1 || object.b == 1", "1:8: no such key: object has no 'a'"},
      {"true && object.spec.replicas", "1:9: what && joins must be bool, not int"},
      {"object.spec.replicas ? 1 : 2", "1:1: the condition of ? must be bool, not int"},
      {"[3].exists(x, object.spec.tags)", "1:15: the condition of a macro must be bool, not list"},
      {"[1, 1].transformMapEntry(i, x, {x: i})",
       "1:8: transformMapEntry() makes the same key twice"},
      // Texts that are not what a library needs.
      {"quantity('1.5Gb').isInteger()",
       "1:1: '1.5Gb' is no quantity: it ends in none of n u m k M G T P E Ki Mi Gi Ti Pi Ei and in "
       "no exponent such as e3"},
      {"quantity('1.5').asInteger()", "1:17: the quantity 1500m is no int"},
      {"semver('1.2').major()", "1:1: '1.2' is no semantic version: it is not major.minor.patch"},
      {"semver('v1.2', true).isLessThan(semver('1.02.3'))",
       "1:33: '1.02.3' is no semantic version: the minor part is no number without leading zeros"},
      {"ip('10.0.0.256').family()", "1:1: '10.0.0.256' is no IP address"},
      {"ip('fe80::1%eth0').family()",
       "1:1: 'fe80::1%eth0' has a zone, which no address here may have"},
      {"ip('::ffff:1.2.3.4').family()", "1:1: '::ffff:1.2.3.4' is an IPv4 address in IPv6 form"},
      {"cidr('10.0.0.0/33').masked()", "1:1: '10.0.0.0/33' has no prefix length of 0 to 32"},
      {"cidr('10.0.0.0/8').containsIP('x')", "1:20: 'x' is no IP address"},
      {"url('no url').getHost()", "1:1: parse \"no url\": invalid URI for request"},
      {"quantity('1') == dyn('1')",
       "1:15: no such overload: '==' of kubernetes.Quantity and string"},
      {"{'a': 1}[dyn(ip('::1'))]", "1:9: a map is not indexed with net.IP"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_THAT(Compiled(c.expression).Evaluate(variables, absl::Now()).value,
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.message)));
  }
}

}  // namespace
}  // namespace kr::cel
