#include "controller/kube/wire.h"

#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

const ServerAddress kServer{.host = "10.0.0.1", .port = 6443};

TEST(WireRequest, Get) {
  KR_ASSERT_OK_AND_ASSIGN(const std::string wire,
                          WireRequest({.target = "/api/v1/nodes"}, kServer, "Bearer t", "ua/1"));
  EXPECT_EQ(wire,
            "GET /api/v1/nodes HTTP/1.1\r\nHost: 10.0.0.1:6443\r\nUser-Agent: ua/1\r\n"
            "Accept: application/json\r\nAuthorization: Bearer t\r\n\r\n");
}

TEST(WireRequest, WriteBelowABasePath) {
  ServerAddress server = kServer;
  server.base_path = "/k8s";
  KR_ASSERT_OK_AND_ASSIGN(
      const std::string wire,
      WireRequest({.method = "POST", .target = "/x", .content_type = "a/b", .body = "{\"\r\n\":1}"},
                  server, "", "ua/1"));
  EXPECT_EQ(wire,
            "POST /k8s/x HTTP/1.1\r\nHost: 10.0.0.1:6443\r\nUser-Agent: ua/1\r\n"
            "Accept: application/json\r\nContent-Type: a/b\r\nContent-Length: 8\r\n\r\n"
            "{\"\r\n\":1}");
}

TEST(WireRequest, EmptyWritesSayTheirLength) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    EXPECT_THAT(*WireRequest({.method = method, .target = "/x"}, kServer, "", "u"),
                HasSubstr("Content-Length: 0\r\n"));
  }
  for (const char* method : {"GET", "DELETE"}) {
    EXPECT_THAT(*WireRequest({.method = method, .target = "/x"}, kServer, "", "u"),
                Not(HasSubstr("Content-Length")));
  }
}

TEST(WireRequest, NothingBreaksOutOfItsLine) {
  const struct {
    const char* name;
    HttpRequest request;
    std::string authorization;
  } cases[] = {
      {"space in the target", {.target = "/x HTTP/1.1"}, ""},
      {"line end in the target", {.target = "/x\r\nEvil: 1"}, ""},
      {"NUL in the target", {.target = std::string("/x\0y", 4)}, ""},
      {"target of a proxy", {.target = "http://other/"}, ""},
      {"no target", {}, ""},
      {"method", {.method = "GET /evil HTTP/1.1\r\n", .target = "/x"}, ""},
      {"no method", {.method = "", .target = "/x"}, ""},
      {"content type", {.target = "/x", .content_type = "a\nb"}, ""},
      {"accept", {.target = "/x", .accept = "a\rb"}, ""},
      {"token", {.target = "/x"}, "Bearer secret\r\nEvil: 1"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    EXPECT_THAT(WireRequest(tc.request, kServer, tc.authorization, "u"),
                StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("secret"))));
  }
}

}  // namespace
}  // namespace kr::kube
