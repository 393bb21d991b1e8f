#include "controller/document/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/documents.h"
#include "tests/support/status_matchers.h"

namespace kr::document {
namespace {

using ::kr::testing::ProjectionOf;
using ::kr::testing::StatusIs;
using ::nlohmann::json;
using ::testing::HasSubstr;

class DecoderTest : public ::testing::Test {
 protected:
  StatusOr<WatchEvent> Event(std::string_view line) {
    return decoder_.DecodeEvent(line, everything_);
  }

  Decoder decoder_;
  const Projection::Ptr everything_ = Projection::Everything();
};

TEST_F(DecoderTest, ReadsTheEventsOfObjects) {
  const struct {
    const char* type;
    WatchEvent::Type want;
  } cases[] = {{"ADDED", WatchEvent::Type::kAdded},
               {"MODIFIED", WatchEvent::Type::kModified},
               {"DELETED", WatchEvent::Type::kDeleted}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.type);
    KR_ASSERT_OK_AND_ASSIGN(
        const WatchEvent event,
        Event(std::string(R"({"type":")") + c.type +
              R"(","object":{"kind":"Node","metadata":{"name":"n1","resourceVersion":"42"}}})"));
    EXPECT_EQ(event.type, c.want);
    ASSERT_TRUE(event.object);
    EXPECT_EQ(event.object->name(), "n1");
    EXPECT_EQ(event.resource_version, "42");
    EXPECT_FALSE(event.initial_events_end);
  }
}

TEST_F(DecoderTest, TheOrderOfKeysDoesNotMatter) {
  KR_ASSERT_OK_AND_ASSIGN(
      const WatchEvent event,
      Event(R"({"object":{"metadata":{"resourceVersion":"42","name":"n1"}},"type":"ADDED"})"));
  EXPECT_EQ(event.object->name(), "n1");
}

TEST_F(DecoderTest, ABookmarkMovesTheVersionOnly) {
  KR_ASSERT_OK_AND_ASSIGN(
      const WatchEvent event,
      Event(R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9"}}})"));
  EXPECT_EQ(event.type, WatchEvent::Type::kBookmark);
  EXPECT_EQ(event.resource_version, "9");
  EXPECT_FALSE(event.initial_events_end);
  EXPECT_FALSE(event.object);
}

TEST_F(DecoderTest, OnlyTheAnnotatedBookmarkEndsTheInitialEvents) {
  const struct {
    const char* value;
    bool end;
  } cases[] = {{R"("true")", true}, {R"("false")", false}, {"true", false}, {"null", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.value);
    KR_ASSERT_OK_AND_ASSIGN(
        const WatchEvent event,
        Event(std::string(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9",)") +
              R"("annotations":{"k8s.io/initial-events-end":)" + c.value + "}}}}"));
    EXPECT_EQ(event.initial_events_end, c.end);
  }
}

TEST_F(DecoderTest, AnErrorCarriesItsStatus) {
  KR_ASSERT_OK_AND_ASSIGN(
      const WatchEvent event,
      Event(R"({"type":"ERROR","object":{ "kind":"Status", "reason":"Expired", "code":410 }})"));
  EXPECT_EQ(event.type, WatchEvent::Type::kError);
  EXPECT_FALSE(event.object);
  EXPECT_EQ(json::parse(event.error),
            (json{{"kind", "Status"}, {"reason", "Expired"}, {"code", 410}}));
}

TEST_F(DecoderTest, SaysWhatIsWrongWithALine) {
  const struct {
    const char* name;
    const char* line;
    const char* message;
  } cases[] = {
      {"empty", "", "watch event: no JSON or cut off"},
      {"no JSON", "<html>", "watch event: no JSON or cut off"},
      {"two values", R"({"type":"ADDED"} {"type":"ADDED"})", "no JSON or cut off"},
      {"bytes that are no UTF-8", "{\"type\":\"\xff\"}", "no JSON or cut off"},
      {"not an object", "[1]", "watch event: not an object"},
      {"no type", R"({"object":{"metadata":{}}})", "watch event: no type"},
      {"type is a number", R"({"type":1,"object":{"metadata":{}}})", "watch event: no type"},
      {"unknown type", R"({"type":"CHANGED","object":{}})", "unknown type \"CHANGED\""},
      {"no object", R"({"type":"ADDED"})", "watch event: no object"},
      {"null object", R"({"type":"ADDED","object":null})", "object is not an object"},
      {"no metadata", R"({"type":"ADDED","object":{}})", "object has no metadata"},
      {"metadata is a list", R"({"type":"ADDED","object":{"metadata":[]}})", "has no metadata"},
      {"bookmark without metadata", R"({"type":"BOOKMARK","object":{}})", "has no metadata"},
      {"a table", R"({"type":"ADDED","object":{"kind":"Table","metadata":{}}})", "is a Table"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Event(c.line), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST_F(DecoderTest, EveryCutOfALineIsAnError) {
  const std::string line =
      R"({"type":"ADDED","object":{"metadata":{"name":"a","labels":{"x":"y"}},"spec":[1,2.5,null]}})";
  for (size_t length = 0; length < line.size(); ++length) {
    EXPECT_FALSE(Event(std::string_view(line).substr(0, length)).ok()) << length;
  }
  KR_EXPECT_OK(Event(line));
}

TEST_F(DecoderTest, APaddedLineIsReadInPlaceWhateverFollows) {
  const std::string line = R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})";
  std::string buffer = line + std::string(Decoder::kPadding, '"');
  KR_ASSERT_OK_AND_ASSIGN(
      const WatchEvent event,
      decoder_.DecodeEvent(std::string_view(buffer).substr(0, line.size()), everything_, true));
  buffer.assign(buffer.size(), 'x');
  EXPECT_EQ(event.object->name(), "a");
}

TEST_F(DecoderTest, ReadsAPageOfAList) {
  KR_ASSERT_OK_AND_ASSIGN(
      const ListPage page,
      decoder_.DecodeList(R"({"kind":"PodList","metadata":{"resourceVersion":"7","continue":"abc"},
        "items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"spec":{"x":1}}]})",
                          ProjectionOf({"spec.x"})));
  EXPECT_EQ(page.resource_version, "7");
  EXPECT_EQ(page.continue_token, "abc");
  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.items[1]->name(), "b");
  EXPECT_EQ(page.items[1]->At("spec.x").AsInt(), 1);
  EXPECT_EQ(page.items[0]->At("spec.x").kind(), Kind::kAbsent);
}

TEST_F(DecoderTest, AnEmptyListMayBeNull) {
  for (const char* items : {"null", "[]"}) {
    KR_ASSERT_OK_AND_ASSIGN(
        const ListPage page,
        decoder_.DecodeList(
            std::string(R"({"metadata":{"resourceVersion":"7"},"items":)") + items + "}",
            everything_));
    EXPECT_TRUE(page.items.empty());
    EXPECT_EQ(page.continue_token, "");
  }
}

TEST_F(DecoderTest, SaysWhatIsWrongWithAList) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {"", "list: no JSON or cut off"},
      {"[]", "list: the page is not an object"},
      {R"({"items":[]})", "list: the page has no metadata"},
      {R"({"metadata":{}})", "list: no items"},
      {R"({"metadata":{},"items":{}})", "list: no items"},
      {R"({"metadata":{},"items":[{"metadata":{}},5]})", "list: items[1] is not an object"},
      {R"({"metadata":{},"items":[{}]})", "list: items[0] has no metadata"},
      {R"({"kind":"Table","metadata":{},"rows":[]})", "list: the page is a Table"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_THAT(decoder_.DecodeList(c.body, everything_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST_F(DecoderTest, ReadsOneObject) {
  KR_ASSERT_OK_AND_ASSIGN(
      const DocumentPtr object,
      decoder_.DecodeObject(R"({"metadata":{"name":"a"},"data":{"k":"v"}})", everything_));
  EXPECT_EQ(object->At("data.k").AsString(), "v");
  EXPECT_THAT(decoder_.DecodeObject("{}", everything_),
              StatusIs(absl::StatusCode::kInvalidArgument, "object: the text has no metadata"));
}

TEST_F(DecoderTest, OfEqualKeysTheLastOneWins) {
  KR_ASSERT_OK_AND_ASSIGN(
      const DocumentPtr object,
      decoder_.DecodeObject(
          R"({"a":{"long":["text of some length"]},"metadata":{"name":"first","labels":{"k":"v"}},
              "a":2,"b":3,"a":[4],"metadata":{"name":"last","name":"very last"}})",
          everything_));
  EXPECT_EQ(object->ToJson(), (json{{"a", {4}}, {"b", 3}, {"metadata", {{"name", "very last"}}}}));
  EXPECT_EQ(object->name(), "very last");
}

TEST_F(DecoderTest, NumbersKeepTheirKind) {
  const struct {
    const char* text;
    Kind kind;
    json value;
  } cases[] = {
      {"0", Kind::kInt, 0},
      {"67108863", Kind::kInt, 67'108'863},
      {"67108864", Kind::kInt, 67'108'864},
      {"-67108864", Kind::kInt, -67'108'864},
      {"-67108865", Kind::kInt, -67'108'865},
      {"9223372036854775807", Kind::kInt, INT64_MAX},
      {"-9223372036854775808", Kind::kInt, INT64_MIN},
      {"9223372036854775808", Kind::kDouble, 9223372036854775808.0},
      {"100000000000000000000", Kind::kDouble, 1e20},
      {"3.0", Kind::kDouble, 3.0},
      {"1e3", Kind::kDouble, 1000.0},
      {"-0.5", Kind::kDouble, -0.5},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    KR_ASSERT_OK_AND_ASSIGN(
        const DocumentPtr object,
        decoder_.DecodeObject(std::string(R"({"metadata":{},"n":)") + c.text + "}", everything_));
    EXPECT_EQ(object->At("n").kind(), c.kind);
    EXPECT_EQ(object->At("n").ToJson(), c.value);
  }
  EXPECT_FALSE(decoder_.DecodeObject(R"({"metadata":{},"n":1e999})", everything_).ok());
}

TEST_F(DecoderTest, NestingHasALimit) {
  const auto nested = [](size_t depth) {
    return R"({"metadata":{},"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  KR_EXPECT_OK(decoder_.DecodeObject(nested(Decoder::kMaxDepth - 2), everything_));
  EXPECT_THAT(decoder_.DecodeObject(nested(Decoder::kMaxDepth + 1), everything_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested deeper than 256")));
  EXPECT_FALSE(decoder_.DecodeObject(nested(100'000), everything_).ok());
  json deep;
  for (size_t i = 0; i < 2 * Decoder::kMaxDepth; ++i) deep = json::array({deep});
  EXPECT_FALSE(decoder_.FromJson(deep));
}

TEST_F(DecoderTest, WhatIsTooLargeIsRefusedAndNothingStays) {
  const Projection::Ptr metadata_only = ProjectionOf({});
  const std::string big(1 << 20, 'x');
  json object = {{"metadata", {{"name", "a"}, {"labels", {{"app", "web"}}}}},
                 {"kind", "ConfigMap"}};
  for (int i = 0; i < 40; ++i) object["data"][std::to_string(i)] = big;
  const std::string text = object.dump();
  EXPECT_THAT(
      decoder_.DecodeObject(text, everything_),
      StatusIs(absl::StatusCode::kResourceExhausted, "object: the text is too large to be kept"));
  EXPECT_EQ(decoder_.pool_stats().interned_strings, 0U);
  EXPECT_EQ(decoder_.pool_stats().shapes, 0U);
  EXPECT_EQ(decoder_.pool_stats().shared_nodes, 0U);
  KR_EXPECT_OK(decoder_.DecodeObject(text, metadata_only));
}

TEST_F(DecoderTest, GivesBackWhatAHugeTextNeeded) {
  const auto event = [](size_t bytes) {
    return R"({"type":"ADDED","object":{"metadata":{"name":"a"},"data":")" +
           std::string(bytes, 'x') + "\"}}";
  };
  KR_EXPECT_OK(Event(event(100 << 10)));
  EXPECT_GE(decoder_.ready_for(), 100U << 10);  // kept for the next one
  for (const bool broken : {false, true}) {
    const std::string line = event(3 << 20);
    EXPECT_EQ(Event(std::string_view(line).substr(0, line.size() - (broken ? 1 : 0))).ok(),
              !broken);
    EXPECT_LE(decoder_.ready_for(), (512U << 10) + Decoder::kPadding);
  }
  KR_EXPECT_OK(Event(event(1)));
}

TEST_F(DecoderTest, StringsThatAreNotTextSurvive) {
  const json object = {
      {"metadata", {{"name", std::string("a\0b", 3)}}},
      {"data", {{"k", std::string("\0\0\0\0\0\0", 6)}, {"u", "\u00fc\U0001F600"}}}};
  EXPECT_EQ(decoder_.FromJson(object)->ToJson(), object);
}

}  // namespace
}  // namespace kr::document
