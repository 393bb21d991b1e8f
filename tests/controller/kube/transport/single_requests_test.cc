// The contract of Transport, over each implementation.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/controller/kube/transport/implementations.h"
#include "tests/controller/kube/transport/test_cluster.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::Answer;
using testing::Gate;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::ScriptedServer;
using testing::StatusIs;

class SingleRequests : public ::testing::TestWithParam<Implementation> {
 protected:
  void Connect(ClusterConfig config, TransportOptions options = {}) {
    transport_.reset();
    credentials_ = std::make_unique<Credentials>(std::move(config), clock_);
    transport_ = GetParam().make(*credentials_, clock_, std::move(options));
  }
  StatusOr<HttpResponse> Get(const std::string& target, std::stop_token stop = {}) {
    return transport_->Send({.target = target, .timeout = absl::Seconds(10)}, std::move(stop));
  }
  StatusOr<HttpResponse> Post(const std::string& target, std::string body) {
    return transport_->Send({.method = "POST",
                             .target = target,
                             .content_type = "application/json",
                             .body = std::move(body),
                             .timeout = absl::Seconds(10)},
                            {});
  }

  RealClock clock_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<Transport> transport_;
};

TEST_P(SingleRequests, SendsWhatTheRequestSays) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.token = "secret";
  Connect(config);
  cluster.server.Expect("PATCH", "/api/v1/nodes/n1?fieldManager=a%2Fb",
                        Answer::Full(200, R"({"kind":"Node"})", {{"X-Test", "1"}}));
  KR_ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                          transport_->Send({.method = "PATCH",
                                            .target = "/api/v1/nodes/n1?fieldManager=a%2Fb",
                                            .content_type = "application/merge-patch+json",
                                            .accept = "application/json;as=Table",
                                            .body = R"({"spec":{"unschedulable":true}})"},
                                           {}));
  EXPECT_EQ(response.code, 200);
  EXPECT_EQ(response.body, R"({"kind":"Node"})");
  EXPECT_EQ(response.headers.at("x-test"), "1");
  ASSERT_EQ(cluster.server.requests().size(), 1u);
  const ScriptedServer::Request seen = cluster.server.requests()[0];
  EXPECT_EQ(seen.body, R"({"spec":{"unschedulable":true}})");
  EXPECT_EQ(seen.headers.at("content-type"), "application/merge-patch+json");
  EXPECT_EQ(seen.headers.at("accept"), "application/json;as=Table");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer secret");
  EXPECT_EQ(seen.headers.at("host"), "127.0.0.1:" + std::to_string(cluster.server.port()));
  EXPECT_THAT(seen.headers.at("user-agent"), ::testing::StartsWith("kube-remedy/"));
  EXPECT_EQ(cluster.server.Deviations(), "");
}

TEST_P(SingleRequests, ServesBelowABasePathAndOverPlainHttp) {
  ScriptedServer server;
  ClusterConfig config = PlainConfig(server);
  config.server.base_path = "/clusters/a";
  Connect(config);
  server.Expect("GET", "/clusters/a/version", Answer::Full(200, "v"));
  EXPECT_EQ(Get("/version")->body, "v");
  EXPECT_EQ(server.requests()[0].headers.count("authorization"), 0u);
}

TEST_P(SingleRequests, AnyAnswerIsAnAnswer) {
  TestCluster cluster;
  Connect(cluster.Config());
  for (const int code : {201, 204, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504}) {
    SCOPED_TRACE(code);
    cluster.server.Expect("GET", "/x",
                          Answer::Full(code, code == 204 ? "" : "why", {{"Retry-After", "7"}}));
    KR_ASSERT_OK_AND_ASSIGN(const HttpResponse response, Get("/x"));
    EXPECT_EQ(response.code, code);
    EXPECT_EQ(response.body, code == 204 ? "" : "why");
    EXPECT_EQ(response.headers.at("retry-after"), "7");
  }
}

TEST_P(SingleRequests, BodiesOfAllSizesArriveWhole) {
  TestCluster cluster;
  Connect(cluster.Config());
  for (const std::size_t size : {0u, 1u, 100u, 16384u, 16385u, 65536u, 3000000u}) {
    SCOPED_TRACE(size);
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 23);
    cluster.server.Expect("POST", "/whole", Answer::Full(200, body));
    cluster.server.Expect("GET", "/chunked",
                          Answer::Chunked().Chunk(body + "-").Chunk("end").End());
    KR_ASSERT_OK_AND_ASSIGN(const HttpResponse whole, Post("/whole", body));
    EXPECT_TRUE(whole.body == body);
    EXPECT_TRUE(cluster.server.requests().back().body == body);
    KR_ASSERT_OK_AND_ASSIGN(const HttpResponse chunked, Get("/chunked"));
    EXPECT_TRUE(chunked.body == body + "-end");
  }
}

