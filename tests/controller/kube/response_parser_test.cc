#include "controller/kube/response_parser.h"

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::StatusIs;

// What a parser told, in the order it told it.
class Collected final : public ResponseParser::Sink {
 public:
  void OnHeaders(HttpResponse headers) override {
    EXPECT_TRUE(body.empty());
    ++headers_seen;
    response = std::move(headers);
  }
  bool OnBody(std::string_view bytes) override {
    EXPECT_EQ(headers_seen, 1);
    if (refuse) return false;
    body.append(bytes);
    return true;
  }
  int headers_seen = 0;
  HttpResponse response;
  std::string body;
  bool refuse = false;
};

// Feeds `wire` in the given pieces, as a connection does: what is left over comes again in front of
// the next piece.
Status FeedPieces(ResponseParser& parser, const std::vector<std::string>& pieces) {
  std::string pending;
  for (const std::string& piece : pieces) {
    pending += piece;
    KR_ASSIGN_OR_RETURN(const std::size_t used, parser.Feed(pending));
    pending.erase(0, used);
  }
  return parser.done() ? OkStatus() : parser.Finish();
}

const std::string kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";
const std::string kSized =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n"
    "Warning: 299 - \"a\"\r\nwarning: 299 - \"b\"\r\n\r\nhello world";

TEST(ResponseParser, AnAnswerCutAtAnyTwoBytesIsTheSameAnswer) {
  for (const std::string& wire : {kChunked, kSized}) {
    for (std::size_t i = 0; i <= wire.size(); ++i) {
      for (std::size_t j = i; j <= wire.size(); j += 7) {
        Collected sink;
        ResponseParser parser(sink);
        ASSERT_THAT(FeedPieces(parser, {wire.substr(0, i), wire.substr(i, j - i), wire.substr(j)}),
                    testing::IsOk())
            << i << " " << j;
        ASSERT_EQ(sink.body, "hello world");
        ASSERT_EQ(sink.headers_seen, 1);
        ASSERT_TRUE(parser.reusable());
      }
    }
  }
}

TEST(ResponseParser, AnAnswerCutShortAnywhereIsAnError) {
  for (const std::string& wire : {kChunked, kSized}) {
    for (std::size_t i = 0; i < wire.size(); ++i) {
      Collected sink;
      ResponseParser parser(sink);
      EXPECT_THAT(FeedPieces(parser, {wire.substr(0, i)}),
                  StatusIs(absl::StatusCode::kUnavailable, _))
          << i;
      EXPECT_FALSE(parser.done());
      EXPECT_FALSE(parser.reusable());
      EXPECT_EQ(parser.started(), i > 0);
    }
  }
}

TEST(ResponseParser, HeadersInLowerCaseAndJoined) {
  Collected sink;
  ResponseParser parser(sink);
  KR_ASSERT_OK(FeedPieces(parser, {kSized}));
  EXPECT_EQ(sink.response.code, 404);
  EXPECT_EQ(sink.response.headers.at("content-length"), "11");
  EXPECT_EQ(sink.response.headers.at("warning"), "299 - \"a\", 299 - \"b\"");
}

TEST(ResponseParser, BytesOfTheNextAnswerAreLeft) {
  Collected sink;
  ResponseParser parser(sink);
  KR_ASSERT_OK_AND_ASSIGN(const std::size_t used, parser.Feed(kChunked + "HTTP/1.1"));
  EXPECT_EQ(used, kChunked.size());
  EXPECT_TRUE(parser.done());
}

TEST(ResponseParser, ARefusedPieceIsOfferedAgain) {
  Collected sink;
  ResponseParser parser(sink);
  sink.refuse = true;
  std::string pending = kChunked;
  for (int i = 0; i < 3; ++i) {
    KR_ASSERT_OK_AND_ASSIGN(const std::size_t used, parser.Feed(pending));
    pending.erase(0, used);
    EXPECT_EQ(sink.body, "");
    EXPECT_TRUE(pending.find("hello") != std::string::npos);
  }
  sink.refuse = false;
  KR_ASSERT_OK(FeedPieces(parser, {pending}));
  EXPECT_EQ(sink.body, "hello world");
}

TEST(ResponseParser, EndOfTheConnectionIsTheEndOfABodyWithoutLength) {
  Collected sink;
  ResponseParser parser(sink);
  KR_ASSERT_OK(FeedPieces(parser, {"HTTP/1.1 200 OK\r\n\r\nhello", " world"}));
  EXPECT_EQ(sink.body, "hello world");
  EXPECT_FALSE(parser.reusable());
}

TEST(ResponseParser, WhenAConnectionMayBeUsedAgain) {
  const struct {
    const char* name;
    const char* wire;
    bool reusable;
  } cases[] = {
      {"by default", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", true},
      {"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    Collected sink;
    ResponseParser parser(sink);
    KR_ASSERT_OK(FeedPieces(parser, {tc.wire}));
    EXPECT_EQ(parser.reusable(), tc.reusable);
  }
}

TEST(ResponseParser, LongBodiesHaveNoLimit) {
  const std::string body(20 << 20, 'x');
  const struct {
    const char* name;
    std::vector<std::string> pieces;
  } cases[] = {
      {"of known length",
       {"HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n", body}},
      {"in one chunk",
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1400000\r\n", body, "\r\n0\r\n\r\n"}},
      {"until the end", {"HTTP/1.1 200 OK\r\n\r\n", body}},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    Collected sink;
    ResponseParser parser(sink);
    KR_ASSERT_OK(FeedPieces(parser, tc.pieces));
    EXPECT_EQ(sink.body.size(), body.size());
  }
}

TEST(ResponseParser, NonsenseIsRefused) {
  for (const char* wire :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    SCOPED_TRACE(wire);
    Collected sink;
    ResponseParser parser(sink);
    EXPECT_THAT(parser.Feed(wire), StatusIs(absl::StatusCode::kUnavailable,
                                            ::testing::HasSubstr("malformed HTTP answer")));
  }
}

}  // namespace
}  // namespace kr::kube
