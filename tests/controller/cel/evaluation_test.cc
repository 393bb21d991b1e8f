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
using ::testing::HasSubstr;
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
      {"argument", "size(object.spec.containers[0].image) > 0", {"spec.containers[*].image?"}},
      {"operand", "object.spec.replicas + 1 > 0", {"spec.replicas?"}},
      {"condition", "object.spec.replicas ? true : false", {"spec.replicas?"}},
      {"formatted", "'%s'.format([object.metadata.labels]) == ''", {"metadata.labels.app"}},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Evaluate(c.expression, c.paths).value,
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was not kept")));
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

TEST(Evaluation, SmallLimitIsKept) {
  const Variables none;
  EXPECT_THAT(Compiled("1 + 1 == 2").Evaluate(none, absl::Now(), {.cost = 3}).value,
              StatusIs(absl::StatusCode::kResourceExhausted, _));
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
      {"object.spec.paused", "no such key: object.spec has no 'paused'"},
      {"object.spec.replicas.x", "no such key: object.spec.replicas is int and has no field 'x'"},
      {"object.spec.tags[7]", "index out of bounds: object.spec.tags has 2 elements"},
      {"object.spec.tags.x", "object.spec.tags is a list and has no field 'x'"},
      {"object.spec.replicas > 'a'", "no such overload: '>' of int and string"},
      {"object.spec.replicas.size()", "no such overload: size(int)"},
      {"object.spec.replicas.map(x, x)", "object.spec.replicas is int and has no elements"},
      {"timestamp(object.spec.replicas + 253402300800)",
       "the seconds are outside of the years 1 to 9999"},
      {"int(object.spec.tags[0] == 1 ? 'x' : 'y')", "'x' is no int"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_THAT(Compiled(c.expression).Evaluate(variables, absl::Now()).value,
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.message)));
  }
}

}  // namespace
}  // namespace kr::cel
