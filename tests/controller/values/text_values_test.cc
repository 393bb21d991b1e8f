// What each text means is compared with Kubernetes by tests/oracle. Here: whatever the text, no
// parser crashes, and what one prints it reads back.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "controller/values/ip_address.h"
#include "controller/values/name_format.h"
#include "controller/values/quantity.h"
#include "controller/values/semver.h"
#include "controller/values/url.h"
#include "controller/values/utf8.h"
#include "tests/support/status_matchers.h"

namespace kr::values {
namespace {

// Pieces of all the forms, strung together.
std::string Soup(std::mt19937_64& random) {
  static constexpr std::string_view kPieces[] = {
      "0",   "1",    "9",    "10",    "255",
      "256", "ffff", "Fe80", ":",     "::",
      ".",   "..",   "/",    "//",    "%",
      "%25", "%zz",  "%41",  "[",     "]",
      "@",   "?",    "#",    "&",     "=",
      "+",   "-",    "e",    "E",     "Ki",
      "m",   "n",    "v",    "http",  "a",
      "-rc", ";",    " ",    "\t",    "\xff",
      "_",   "é",    "host", "*",     "T",
      "Z",   "\\",   "\"",   "e99",   "1e",
      "/24", "/128", "%ff",  "::1.2", "18446744073709551616"};
  std::string soup;
  for (size_t i = 1 + random() % 10; i > 0; --i) soup += kPieces[random() % std::size(kPieces)];
  return soup;
}

TEST(TextValues, SurviveAnyTextAndReadBackWhatTheyPrint) {
  std::mt19937_64 random(21);
  int urls = 0;
  int quantities = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string text = Soup(random);
    SCOPED_TRACE(text);
    if (const auto quantity = Quantity::Parse(text); quantity.ok()) {
      ++quantities;
      const auto again = Quantity::Parse(quantity->ToString());
      KR_ASSERT_OK(again);
      EXPECT_EQ(again->Compare(*quantity), 0) << quantity->ToString();
    }
    if (const auto version = Semver::Parse(text); version.ok()) {
      EXPECT_EQ(version->ToString(), text);
    }
    if (const auto version = Semver::ParseTolerant(text); version.ok()) {
      KR_EXPECT_OK(Semver::Parse(version->ToString()));
    }
    if (const auto ip = IpAddress::Parse(text); ip.ok()) {
      EXPECT_EQ(*IpAddress::Parse(ip->ToString()), *ip);
    }
    if (const auto cidr = Cidr::Parse(text); cidr.ok()) {
      EXPECT_EQ(*Cidr::Parse(cidr->ToString()), *cidr);
      EXPECT_TRUE(cidr->Contains(cidr->address()));
      EXPECT_TRUE(cidr->Masked().Contains(*cidr));
    }
    if (const auto url = Url::Parse(text); url.ok()) {
      ++urls;
      EXPECT_TRUE(IsUtf8(url->host()) || !IsUtf8(text));
      for (const auto& [name, values] : url->Query()) EXPECT_TRUE(IsUtf8(name));
      url->ToString();
      url->Hostname();
      url->Port();
      url->EscapedPath();
    }
    for (const NameFormat& format : NameFormats()) format.problems(text);
  }
  EXPECT_GT(urls, 5'000);
  EXPECT_GT(quantities, 1'000);
}

TEST(TextValues, AddressesOfEveryShapeReadBack) {
  std::mt19937_64 random(22);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int group = 0; group < 8; ++group) {
      char digits[8];
      // Many zeros, so that there are runs of them.
      std::snprintf(digits, sizeof(digits), "%x",
                    random() % 3 == 0 ? unsigned(random() % 65'536) : 0U);
      text += (group == 0 ? "" : ":") + std::string(digits);
    }
    SCOPED_TRACE(text);
    const auto ip = IpAddress::ParseAny(text);
    KR_ASSERT_OK(ip);
    EXPECT_EQ(*IpAddress::ParseAny(ip->ToString()), *ip) << ip->ToString();
    EXPECT_LE(ip->ToString().size(), text.size());
    const int length = static_cast<int>(random() % 129);
    EXPECT_TRUE(ip->Masked(length).SharesPrefix(*ip, length));
    EXPECT_EQ(ip->Masked(128), *ip);
    EXPECT_TRUE(ip->Masked(0).IsUnspecified());
  }
}

TEST(Utf8, WhatIsNoneIsReplacedByteForByte) {
  EXPECT_EQ(ValidUtf8("h\u00e9"), "h\u00e9");
  EXPECT_EQ(ValidUtf8("a\xff\xfe"), "a\uFFFD\uFFFD");
  EXPECT_EQ(ValidUtf8("\xe2\x82"), "\uFFFD\uFFFD");
}

}  // namespace
}  // namespace kr::values
