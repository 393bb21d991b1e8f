// docs/expressions.md shows what works: every line of its examples compiles, and those that need
// no object are true.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "controller/cel/program.h"
#include "tests/controller/cel/support/canonical.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

TEST(Documentation, EveryExampleIsTrue) {
  std::ifstream file(KR_SOURCE_DIR "/docs/expressions.md");
  bool inside = false;
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```cel";
      continue;
    }
    if (!inside) continue;
    SCOPED_TRACE(line);
    const auto program = Program::Compile(line, testing::OracleScope(), Type::Bool());
    KR_ASSERT_OK(program);
    ++count;
    if (program->ReadsVariable("object") || program->ReadsVariable("now")) continue;
    const Outcome outcome = program->Evaluate(testing::Variables(), absl::UnixEpoch());
    KR_ASSERT_OK(outcome.value);
    EXPECT_TRUE(*outcome.value->AsBool());
  }
  EXPECT_GT(count, 40);
}

}  // namespace
}  // namespace kr::cel
