#include "controller/cel/value.h"

#include <limits>
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/text.h"
#include "controller/document/decoder.h"

namespace kr::cel {
namespace {

using nlohmann::json;

TEST(Value, ShowsAsKubectlWould) {
  const absl::Time t = absl::FromUnixSeconds(1767323045);
  const Value value = Value::Record({
      {"null", Value()},
      {"bool", Value::Bool(true)},
      {"int", Value::Int(-3)},
      {"uint", Value::Uint(3)},
      {"double", Value::Double(1.5)},
      {"infinite", Value::Double(std::numeric_limits<double>::infinity())},
      {"string", Value::String("a")},
      {"bytes", Value::Bytes("abc")},
      {"time", Value::Timestamp(t + absl::Milliseconds(250))},
      {"duration", Value::Duration(absl::Seconds(90))},
      {"type", Value::TypeName("int")},
      {"none", Value::None()},
      {"some", Value::Some(Value::Int(1))},
      {"list", Value::FromList({Value::Int(1)})},
      {"map", Value::FromMap({{Value::Int(1), Value::Bool(false)}})},
  });
  EXPECT_EQ(value.ToJson(), json::parse(R"({
      "null": null, "bool": true, "int": -3, "uint": 3, "double": 1.5, "infinite": "+Inf",
      "string": "a", "bytes": "YWJj", "time": "2026-01-02T03:04:05.25Z", "duration": "90s",
      "type": "int", "none": null, "some": 1, "list": [1], "map": {"1": false}})"));
}

TEST(Value, JsonBecomesAValueWithItsTypes) {
  const json source = json::parse(R"({"a": [1, 2.0, "x", null, true], "b": 18446744073709551615})");
  const Value value = Value::FromJson(source);
  EXPECT_EQ(value.ToJson(), source);
  const Value list = *value.Field("a");
  EXPECT_EQ(list.At(0).kind(), Value::Kind::kInt);
  EXPECT_EQ(list.At(1).kind(), Value::Kind::kDouble);
  EXPECT_EQ(value.Field("b")->kind(), Value::Kind::kUint);
  EXPECT_FALSE(value.Field("c").has_value());
}

TEST(Value, DocumentIsReadInPlaceAndTextsAreDetached) {
  document::Decoder decoder;
  const auto document = decoder.FromJson({{"a", {{"s", "text"}, {"l", {1, "x"}}}}});
  const Value object = Value::Node(document->root());
  EXPECT_TRUE(object.is_map());
  const Value text = *object.Field("a")->Field("s");
  EXPECT_EQ(text.AsString(), nullptr);
  std::string scratch;
  EXPECT_EQ(text.Text(scratch), "text");
  ASSERT_NE(text.Detached().AsString(), nullptr);
  EXPECT_EQ(*text.Detached().AsString(), "text");
  EXPECT_EQ(object.Field("a")->Field("l")->size(), 2U);
  EXPECT_EQ(Value::Node(document::Node()).kind(), Value::Kind::kNull);
}

TEST(Text, DoublesReadAsInGo) {
  const struct {
    double d;
    const char* text;
  } kCases[] = {{0, "0"},        {1.5, "1.5"},    {100000, "100000"},
                {1e6, "1e+06"},  {1e21, "1e+21"}, {0.0001, "0.0001"},
                {1e-5, "1e-05"}, {-2.5, "-2.5"},  {1234567.0, "1.234567e+06"}};
  for (const auto& c : kCases) EXPECT_EQ(DoubleText(c.d), c.text);
}

TEST(Text, DurationsKeepTheirLimits) {
  EXPECT_EQ(ParseDuration("9223372036854775807ns"), absl::Nanoseconds(INT64_MAX));
  EXPECT_EQ(ParseDuration("-9223372036854775808ns"), absl::Nanoseconds(INT64_MIN));
  EXPECT_EQ(ParseDuration("9223372036854775808ns"), std::nullopt);
  EXPECT_EQ(ParseDuration("2562047h47m16.854775807s"), absl::Nanoseconds(INT64_MAX));
  EXPECT_EQ(ParseDuration("99999999999999999999h"), std::nullopt);
  EXPECT_EQ(ParseDuration("1.000000000000000000001s"), absl::Seconds(1));
}

}  // namespace
}  // namespace kr::cel