TEST_P(SingleRequests, BodyWithoutContentTypeIsRead) {
  TestCluster cluster;
  Connect(cluster.Config());
  cluster.server.Expect("GET", "/x", Answer::Full(200, "caf\xc3\xa9", {}));
  EXPECT_EQ(Get("/x")->body, "caf\xc3\xa9");
}

TEST_P(SingleRequests, BytesOfATextAreNotConverted) {
  TestCluster cluster;
  Connect(cluster.Config());
  cluster.server.Expect("GET", "/x",
                        Answer::Full(429, "\xe9\xff", {{"Content-Type", "text/plain"}}));
  EXPECT_EQ(Get("/x")->body, "\xe9\xff");
}

TEST_P(SingleRequests, TooLongABodyIsRefused) {
  TestCluster cluster;
  Connect(cluster.Config(), {.max_body_bytes = 1000});
  cluster.server.Expect("GET", "/x", Answer::Full(200, std::string(1001, 'x')));
  EXPECT_THAT(Get("/x"), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1000 bytes")));
}

TEST_P(SingleRequests, SilentServerIsGivenUpAtTheDeadline) {
  TestCluster cluster;
  Connect(cluster.Config());
  Gate before_answer, in_body;
  cluster.server.Expect("GET", "/a", Answer::Nothing().Hold(before_answer).Close());
  cluster.server.Expect("GET", "/b", Answer::Chunked().Chunk("begin").Hold(in_body).Close());
  for (const char* target : {"/a", "/b"}) {
    SCOPED_TRACE(target);
    EXPECT_THAT(transport_->Send({.target = target, .timeout = absl::Milliseconds(150)}, {}),
                StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("in time")));
  }
  before_answer.Open();
  in_body.Open();
}

TEST_P(SingleRequests, StopEndsItAtOnce) {
  TestCluster cluster;
  Connect(cluster.Config());
  for (const bool in_body : {false, true}) {
    SCOPED_TRACE(in_body);
    Gate gate;
    cluster.server.Expect("GET", "/x",
                          in_body ? Answer::Chunked().Chunk("begin").Hold(gate).Close()
                                  : Answer::Nothing().Hold(gate).Close());
    std::stop_source source;
    std::jthread stopper([&] {
      gate.AwaitReached();
      source.request_stop();
    });
    const MonotonicTime begin = clock_.Monotonic();
    EXPECT_THAT(Get("/x", source.get_token()), StatusIs(absl::StatusCode::kCancelled, _));
    EXPECT_LT(clock_.Monotonic() - begin, absl::Seconds(5));
    gate.Open();
  }
}

