#include "controller/runtime/webhook_server.h"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_certificates.h"

namespace kr::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

class WebhookServerTest : public ::testing::Test {
 protected:
  WebhookServerTest() { Install(authority_, "secret"); }

  void Install(const testing::TestAuthority& authority, const std::string& token) {
    const testing::Certificate server = authority.IssueServer({"IP:127.0.0.1"});
    dir_.Write("tls.crt", server.certificate);
    dir_.Write("tls.key", server.key);
    dir_.Write("token", token + "\n");
  }
  WebhookServer::Options Options() const {
    return {.address = {"127.0.0.1", 0},
            .path = "/api/v1/alerts",
            .cert_file = dir_.Path("tls.crt"),
            .key_file = dir_.Path("tls.key"),
            .token_file = dir_.Path("token"),
            .max_body_bytes = 1000};
  }
  void Start() {
    auto started = WebhookServer::Start(Options(), [this](std::string_view body) {
      bodies_.emplace_back(body);
      return answer_;
    });
    KR_ASSERT_OK(started);
    server_ = *std::move(started);
  }
  // All that comes back until the server closes; "" when the handshake fails.
  std::string Exchange(const std::string& request, const std::string& authority) {
    asio::io_context io;
    ssl::context tls(ssl::context::tls_client);
    tls.set_verify_mode(ssl::verify_peer);
    tls.add_certificate_authority(asio::buffer(authority));
    ssl::stream<asio::ip::tcp::socket> stream(io, tls);
    stream.next_layer().connect({asio::ip::address_v4::loopback(), server_->port()});
    boost::system::error_code error;
    stream.handshake(ssl::stream_base::client, error);
    if (error) return "";
    asio::write(stream, asio::buffer(request), error);
    std::string text;
    asio::read(stream, asio::dynamic_buffer(text), error);
    return text;
  }
  std::string Post(const std::string& body, const std::string& token = "secret",
                   const std::string& head = "POST /api/v1/alerts HTTP/1.1") {
    return Exchange(head + "\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + token +
                        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                    authority_.certificate());
  }

  testing::TempDir dir_;
  testing::TestAuthority authority_{"first"};
  WebhookServer::Answer answer_{200, "taken in"};
  std::vector<std::string> bodies_;
  std::unique_ptr<WebhookServer> server_;
};

TEST_F(WebhookServerTest, HandsOnWhatIsPostedWithTheToken) {
  Start();
  EXPECT_THAT(Post("hello"), HasSubstr("taken in"));
  EXPECT_EQ(bodies_, std::vector<std::string>{"hello"});
}

TEST_F(WebhookServerTest, AnswersPreciselyWhatItDoesNotTake) {
  Start();
  EXPECT_THAT(Post("x", "wrong!"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Post("x", ""), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Post("x", "secret", "POST /metrics HTTP/1.1"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Post("", "secret", "GET /api/v1/alerts HTTP/1.1"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Post(std::string(1001, 'x')), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Post(std::string(1000, 'x')), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(bodies_.size(), 1u);
}

TEST_F(WebhookServerTest, WhoeverIsNotLetInCannotMakeItReadABody) {
  Start();
  // Promised and never sent: the answer does not wait for it.
  EXPECT_THAT(Exchange("POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
                       authority_.certificate()),
              StartsWith("HTTP/1.1 401"));
}

TEST_F(WebhookServerTest, TheHandlersAnswerIsTheSenders) {
  answer_ = {400, "alerts[0].status: expected a text"};
  Start();
  const std::string answer = Post("{}");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("alerts[0].status: expected a text"));
}

TEST_F(WebhookServerTest, AConnectionToAStandbyIsClosedSoThatTheNextFindsTheLeader) {
  answer_ = {503, "does not lead"};
  Start();
  const std::string answer = Exchange(
      "POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Length: "
      "2\r\n\r\n{}",
      authority_.certificate());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST_F(WebhookServerTest, RotatedFilesServeTheNextConnection) {
  Start();
  ASSERT_THAT(Post("1"), StartsWith("HTTP/1.1 200"));
  const testing::TestAuthority second("second");
  Install(second, "another");
  EXPECT_EQ(Post("2", "another"), "");  // the first authority is not believed any more
  const std::string request =
      "POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n"
      "Authorization: Bearer ";
  EXPECT_THAT(Exchange(request + "another\r\n\r\n3", second.certificate()),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Exchange(request + "secret\r\n\r\n4", second.certificate()),
              StartsWith("HTTP/1.1 401"));
  // Half of a rotation: those of before serve.
  dir_.Write("tls.key", "nonsense");
  EXPECT_THAT(Exchange(request + "another\r\n\r\n5", second.certificate()),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(WebhookServerTest, SaysWhichFileIsWrong) {
  const auto problem = [&](const WebhookServer::Options& options) {
    return std::string(Message(WebhookServer::Start(options, {}).status()));
  };
  WebhookServer::Options options = Options();
  options.cert_file = dir_.Path("missing");
  EXPECT_EQ(problem(options), options.cert_file + ": cannot be read, or is empty");
  options = Options();
  dir_.Write("tls.key", "nonsense");
  EXPECT_THAT(problem(options), StartsWith(options.key_file + ": is not the private key of "));
  Install(authority_, "");
  EXPECT_EQ(problem(options), options.token_file + ": holds no token");
}

}  // namespace
}  // namespace kr::runtime
