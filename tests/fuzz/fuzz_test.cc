// Every target with inputs that are made from good ones. KR_FUZZ_RUNS says how many (1,000), and
// KR_FUZZ_SEED where to begin, for a night's work on one of them.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/mutator.h"

namespace kr::fuzz {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Fuzz : public ::testing::TestWithParam<Target> {};

TEST_P(Fuzz, GoodAndBadInputsComeToAnEnd) {
  const Target& target = GetParam();
  ASSERT_FALSE(target.seeds.empty());
  for (const std::string& seed : target.seeds) EXPECT_TRUE(target.run(seed)) << seed;
  target.run("");
  Mutator mutator(FromEnvironment("KR_FUZZ_SEED", 1));
  for (uint64_t run = 0; run < FromEnvironment("KR_FUZZ_RUNS", 1000); ++run) {
    const std::string input = mutator.Next(target.seeds);
    EXPECT_NO_THROW(target.run(input));
    ASSERT_FALSE(HasFailure()) << "run " << run << ": " << ::testing::PrintToString(input);
  }
}

INSTANTIATE_TEST_SUITE_P(, Fuzz,
                         ::testing::Values(DecoderTarget(), CelTarget(), PolicyTarget(),
                                           RemediationTarget(), BudgetTarget(), BaselineTarget(),
                                           NodeCommandTarget(), NodeTaskTarget(), ManifestTarget(),
                                           KubeconfigTarget(), ValuesTarget(), ResponseTarget(),
                                           AlertsTarget(), WebhookTarget()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace kr::fuzz
