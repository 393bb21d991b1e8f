#include "controller/cache/line_splitter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/document/decoder.h"
#include "tests/support/status_matchers.h"

namespace kr::cache {
namespace {

using ::kr::testing::StatusIs;
using ::testing::HasSubstr;

std::vector<std::string> Lines(LineBatch batch) {
  std::vector<std::string> lines;
  while (const auto line = batch.Next()) lines.emplace_back(*line);
  return lines;
}

std::vector<std::string> FeedAll(LineSplitter& splitter, const std::vector<std::string>& pieces) {
  std::vector<std::string> lines;
  for (const std::string& piece : pieces) {
    StatusOr<std::optional<LineBatch>> batch = splitter.Feed(piece);
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) continue;
    for (std::string& line : Lines(*std::move(*batch))) lines.push_back(std::move(line));
  }
  return lines;
}

TEST(LineSplitter, LineSplitAcrossChunksAtEveryByte) {
  const std::vector<std::string> want = {R"({"type":"ADDED"})", R"({"name":"käse-日本-🙂"})",
                                         "x", std::string(300, 'y')};
  std::string text;
  for (const std::string& line : want) text += line + "\n";

  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); second += 7) {
      LineSplitter splitter;
      const std::vector<std::string> got =
          FeedAll(splitter,
                  {text.substr(0, first), text.substr(first, second - first), text.substr(second)});
      ASSERT_EQ(got, want) << "cut at " << first << " and " << second;
      ASSERT_EQ(splitter.pending(), 0u);
    }
  }
}

TEST(LineSplitter, OneByteAtATimeGivesTheSameLines) {
  LineSplitter splitter;
  std::vector<std::string> pieces;
  for (const char c : std::string("one\ntwo\n\nthree\nfo")) pieces.emplace_back(1, c);
  EXPECT_EQ(FeedAll(splitter, pieces), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(splitter.pending(), 2u);
}

TEST(LineSplitter, GathersAllLinesOfAPieceInOneBatch) {
  LineSplitter splitter;
  // Not taken apart into a local: g++ 12 then warns of the absent batch.
  const auto first = splitter.Feed("a");
  KR_ASSERT_OK(first);
  EXPECT_FALSE(first->has_value());
  KR_ASSERT_OK_AND_ASSIGN(auto second, splitter.Feed("b\nc\nd\ne"));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->bytes(), std::string("ab\nc\nd\n").size());
  EXPECT_EQ(Lines(*std::move(second)), (std::vector<std::string>{"ab", "c", "d"}));
}

TEST(LineSplitter, EmptyPieceIsNothing) {
  LineSplitter splitter;
  KR_ASSERT_OK_AND_ASSIGN(auto batch, splitter.Feed(""));
  EXPECT_FALSE(batch.has_value());
}

// The address sanitizer sees it when there is none.
TEST(LineSplitter, LinesHavePaddingBehindThem) {
  LineBatch batch("ab", "c\n");
  const auto line = batch.Next();
  ASSERT_TRUE(line.has_value());
  int sum = 0;
  for (size_t i = 0; i < document::Decoder::kPadding; ++i) sum += *(line->data() + 4 + i);
  EXPECT_EQ(sum, 0);
}

TEST(LineSplitter, OversizeLineFails) {
  LineSplitter in_one_piece(/*max_line=*/8);
  EXPECT_THAT(in_one_piece.Feed("123456789"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("8 bytes")));
  LineSplitter with_its_end(/*max_line=*/8);
  EXPECT_THAT(with_its_end.Feed("123456789\n"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("8 bytes")));
  LineSplitter growing(/*max_line=*/8);
  KR_ASSERT_OK(growing.Feed("1234"));
  KR_ASSERT_OK(growing.Feed("5678"));
  EXPECT_THAT(growing.Feed("9"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("8 bytes")));
}

TEST(LineSplitter, LimitIsPerLine) {
  LineSplitter splitter(/*max_line=*/8);
  EXPECT_EQ(FeedAll(splitter, {"12345678\n", "1234", "5678\n12345678\n"}).size(), 3u);
}

}  // namespace
}  // namespace kr::cache
