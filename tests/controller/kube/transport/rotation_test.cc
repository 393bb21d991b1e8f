// Credentials that change while a transport lives, over each implementation.
#include "tests/controller/kube/transport/implementations.h"
#include "tests/controller/kube/transport/test_cluster.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::Answer;
using testing::Certificate;
using testing::StatusIs;
using testing::TempDir;
using testing::TestAuthority;

class Rotation : public ::testing::TestWithParam<Implementation> {
 protected:
  void Connect(ClusterConfig config) {
    credentials_ = std::make_unique<Credentials>(std::move(config), clock_);
    transport_ = GetParam().make(*credentials_, clock_, {});
  }
  StatusOr<HttpResponse> Get(TestCluster& cluster, int code = 200) {
    cluster.server.Expect("GET", "/x", Answer::Full(code, "ok"));
    return transport_->Send({.target = "/x", .timeout = absl::Seconds(10)}, {});
  }
  static std::string Token(const TestCluster& cluster) {
    return cluster.server.requests().back().headers["authorization"];
  }
  static std::string User(const TestCluster& cluster) {
    return cluster.server.requests().back().client;
  }

  SharedClock clock_;
  TempDir dir_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<Transport> transport_;
};

TEST_P(Rotation, TokenFileIsReadAgainOnConnectionsThatStayOpen) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.token_file = dir_.Write("token", "first\n");
  Connect(config);
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(Token(cluster), "Bearer first");

  dir_.Write("token", "second\n");
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(Token(cluster), "Bearer first");
  clock_.Advance(absl::Seconds(61));
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(Token(cluster), "Bearer second");
}

TEST_P(Rotation, RefusedTokenIsReadAgainAtOnce) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.token_file = dir_.Write("token", "expired");
  Connect(config);
  KR_ASSERT_OK(Get(cluster));
  dir_.Write("token", "fresh");
  EXPECT_EQ(Get(cluster, 401)->code, 401);
  EXPECT_EQ(Token(cluster), "Bearer expired");
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(Token(cluster), "Bearer fresh");
}

TEST_P(Rotation, ClientCertRotates) {
  const TestAuthority users("users");
  TestCluster cluster({"IP:127.0.0.1"}, users.certificate());
  const auto write = [&](const std::string& user) {
    const Certificate certificate = users.IssueClient(user);
    dir_.Write("client.crt", certificate.certificate);
    dir_.Write("client.key", certificate.key);
  };
  write("old-user");
  ClusterConfig config = cluster.Config();
  config.client_certificate.file = dir_.Path("client.crt");
  config.client_key.file = dir_.Path("client.key");
  Connect(config);
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(User(cluster), "old-user");

  // The connection is idle and open; the old identity must not be used again all the same.
  write("new-user");
  clock_.Advance(absl::Seconds(61));
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(User(cluster), "new-user");

  // Rotated by half: what belongs together stays in use.
  dir_.Write("client.crt", users.IssueClient("half").certificate);
  clock_.Advance(absl::Seconds(61));
  KR_ASSERT_OK(Get(cluster));
  EXPECT_EQ(User(cluster), "new-user");
}

TEST_P(Rotation, MissingClientCertificateIsRefusedByTheServer) {
  const TestAuthority users("users");
  TestCluster cluster({"IP:127.0.0.1"}, users.certificate());
  Connect(cluster.Config());
  EXPECT_THAT(Get(cluster), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_TRUE(cluster.server.requests().empty());
}

TEST_P(Rotation, AuthorityRotatesAtOnceAfterARefusedHandshake) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.ca = {.file = dir_.Write("ca.crt", TestAuthority("before").certificate())};
  Connect(config);
  EXPECT_THAT(Get(cluster), StatusIs(absl::StatusCode::kUnavailable, _));
  dir_.Write("ca.crt", TestAuthority("other").certificate() + cluster.authority.certificate());
  KR_ASSERT_OK(Get(cluster));
}

INSTANTIATE_TEST_SUITE_P(All, Rotation, ::testing::ValuesIn(Implementations()),
                         [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace kr::kube
