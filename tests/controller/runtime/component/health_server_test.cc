#include "controller/runtime/health_server.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Tcp = boost::asio::ip::tcp;

// A client that writes bytes and reads until the server closes.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  }
  void Write(std::string_view bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }
  std::string ReadToEnd() {
    std::string text;
    boost::system::error_code end;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(text), end);
    return text;
  }
  // One answer of a connection that stays open.
  std::string ReadAnswer(std::string_view last_bytes) {
    std::string text;
    boost::asio::read_until(socket_, boost::asio::dynamic_buffer(text), std::string(last_bytes));
    return text;
  }

 private:
  boost::asio::io_context io_;
  Tcp::socket socket_;
};

class HealthServerTest : public ::testing::Test {
 protected:
  HealthServerTest() {
    healthz_.Add("ping", [] { return OkStatus(); });
    readyz_.Add("watches", [this] { return ready_ ? OkStatus() : Unavailable("not synced"); });
    metrics_.AddCounter("things_total", "Things.").Increment();
  }

  void Start(HealthServer::Options options = {}) {
    options.address = {"127.0.0.1", 0};
    auto server = HealthServer::Start(options, healthz_, readyz_, metrics_);
    KR_ASSERT_OK(server);
    server_ = *std::move(server);
  }
  std::string Exchange(std::string_view bytes) {
    RawClient client(server_->port());
    client.Write(bytes);
    return client.ReadToEnd();
  }
  std::string Get(const std::string& target) {
    return Exchange("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  HealthChecks healthz_{"healthz"};
  HealthChecks readyz_{"readyz"};
  Metrics metrics_;
  std::atomic<bool> ready_ = true;
  std::unique_ptr<HealthServer> server_;
};

TEST_F(HealthServerTest, ServesItsEndpoints) {
  Start();
  EXPECT_GT(server_->port(), 0);
  EXPECT_THAT(Get("/healthz"), AllOf(StartsWith("HTTP/1.1 200 OK"), HasSubstr("\r\n\r\nok")));
  EXPECT_THAT(Get("/healthz?verbose"), HasSubstr("[+]ping ok\nhealthz check passed\n"));
  EXPECT_THAT(Get("/healthz/ping"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/metrics"), AllOf(HasSubstr("version=0.0.4"), HasSubstr("things_total 1\n")));
  for (const char* target : {"/", "/healthzz", "/readyz/unknown", "/metrics/x", "*"}) {
    EXPECT_THAT(Get(target), StartsWith("HTTP/1.1 404")) << target;
  }
}

TEST_F(HealthServerTest, NotReadyIsAnErrorWithReasons) {
  Start();
  ready_ = false;
  EXPECT_THAT(Get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 500"), HasSubstr("[-]watches failed: not synced\n")));
  EXPECT_THAT(Get("/readyz/watches"), StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(Get("/readyz?verbose=1&exclude=watches"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, ConnectionsAreKeptAlive) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.ReadAnswer("\r\n\r\nok"), HasSubstr("Content-Length: 2"));
  }
}

TEST_F(HealthServerTest, HeadHasNoBody) {
  Start();
  const std::string answer =
      Exchange("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Length: 2"),
                            ::testing::EndsWith("\r\n\r\n")));
}

TEST_F(HealthServerTest, OtherMethodsAreRefused) {
  Start();
  for (const char* request : {"POST /healthz HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                              "DELETE /metrics HTTP/1.1\r\n\r\n"}) {
    EXPECT_THAT(Exchange(request),
                AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
  }
}

TEST_F(HealthServerTest, LargeRequestsAreRefused) {
  Start({.max_header_bytes = 1024});
  const std::string filler(5000, 'x');
  EXPECT_THAT(Exchange("GET /healthz HTTP/1.1\r\nX: " + filler + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Exchange("POST /healthz HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + filler),
              AllOf(Not(HasSubstr("200 OK")), StartsWith("HTTP/1.1 4")));
}

TEST_F(HealthServerTest, NonsenseIsHungUpOn) {
  Start();
  EXPECT_EQ(Exchange("nonsense\r\n\r\n"), "");
}

TEST_F(HealthServerTest, SilentClientsAreHungUpOn) {
  Start({.timeout = absl::Milliseconds(50)});
  RawClient silent(server_->port());
  RawClient slow(server_->port());
  slow.Write("GET /heal");
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(slow.ReadToEnd(), "");
}

TEST_F(HealthServerTest, ConnectionsAreBounded) {
  Start({.max_connections = 2});
  std::vector<std::unique_ptr<RawClient>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::make_unique<RawClient>(server_->port()));
    held.back()->Write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    held.back()->ReadAnswer("\r\n\r\nok");
  }
  EXPECT_EQ(Get("/healthz"), "") << "closed at once";
  held.clear();
  std::string answer;
  while (answer.empty()) answer = Get("/healthz");  // until the server noticed
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, ACheckThatThrowsDoesNotEndTheServer) {
  healthz_.Add("broken", []() -> Status { throw std::runtime_error("check broke"); });
  Start();
  EXPECT_EQ(Get("/healthz"), "");
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthServerTest, StopsWithOpenConnections) {
  Start();
  RawClient client(server_->port());
  client.Write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReadAnswer("\r\n\r\nok");
  server_.reset();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(HealthServerTest, AnAddressInUseIsAnError) {
  Start();
  auto second =
      HealthServer::Start({.address = {"127.0.0.1", server_->port()}}, healthz_, readyz_, metrics_);
  EXPECT_THAT(second, testing::StatusIs(absl::StatusCode::kUnavailable,
                                        HasSubstr("listening on 127.0.0.1:")));
}

}  // namespace
}  // namespace kr::runtime
