// What happens to a request that meets a connection the server has given up.
#include "tests/controller/kube/transport/implementations.h"
#include "tests/controller/kube/transport/test_cluster.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::Answer;
using testing::IsOk;
using testing::StatusIs;

class StaleConnection : public ::testing::Test {
 protected:
  void Connect(const TransportOptions& options = {}) {
    transport_ = MakeBeastTransport(credentials_, clock_, options);
    cluster_.server.Expect("GET", "/warm-up", Answer::Full(200, "ok"));
    KR_ASSERT_OK(Send("GET", "/warm-up"));
  }
  StatusOr<HttpResponse> Send(const std::string& method, const std::string& target) {
    return transport_->Send({.method = method, .target = target, .timeout = absl::Seconds(10)}, {});
  }
  int Requests() const { return static_cast<int>(cluster_.server.requests().size()); }

  TestCluster cluster_;
  SharedClock clock_;
  Credentials credentials_{cluster_.Config(), clock_};
  std::unique_ptr<Transport> transport_;
};

TEST_F(StaleConnection, ClosedWhileIdleIsNoticedBeforeAWriteIsSent) {
  Connect();
  cluster_.server.CloseIdleConnections();
  cluster_.server.Expect("POST", "/x", Answer::Full(201, "made"));
  EXPECT_THAT(Send("POST", "/x"), IsOk());
  EXPECT_EQ(cluster_.server.Deviations(), "");
  EXPECT_EQ(cluster_.server.connections(), 2);
}

TEST_F(StaleConnection, WriteThatGotNoAnswerIsNeverSentTwice) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    SCOPED_TRACE(method);
    Connect();
    const int before = Requests();
    cluster_.server.Expect(method, "/x", Answer::Nothing().Close());
    EXPECT_THAT(Send(method, "/x"), StatusIs(absl::StatusCode::kUnavailable, _));
    EXPECT_EQ(Requests(), before + 1);
  }
}

TEST_F(StaleConnection, GetThatGotNoAnswerIsSentOnceMoreOnANewConnection) {
  Connect();
  cluster_.server.Expect("GET", "/x", Answer::Nothing().Reset());
  cluster_.server.Expect("GET", "/x", Answer::Full(200, "ok"));
  KR_ASSERT_OK_AND_ASSIGN(const HttpResponse response, Send("GET", "/x"));
  EXPECT_EQ(response.body, "ok");
  const auto requests = cluster_.server.requests();
  EXPECT_EQ(requests[0].connection, requests[1].connection);
  EXPECT_NE(requests[1].connection, requests[2].connection);
}

TEST_F(StaleConnection, GetIsNotSentAgainWhenItsAnswerHadBegun) {
  Connect();
  cluster_.server.Expect("GET", "/x", Answer::Chunked().Chunk("begin").Close());
  EXPECT_THAT(Send("GET", "/x"), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(Requests(), 2);
}

TEST_F(StaleConnection, AnswerThatSaysCloseIsTheLastOnItsConnection) {
  Connect();
  cluster_.server.Expect("GET", "/x", Answer::Full(200, "ok", {{"Connection", "close"}}));
  KR_ASSERT_OK(Send("GET", "/x"));
  cluster_.server.Expect("GET", "/y", Answer::Full(200, "ok"));
  KR_ASSERT_OK(Send("GET", "/y"));
  EXPECT_EQ(cluster_.server.requests().back().connection, 2);
}

TEST_F(StaleConnection, TooLongIdleOrTooOldConnectionsAreNotUsed) {
  Connect({.max_idle_time = absl::Seconds(90), .max_connection_age = absl::Minutes(5)});
  const auto connection_after = [&](absl::Duration pause) {
    clock_.Advance(pause);
    cluster_.server.Expect("GET", "/x", Answer::Full(200, "ok"));
    KR_EXPECT_OK(Send("GET", "/x"));
    return cluster_.server.requests().back().connection;
  };
  EXPECT_EQ(connection_after(absl::Seconds(80)), 1);
  EXPECT_EQ(connection_after(absl::Seconds(100)), 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connection_after(absl::Seconds(80)), 2);
  EXPECT_EQ(connection_after(absl::Seconds(80)), 3);
}

// More than all buffers between two ends of a connection hold, so that the write breaks off.
TEST_F(StaleConnection, RefusalOfALongBodyIsReadAlthoughItWasNotSentWhole) {
  Connect();
  cluster_.server.Expect("POST", "/x", Answer::Full(413, "too large").Early());
  KR_ASSERT_OK_AND_ASSIGN(
      const HttpResponse response,
      transport_->Send({.method = "POST", .target = "/x", .body = std::string(64 << 20, 'x')}, {}));
  EXPECT_EQ(response.code, 413);
  EXPECT_EQ(response.body, "too large");
}

}  // namespace
}  // namespace kr::kube