TEST_P(SingleRequests, StoppedBeforeItBeganSendsNothing) {
  TestCluster cluster;
  Connect(cluster.Config());
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(Get("/x", source.get_token()), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_TRUE(cluster.server.requests().empty());
}

TEST_P(SingleRequests, NobodyListensIsUnavailable) {
  ClusterConfig config;
  {
    TestCluster cluster;
    config = cluster.Config();
  }
  Connect(config);
  EXPECT_THAT(Get("/x"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:")));
}

TEST_P(SingleRequests, NamesAreResolvedAndTriedInTurn) {
  // localhost may be ::1 first, where nobody listens.
  TestCluster cluster({"DNS:localhost"});
  ClusterConfig config = cluster.Config();
  config.server.host = "localhost";
  Connect(config);
  cluster.server.Expect("GET", "/x", Answer::Full(200, "ok"));
  EXPECT_THAT(Get("/x"), IsOk());

  config.server.host = "no-such-host.invalid";
  Connect(config);
  EXPECT_THAT(Get("/x"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no-such-host")));
}

TEST_P(SingleRequests, CutAnswersAreUnavailable) {
  TestCluster cluster;
  Connect(cluster.Config());
  const struct {
    const char* name;
    Answer answer;
  } cases[] = {
      {"closed before the answer", Answer::Nothing().Close()},
      {"reset before the answer", Answer::Nothing().Reset()},
      {"in the headers", Answer::Nothing().Raw("HTTP/1.1 200 OK\r\nContent-").Close()},
      {"in a body of known length",
       Answer::Nothing().Raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345").Close()},
      {"between chunks", Answer::Chunked().Chunk("12345").Close()},
      {"in a chunk", Answer::Chunked().Raw("a\r\n12345").Close()},
      {"in a chunk by reset", Answer::Chunked().Raw("a\r\n12345").Reset()},
      {"not HTTP", Answer::Nothing().Raw("SSH-2.0-OpenSSH_9.2\r\n\r\n").Close()},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    cluster.server.Expect("GET", "/x", tc.answer);
    EXPECT_THAT(Get("/x"), StatusIs(absl::StatusCode::kUnavailable, _));
  }
}

TEST_P(SingleRequests, RedirectsAreAnswersAndNotFollowed) {
  TestCluster cluster;
  TestCluster other;
  ClusterConfig config = cluster.Config();
  config.token = "secret";
  Connect(config);
  const std::string target = "https://127.0.0.1:" + std::to_string(other.server.port()) + "/x";
  cluster.server.Expect("GET", "/x", Answer::Full(302, "", {{"Location", target}}));
  EXPECT_EQ(Get("/x")->code, 302);
  EXPECT_EQ(other.server.connections(), 0);
}

TEST_P(SingleRequests, ConnectionsAreReused) {
  TestCluster cluster;
  Connect(cluster.Config());
  constexpr int kRequests = 20;
  for (int i = 0; i < kRequests; ++i) {
    cluster.server.Expect("GET", "/x", Answer::Full(200, "ok"));
    KR_ASSERT_OK(Get("/x"));
  }
  // cpprestsdk may hand a connection back a moment too late for the next request.
  EXPECT_LE(cluster.server.connections(), kRequests / 2);
}

TEST_P(SingleRequests, SystemRootsNotTrusted) {
  // As if the machine trusted the authority that signed the impostor's certificate.
  TestCluster impostor;
  const std::string bundle = ::testing::TempDir() + "/kr-system-roots.pem";
  std::ofstream(bundle) << impostor.authority.certificate();
  ::setenv("SSL_CERT_FILE", bundle.c_str(), 1);
  ClusterConfig config = impostor.Config();
  config.ca.data = testing::TestAuthority("the cluster's").certificate();
  config.token = "secret";
  Connect(config);
  EXPECT_THAT(Get("/x"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
  EXPECT_TRUE(impostor.server.requests().empty());

  // And it would have been trusted where the configuration names no authority.
  config.ca = {};
  Connect(config);
  impostor.server.Expect("GET", "/x", Answer::Full(200, "ok"));
  EXPECT_THAT(Get("/x"), IsOk());
  ::unsetenv("SSL_CERT_FILE");
}

TEST_P(SingleRequests, HostNamesAreVerified) {
  const struct {
    const char* name;
    std::vector<std::string> names;  // of the certificate
    const char* server_name;         // tls-server-name
    bool accepted;
  } cases[] = {
      {"the IP address", {"DNS:other", "IP:127.0.0.1"}, "", true},
      {"another IP address", {"IP:127.0.0.2"}, "", false},
      {"an IP address as a DNS name", {"DNS:127.0.0.1"}, "", false},
      {"no name at all, only the subject", {}, "", false},
      {"tls-server-name", {"DNS:kubernetes.default.svc"}, "kubernetes.default.svc", true},
      {"tls-server-name, other case", {"DNS:Kubernetes"}, "kubernetes", true},
      {"tls-server-name, wildcard", {"DNS:*.example.org"}, "api.example.org", true},
      {"tls-server-name, wildcard of one label", {"DNS:*.example.org"}, "a.b.example.org", false},
      {"tls-server-name rules, not the host", {"IP:127.0.0.1"}, "kubernetes", false},
      {"only the subject has it", {"IP:127.0.0.9"}, "test server", false},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    TestCluster cluster(tc.names);
    ClusterConfig config = cluster.Config();
    config.tls_server_name = tc.server_name;
    Connect(config);
    cluster.server.Expect("GET", "/x", Answer::Full(200, "ok"));
    const StatusOr<HttpResponse> response = Get("/x");
    if (tc.accepted) {
      EXPECT_THAT(response, IsOk());
    } else {
      EXPECT_THAT(response, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
      EXPECT_TRUE(cluster.server.requests().empty());
    }
  }
}

TEST_P(SingleRequests, InsecureSkipsVerification) {
  TestCluster cluster({"DNS:somebody-else"});
  ClusterConfig config = cluster.Config();
  config.ca = {};
  config.insecure_skip_tls_verify = true;
  Connect(config);
  cluster.server.Expect("GET", "/x", Answer::Full(200, "ok"));
  EXPECT_THAT(Get("/x"), IsOk());
}

TEST_P(SingleRequests, ManyThreadsShareIt) {
  TestCluster cluster;
  Connect(cluster.Config());
  constexpr int kThreads = 8;
  constexpr int kEach = 20;
  for (int i = 0; i < kThreads * kEach; ++i) {
    cluster.server.Expect("GET", "/" + std::to_string(i), Answer::Full(200, std::to_string(i)));
  }
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t * kEach; i < (t + 1) * kEach; ++i) {
          const StatusOr<HttpResponse> response = Get("/" + std::to_string(i));
          KR_ASSERT_OK(response);
          EXPECT_EQ(response->body, std::to_string(i));
        }
      });
    }
  }
  EXPECT_EQ(cluster.server.Deviations(), "");
}

INSTANTIATE_TEST_SUITE_P(All, SingleRequests, ::testing::ValuesIn(Implementations()),
                         [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace kr::kube
