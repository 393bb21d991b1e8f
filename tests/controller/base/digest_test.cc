#include "controller/base/digest.h"

#include <gtest/gtest.h>

namespace kr {
namespace {

TEST(Digest, Sha256OfNothing) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, test cases 1, 2 and 6 (a key that is longer than a block).
TEST(Digest, HmacAsInRfc4231) {
  EXPECT_EQ(HmacSha256Hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256Hex(std::string(131, '\xaa'),
                          "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// The example in docs/webhooks.md.
TEST(Digest, HmacAsReceiversAreTold) {
  EXPECT_EQ(HmacSha256Hex("key", "1767323045.{}"),
            "1d533de0941004dfdb6d222b1e197476ea94db2c6b6bca39a2ed148ff4b23910");
}

}  // namespace
}  // namespace kr
