#include "controller/document/packed_hex.h"

#include <gtest/gtest.h>

namespace kr::document {
namespace {

const std::string kDigits = "30c3e03edbe03e449c4bb7e80a3f0119ea742b9ef62e88ad0d7ff622b20e2ef6";

TEST(PackedHexTest, HalvesLongNumbersAtTheEnd) {
  const struct {
    std::string text;
    size_t digits;
  } cases[] = {
      {kDigits, 64},
      {"containerd://" + kDigits, 64},
      {"image@sha256:" + kDigits, 64},
      {"x0" + kDigits.substr(0, 32), 32},
      {"x" + kDigits.substr(0, 33), 32},  // an odd digit stays in the prefix
      {std::string(255, 'x') + kDigits, 64},
      {std::string(600, 'a'), 510},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    ASSERT_EQ(PackableHexDigits(c.text), c.digits);
    std::string packed;
    AppendPackedHex(c.text, c.digits, packed);
    EXPECT_EQ(packed.size(), 2 + c.text.size() - c.digits / 2);
    std::string out = "old";
    WritePackedHex(packed.data(), out);
    EXPECT_EQ(out, c.text);
  }
}

TEST(PackedHexTest, LeavesAlone) {
  for (const std::string& text :
       {std::string(), std::string("abc"), kDigits.substr(0, 31), kDigits + "z",
        std::string(256, 'x') + kDigits, std::string("A") + kDigits.substr(0, 30) + "F",
        std::string("8a6f0c1e-4d5b-4a57-9a3e-2f0b3f1f7a10")}) {
    EXPECT_EQ(PackableHexDigits(text), 0U) << text;
  }
}

}  // namespace
}  // namespace kr::document
