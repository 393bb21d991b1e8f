#include "cmd/common/yaml_json.h"

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

// What kubectl makes of the same text.
TEST(YamlJsonTest, PlainScalarsMeanWhatTheyMeanToKubectl) {
  struct Case {
    const char* yaml;
    const char* json;
  };
  const std::vector<Case> cases{
      {"v: text", R"("text")"},
      {"v: '1'", R"("1")"},
      {"v: \"true\"", R"("true")"},
      {"v: !!str 5", R"("5")"},
      {"v:", "null"},
      {"v: ~", "null"},
      {"v: null", "null"},
      {"v: 'null'", R"("null")"},
      {"v: true", "true"},
      {"v: False", "false"},
      {"v: yes", "true"},
      {"v: off", "false"},
      {"v: y", "true"},
      {"v: N", "false"},
      {"v: yEs", R"("yEs")"},
      {"v: tRue", R"("tRue")"},
      {"v: 0", "0"},
      {"v: -17", "-17"},
      {"v: +5", "5"},
      {"v: 0644", "420"},
      {"v: 0o644", "420"},
      {"v: 0x1F", "31"},
      {"v: 0b101", "5"},
      {"v: 089", "89"},
      {"v: 9223372036854775807", "9223372036854775807"},
      {"v: -9223372036854775808", "-9223372036854775808"},
      {"v: 18446744073709551615", "1.8446744073709552e+19"},
      {"v: 36893488147419103232", "36893488147419103232.0"},
      {"v: 1.50", "1.5"},
      {"v: -.5", "-0.5"},
      {"v: 1e3", "1000"},
      {"v: 2.", "2"},
      {"v: 1_000", "1000"},
      {"v: a_b", R"("a_b")"},
      {"v: 1e999", R"("1e999")"},
      {"v: 1.2.3", R"("1.2.3")"},
      {"v: 10.0.0.0/8", R"("10.0.0.0/8")"},
      {"v: 5m", R"("5m")"},
      {"v:\n- ", R"([null])"},
      {"v: -x", R"("-x")"},
      {"v: +", R"("+")"},
      {"v: 0x", R"("0x")"},
      {"v: e3", R"("e3")"},
      {"v: 2026-01-02", R"("2026-01-02")"},
      {"v: 2026-01-02T03:04:05Z", R"("2026-01-02T03:04:05Z")"},
      {"v: [1, a, [b]]", R"([1, "a", ["b"]])"},
      {"v: {a: 1, 2: b, yes: c}", R"({"a": 1, "2": "b", "true": "c"})"},
      {"v: {y: 1, n: 2}", R"({"true": 1, "false": 2})"},
      {"v: |\n  two\n  lines\n", R"("two\nlines\n")"},
      {"x: &a {k: 1}\nv: *a", R"({"k": 1})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> documents, ParseManifest(c.yaml));
    ASSERT_EQ(documents.size(), 1u);
    EXPECT_EQ(documents[0]["v"].dump(), json::parse(c.json).dump());
  }
}

TEST(YamlJsonTest, JsonIsReadAsJson) {
  KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> documents,
                          ParseManifest(R"({"a": "\ud83d\ude00", "b": 1.0, "c": "yes"})"));
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0]["a"], "\xF0\x9F\x98\x80");
  EXPECT_TRUE(documents[0]["b"].is_number_float());
  EXPECT_EQ(documents[0]["c"], "yes");
}

TEST(YamlJsonTest, EmptyDocumentsAreLeftOut) {
  for (const char* text : {"", "# nothing\n", "---\n---\n", "null"}) {
    SCOPED_TRACE(text);
    KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> documents, ParseManifest(text));
    EXPECT_TRUE(documents.empty());
  }
  KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> two,
                          ParseManifest("---\na: 1\n---\n---\nb: 2\n"));
  EXPECT_EQ(two, (std::vector<json>{{{"a", 1}}, {{"b", 2}}}));
}

TEST(YamlJsonTest, WhatJsonCannotSayIsRefusedWithItsPosition) {
  struct Case {
    const char* yaml;
    const char* error;
  };
  const std::vector<Case> cases{
      {"a: 1\nb: .nan", "2:4: .nan is no JSON number"},
      {"a: -.inf", "1:4: -.inf is no JSON number"},
      {"a: 1\nyes: 1\non: 2", "3:1: the key true is there twice"},
      {"a: 1\na: 2", "2:1: the key a is there twice"},
      {"[a]: 1", "1:1: a key must be a string"},
      {"x: &x {a: 1}\ny:\n  <<: *x", "3:3: merge keys (<<) are not supported"},
      {"a: !!binary aGk=", "1:4: !!binary is not supported"},
      {"a: 'open", "1:9: illegal EOF in scalar"},
      {"a: b: c", "1:5: illegal map value"},
      {"a: \xbfx", "1:4: the text is not UTF-8"},
      {", a", "1:1: no document can begin like this"},
      {"---\na: 1\n---\n, b", "4:1: no document can begin like this"},
      {"a: *gone", "1:4: the referenced anchor is not defined"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.yaml);
    EXPECT_THAT(ParseManifest(c.yaml),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.error)));
  }
}

TEST(YamlJsonTest, AliasesCannotGrowWithoutBound) {
  std::string text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*l" + std::to_string(i - 1);
    text += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += below + (j < 9 ? ", " : "]\n");
  }
  EXPECT_THAT(ParseManifest(text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too large")));
}

TEST(YamlJsonTest, DeepNestingIsRefused) {
  std::string text = "v: ";
  for (int i = 0; i < 300; ++i) text += "[";
  text += "x";
  for (int i = 0; i < 300; ++i) text += "]";
  EXPECT_THAT(ParseManifest(text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested too deeply")));
}

}  // namespace
}  // namespace kr::cmd
