#include "reconcilers/policy/params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using crds::Param;
using crds::ParamType;
using nlohmann::json;
using ::testing::_;
using testing::StatusIs;

std::vector<Param> Params() {
  return {{.name = "limit",
           .type = ParamType::kInteger,
           .default_value = crds::AnyJson(json(7)),
           .minimum = 1,
           .maximum = 100},
          {.name = "share", .type = ParamType::kNumber, .default_value = crds::AnyJson(json(1))},
          {.name = "zone",
           .type = ParamType::kString,
           .default_value = crds::AnyJson(json("a")),
           .max_length = 3,
           .allowed = {"a", "b", "long"}},
          {.name = "on", .type = ParamType::kBoolean},
          {.name = "patterns", .type = ParamType::kArray, .max_length = 2},
          {.name = "owners", .type = ParamType::kObject, .allowed = {"a", "c"}}};
}

TEST(Params, TextsAreReadByTheirType) {
  struct Case {
    const char* name;
    const char* text;
    const char* want;  // the value as JSON, or the message
  };
  const Case cases[] = {
      {"limit", "12", "12"},
      {"limit", "12.5", "data.limit: expected an integer, found 12.5"},
      {"limit", "", "data.limit: expected an integer, found \"\""},
      {"limit", "0", "data.limit: is 0, expected at least 1"},
      {"limit", "101", "data.limit: is 101, expected at most 100"},
      {"limit", "18446744073709551615",
       "data.limit: expected an integer, found 18446744073709551615"},
      {"share", "0.25", "0.25"},
      {"share", "3", "3"},
      {"share", "NaN", "data.share: expected a number, found \"NaN\""},
      {"zone", "b", "\"b\""},
      {"zone", "c", "data.zone: is \"c\", expected one of a, b, long"},
      {"zone", "long", "data.zone: has 4 characters, expected at most 3"},
      {"on", "true", "true"},
      {"on", "yes", "data.on: expected true or false, found \"yes\""},
      {"on", "1", "data.on: expected true or false, found 1"},
      {"patterns", "[\"a\", 1]", "[\"a\",1]"},
      {"patterns", "a,b", "data.patterns: expected a list (JSON), found \"a,b\""},
      {"patterns", "[1,2,3]", "data.patterns: has 3 elements, expected at most 2"},
      {"owners", "{\"a\": {}}", "{\"a\":{}}"},
      {"owners", "{\"a\": {}, \"b\": {}}", "data.owners: has the key \"b\", expected one of a, c"},
      {"owners", "null", "data.owners: expected an object (JSON), found \"null\""},
  };
  for (const Case& tc : cases) {
    SCOPED_TRACE(std::string(tc.name) + " = " + tc.text);
    std::map<std::string, std::string> texts = {
        {"on", "true"}, {"patterns", "[]"}, {"owners", "{}"}};
    texts[tc.name] = tc.text;
    texts["undeclared"] = "x";
    const auto params = WithTexts(Params(), texts);
    if (!params.ok()) {
      EXPECT_THAT(params, StatusIs(absl::StatusCode::kInvalidArgument, tc.want));
      continue;
    }
    for (const Param& param : *params) {
      if (param.name == tc.name) {
        EXPECT_EQ(param.default_value.text(), tc.want);
      }
    }
  }
  EXPECT_THAT(WithTexts(Params(), {{"on", "true"}, {"owners", "{}"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "data.patterns: is required, the parameter has no default"));
}

TEST(Params, ValuesForOneRunAreCheckedTheSameWay) {
  KR_ASSERT_OK_AND_ASSIGN(
      const auto params,
      WithValues(Params(),
                 {{"limit", 3}, {"on", true}, {"patterns", {"a"}}, {"owners", json::object()}}));
  EXPECT_EQ(params[0].default_value.text(), "3");
  EXPECT_EQ(params[3].default_value.text(), "true");
  EXPECT_EQ(params[2].default_value.text(), "\"a\"") << "the others keep theirs";
  EXPECT_THAT(WithValues(Params(), {{"limit", "3"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "params.limit: expected an integer, found \"3\""));
  EXPECT_THAT(WithValues(Params(), {{"limits", 3}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "params.limits: is not declared in spec.params, did you mean \"limit\"?"));
  EXPECT_THAT(WithValues(Params(), {{"on", true}, {"owners", json::object()}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "params.patterns: is required, the parameter has no default"));
}

TEST(Params, ExpressionsSeeTheDeclaredType) {
  const cel::Value values = ParamsValue(Params());
  EXPECT_EQ(values.Field("share")->kind(), cel::Value::Kind::kDouble) << "though it is written 1";
  EXPECT_EQ(values.Field("limit")->kind(), cel::Value::Kind::kInt);
  ASSERT_TRUE(values.Field("on")->is_error()) << "without a value it is nobody's false";
  EXPECT_EQ(Message(values.Field("on")->error()),
            "params.on: has no default, and the run does not give it");
  EXPECT_EQ(ParamsType(Params()).fields.at("patterns").ToString(), "list(dyn)");
}

}  // namespace
}  // namespace kr::policy
