// Calls to servers that are not the API server: which address, whose certificate, how long.
#include "controller/kube/outbound.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/kube/transport/test_cluster.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using testing::Answer;
using testing::Gate;
using ::testing::HasSubstr;
using testing::ScriptedServer;
using testing::StatusIs;

class Outbound : public ::testing::Test {
 protected:
  StatusOr<OutboundAnswer> Call(OutboundRequest request, std::stop_token stop = {}) {
    return allowing_->Send(request, std::move(stop));
  }
  OutboundRequest To(const std::string& host, const std::string& target = "/hook") const {
    const std::string url = "https://" + host + ":" + std::to_string(receiver.server.port());
    return {.url = *ParseOutboundUrl(url + target),
            .content_type = "application/json",
            .body = "{}",
            .headers = {{"Idempotency-Key", "k1"}, {"Authorization", "Bearer t"}},
            .extra_ca = receiver.authority.certificate(),
            .timeout = absl::Seconds(10)};
  }

  TestCluster receiver{{"IP:127.0.0.1", "DNS:localhost"}};
  RealClock clock_;
  std::unique_ptr<OutboundCaller> allowing_ =
      MakeOutboundCaller(*AddressFilter::Make({"127.0.0.0/8", "::1"}), clock_);
  std::unique_ptr<OutboundCaller> strict_ = MakeOutboundCaller(*AddressFilter::Make({}), clock_);
};

TEST_F(Outbound, PostsWhatTheRequestSays) {
  receiver.server.Expect("POST", "/hook?a=b", Answer::Full(503, "later", {{"Retry-After", "7"}}));
  KR_ASSERT_OK_AND_ASSIGN(const OutboundAnswer answer, Call(To("127.0.0.1", "/hook?a=b")));
  EXPECT_EQ(answer.response.code, 503);
  EXPECT_EQ(answer.response.body, "later");
  EXPECT_EQ(answer.response.headers.at("retry-after"), "7");
  const ScriptedServer::Request seen = receiver.server.requests().at(0);
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.headers.at("idempotency-key"), "k1");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer t");
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
}

TEST_F(Outbound, RefusesTheAddressThatTheNameMeans) {
  EXPECT_THAT(strict_->Send(To("127.0.0.1"), {}),
              StatusIs(absl::StatusCode::kPermissionDenied, "127.0.0.1 is a loopback address"));
  EXPECT_THAT(strict_->Send(To("localhost"), {}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       ::testing::AllOf(::testing::StartsWith("localhost is at "),
                                        HasSubstr(", a loopback address"))));
  EXPECT_THAT(strict_->Send(To("[::ffff:127.0.0.1]"), {}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("a loopback address")));
  EXPECT_EQ(receiver.server.connections(), 0);
}

TEST_F(Outbound, TrustsTheSystemAndTheGivenAuthorityOnly) {
  OutboundRequest request = To("127.0.0.1");
  request.extra_ca.clear();
  EXPECT_THAT(Call(request), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
  request.extra_ca = testing::TestAuthority("another").certificate();
  EXPECT_THAT(Call(request), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
  request.extra_ca = "no PEM";
  EXPECT_THAT(Call(request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("holds no certificate")));
  // The certificate has to be the host's.
  const TestCluster of_an_address;
  OutboundRequest by_name = To("localhost");
  by_name.url.server.port = of_an_address.server.port();
  by_name.extra_ca = of_an_address.authority.certificate();
  EXPECT_THAT(Call(by_name), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
}

TEST_F(Outbound, RedirectsAreAnAnswer) {
  receiver.server.Expect("POST", "/hook",
                         Answer::Full(302, "", {{"Location", "https://127.0.0.1/other"}}));
  KR_ASSERT_OK_AND_ASSIGN(const OutboundAnswer answer, Call(To("127.0.0.1")));
  EXPECT_EQ(answer.response.code, 302);
  EXPECT_EQ(receiver.server.requests().size(), 1u);
}

TEST_F(Outbound, OfALongAnswerTheCodeIsKept) {
  receiver.server.Expect("POST", "/hook", Answer::Full(500, std::string(20000, 'x'), {}));
  KR_ASSERT_OK_AND_ASSIGN(const OutboundAnswer answer, Call(To("127.0.0.1")));
  EXPECT_EQ(answer.response.code, 500);
  EXPECT_TRUE(answer.truncated);
  EXPECT_LE(answer.response.body.size(), 16u * 1024);
}

TEST_F(Outbound, GivesUpInTime) {
  const Gate never;
  receiver.server.Expect("POST", "/hook", Answer::Nothing().Hold(never).Close());
  OutboundRequest request = To("127.0.0.1");
  request.timeout = absl::Milliseconds(100);
  EXPECT_THAT(Call(request), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("in time")));
  never.Open();
}

TEST_F(Outbound, GivesUpWhenStopped) {
  const Gate reached;
  receiver.server.Expect("POST", "/hook", Answer::Nothing().Hold(reached).Close());
  std::stop_source stop;
  std::jthread stopper([&] {
    (void)reached.AwaitReached();
    stop.request_stop();
  });
  EXPECT_THAT(Call(To("127.0.0.1"), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
  reached.Open();
}

TEST_F(Outbound, HeadersCannotBreakOut) {
  OutboundRequest request = To("127.0.0.1");
  request.headers = {{"Authorization", "Bearer a\r\nX-Other: b"}};
  EXPECT_THAT(Call(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                      "control character in header Authorization"));
}

}  // namespace
}  // namespace kr::kube
