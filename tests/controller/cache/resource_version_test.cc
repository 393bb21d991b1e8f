#include "controller/cache/resource_version.h"

#include <gtest/gtest.h>

namespace kr::cache {
namespace {

TEST(ResourceVersion, OrdersDecimalsByLengthThenText) {
  const struct {
    const char* a;
    const char* b;
    std::optional<std::strong_ordering> want;
  } cases[] = {
      {"1", "1", std::strong_ordering::equal},
      {"9", "10", std::strong_ordering::less},
      {"100", "99", std::strong_ordering::greater},
      {"0", "1", std::strong_ordering::less},
      // Beyond 64 bits.
      {"340282366920938463463374607431768211455", "340282366920938463463374607431768211454",
       std::strong_ordering::greater},
      {"", "1", std::nullopt},
      {"1", "", std::nullopt},
      {"01", "1", std::nullopt},
      {"abc", "1", std::nullopt},
      {"1", "1x", std::nullopt},
      {"-1", "1", std::nullopt},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(CompareResourceVersions(c.a, c.b), c.want) << c.a << " and " << c.b;
  }
}

}  // namespace
}  // namespace kr::cache
