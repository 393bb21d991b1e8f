#include "cmd/common/yaml_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "tests/support/status_matchers.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

TEST(YamlText, LooksAsKubectlPrints) {
  const json value = json::parse(
      R"({"kind": "Pod", "spec": {"list": [{"a": 1, "b": [true]}, "x"], "none": [], "on": "yes",
          "text": "two\nlines", "version": "1.10"}})");
  EXPECT_EQ(ToYaml(value),
            "kind: Pod\n"
            "spec:\n"
            "  list:\n"
            "  - a: 1\n"
            "    b:\n"
            "    - true\n"
            "  - x\n"
            "  none: []\n"
            "  \"on\": \"yes\"\n"
            "  text: \"two\\nlines\"\n"
            "  version: \"1.10\"\n");
}

TEST(YamlText, ReadsBackAsTheSame) {
  for (const json& value :
       {json("on"), json("0x1f"), json("1e3"), json("- a"), json("a: b"), json(" a"), json("a #b"),
        json("2026-01-02"), json("~"), json("null"), json(nullptr), json(1.5), json(-7),
        json::array({json::array({json::array({1})}), json::object()}),
        json({{"", ""}, {"a b", {{"c", {1, {{"d", "e"}}}}}}}), json("\t\x01 ä")}) {
    KR_ASSERT_OK_AND_ASSIGN(const std::vector<json> back, ParseManifest(ToYaml({{"v", value}})));
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0], json({{"v", value}})) << ToYaml({{"v", value}});
  }
}

}  // namespace
}  // namespace kr::cmd
