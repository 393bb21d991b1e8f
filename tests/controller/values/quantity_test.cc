// What is a quantity and how it is printed is compared with apimachinery by tests/oracle; here are
// the limits that are our own, and the laws of arithmetic.
#include "controller/values/quantity.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace kr::values {
namespace {

Quantity Of(std::string_view text) {
  auto quantity = Quantity::Parse(text);
  KR_EXPECT_OK(quantity.status());
  return *quantity;
}

TEST(Quantity, WhatHasNoBoundIsRefused) {
  for (const std::string& text : {std::string(1'025, '1'), std::string("1e10001"),
                                  std::string("1e-10001"), std::string("1e99999999999999999999")}) {
    EXPECT_FALSE(Quantity::Parse(text).ok()) << text.substr(0, 30);
  }
  EXPECT_TRUE(Quantity::Parse(std::string(1'024, '9')).ok());
  EXPECT_FALSE(Of("1e10000").Plus(Of("1e-9000")).ok());
}

TEST(Quantity, FarApartOnesStillHaveAnOrder) {
  EXPECT_GT(Of("1e10000").Compare(Of("1e-10000")), 0);
  EXPECT_LT(Of("-1e10000").Compare(Of("1e-10000")), 0);
  EXPECT_EQ(Of("1e10000").Compare(Of("10e9999")), 0);
}

TEST(Quantity, SuffixesThatDoNotExistAreWrittenAsExponents) {
  EXPECT_EQ(Of("1000E").ToString(), "1e21");
}

TEST(Quantity, SumsAndDifferencesUndoEachOther) {
  std::mt19937_64 random(4);
  const std::string_view suffixes[] = {"", "m", "n", "k", "M", "Ki", "Gi", "e3", "e-3", "E", "Ei"};
  for (int i = 0; i < 2'000; ++i) {
    const auto any = [&] {
      std::string text = random() % 3 == 0 ? "-" : "";
      text += std::to_string(random() % (random() % 2 == 0 ? 1'000 : 1'000'000'000'000'000));
      if (random() % 3 == 0) text += "." + std::to_string(random() % 1'000);
      return text + std::string(suffixes[random() % std::size(suffixes)]);
    };
    const std::string x = any();
    const std::string y = any();
    SCOPED_TRACE(x + " and " + y);
    const Quantity a = Of(x);
    const Quantity b = Of(y);
    const Quantity sum = *a.Plus(b);
    EXPECT_EQ(sum.Compare(*b.Plus(a)), 0);
    EXPECT_EQ(sum.Minus(b)->Compare(a), 0);
    EXPECT_EQ(a.Compare(b), -b.Compare(a));
    EXPECT_EQ(a.Minus(b)->Sign(), a.Compare(b));
    // What is printed reads back as the same amount; beyond an int64 apimachinery caps Ki and Mi.
    const Quantity most = Of("9e18");
    if (sum.Compare(most) > 0 || Of("0").Minus(sum)->Compare(most) > 0) continue;
    EXPECT_EQ(Of(sum.ToString()).Compare(sum), 0) << sum.ToString();
  }
}

}  // namespace
}  // namespace kr::values
