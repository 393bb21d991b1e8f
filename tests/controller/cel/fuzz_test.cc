#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "tests/controller/cel/support/canonical.h"
#include "tests/controller/cel/support/random_cel.h"

namespace kr::cel {
namespace {

TEST(Fuzz, TokenSoupNeverCrashesAndErrorsHaveAPlace) {
  testing::RandomCel random(7);
  for (int i = 0; i < 10'000; ++i) {
    const std::string soup = random.TokenSoup();
    const auto program = Program::Compile(soup, testing::OracleScope());
    if (program.ok()) continue;
    const std::string message(Message(program.status()));
    const size_t colon = message.find(':');
    ASSERT_NE(colon, std::string::npos) << soup;
    EXPECT_EQ(message.find_first_not_of("0123456789"), colon) << soup << "\n" << message;
  }
}

TEST(Fuzz, BrokenExpressionsNeverCrash) {
  testing::RandomCel random(8);
  std::mt19937_64 damage(9);
  const nlohmann::json object = random.Object();
  for (int i = 0; i < 2'000; ++i) {
    std::string text = random.Expression();
    const size_t at = damage() % text.size();
    switch (damage() % 3) {
      case 0:
        text.erase(at, 1 + damage() % 4);
        break;
      case 1:
        text.insert(at, text.substr(damage() % text.size(), damage() % 12));
        break;
      default:
        text[at] = static_cast<char>(damage() % 256);
    }
    testing::Answer(text, object);
  }
}

}  // namespace
}  // namespace kr::cel
