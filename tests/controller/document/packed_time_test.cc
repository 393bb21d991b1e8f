#include "controller/document/packed_time.h"

#include <random>

#include <gtest/gtest.h>

namespace kr::document {
namespace {

TEST(PackedTimeTest, ReadsBackAsTheSameString) {
  const struct {
    const char* text;
    int64_t micros;
    bool small;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0, false},
      {"2026-01-02T03:04:05Z", 1'767'323'045'000'000, true},
      {"2026-01-02T03:04:05.000000Z", 1'767'323'045'000'000, false},
      {"2026-01-02T03:04:05.000123Z", 1'767'323'045'000'123, false},
      {"1999-12-31T23:59:59Z", 946'684'799'000'000, false},
      {"2000-01-01T00:00:00Z", 946'684'800'000'000, true},
      {"2068-01-19T03:14:07Z", 3'094'168'447'000'000, true},
      {"2068-01-19T03:14:08Z", 3'094'168'448'000'000, false},
      {"2024-02-29T12:00:00Z", 1'709'208'000'000'000, true},
      {"0001-01-01T00:00:00Z", -62'135'596'800'000'000, false},
      {"0000-01-01T00:00:00.000001Z", -62'167'219'199'999'999, false},
      {"9999-12-31T23:59:59.999999Z", 253'402'300'799'999'999, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = PackedTime::Parse(c.text);
    ASSERT_TRUE(time.has_value());
    EXPECT_EQ(time->micros, c.micros);
    std::string out = "old";
    time->Write(out);
    EXPECT_EQ(out, c.text);
    PackedTime::FromBoxed(time->Boxed()).Write(out);
    EXPECT_EQ(out, c.text);
    ASSERT_EQ(time->Seconds().has_value(), c.small);
    if (c.small) {
      PackedTime::FromSeconds(*time->Seconds()).Write(out);
      EXPECT_EQ(out, c.text);
    }
  }
}

TEST(PackedTimeTest, LeavesAlone) {
  for (const char* text : {"",
                           "2026-01-02",
                           "2026-01-02T03:04:05",
                           "2026-01-02T03:04:05z",
                           "2026-01-02t03:04:05Z",
                           "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04:05+00:00",
                           "2026-01-02T03:04:05.123Z",
                           "2026-01-02T03:04:05.123456789Z",
                           "2026-01-02T03:04:05.12345aZ",
                           "2026-02-29T03:04:05Z",
                           "2026-13-02T03:04:05Z",
                           "2026-00-02T03:04:05Z",
                           "2026-01-00T03:04:05Z",
                           "2026-01-02T24:00:00Z",
                           "2026-01-02T23:60:00Z",
                           "2026-06-30T23:59:60Z",
                           "2026-1-002T03:04:05Z",
                           "-026-01-02T03:04:05Z",
                           "2026-01-02T03:04:0 Z",
                           "web-7d9c8b6f5-x2x4xy"}) {
    EXPECT_FALSE(PackedTime::Parse(text).has_value()) << text;
  }
}

TEST(PackedTimeTest, NoStringChangesOnItsWayThrough) {
  std::mt19937 engine(1);
  const std::string alphabet = "0123456789-:TZ.";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = i % 2 == 0 ? "2026-01-02T03:04:05Z" : "2026-01-02T03:04:05.123456Z";
    for (int changes = 0; changes < 2; ++changes) {
      text[engine() % text.size()] = alphabet[engine() % alphabet.size()];
    }
    if (const auto time = PackedTime::Parse(text)) {
      std::string out;
      time->Write(out);
      ASSERT_EQ(out, text);
    }
  }
}

}  // namespace
}  // namespace kr::document
