// What Kubernetes' own CEL says (tests/oracle), without needing Go.
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/cel/support/canonical.h"

namespace kr::cel {
namespace {

using nlohmann::json;

TEST(Golden, EveryTabledExpressionAnswersAsKubernetesDoes) {
  const std::string folder = KR_SOURCE_DIR "/tests/oracle/";
  std::ifstream objects_file(folder + "objects.json");
  const json objects = json::parse(objects_file);
  std::ifstream golden(folder + "golden.jsonl");
  int count = 0;
  for (std::string line; std::getline(golden, line); ++count) {
    const json expected = json::parse(line);
    const std::string expression = expected["expression"];
    SCOPED_TRACE(expression);
    const std::string object = expected["object"];
    const json found = testing::Answer(expression, objects[object]);
    if (expected.contains("error")) {
      EXPECT_TRUE(found.contains("error")) << found;
    } else {
      ASSERT_TRUE(found.contains("value")) << found;
      EXPECT_TRUE(testing::SameCanonical(found["value"], expected["value"]))
          << "expected " << expected["value"] << "\nfound    " << found["value"];
    }
  }
  EXPECT_GT(count, 500);
}

}  // namespace
}  // namespace kr::cel
