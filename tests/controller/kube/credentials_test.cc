#include "controller/kube/credentials.h"

#include <filesystem>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_certificates.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using testing::Certificate;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;
using testing::TestAuthority;

class CredentialsTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_;
  TempDir dir_;
  ClusterConfig config_;
};

TEST_F(CredentialsTest, AuthorizationOfEachKind) {
  config_.token_file = dir_.Write("token", " from-file\n");
  const struct {
    const char* name;
    ClusterConfig config;
    const char* want;
  } cases[] = {
      {"nothing", {}, ""},
      {"token", {.token = "t"}, "Bearer t"},
      {"token file", {.token_file = dir_.Path("token")}, "Bearer from-file"},
      {"token file before token",
       {.token_file = dir_.Path("token"), .token = "t"},
       "Bearer from-file"},
      {"unreadable token file, but a token", {.token_file = "/nowhere", .token = "t"}, "Bearer t"},
      {"user and password",
       {.username = "Aladdin", .password = "open sesame"},
       "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    Credentials credentials(tc.config, clock_);
    KR_ASSERT_OK_AND_ASSIGN(const std::string got, credentials.Authorization());
    EXPECT_EQ(got, tc.want);
  }
}

TEST_F(CredentialsTest, MissingTokenIsAnErrorUntilItAppears) {
  config_.token_file = dir_.Path("token");
  Credentials credentials(config_, clock_);
  EXPECT_THAT(credentials.Authorization(),
              StatusIs(StatusCode::kUnavailable, HasSubstr("No such file")));
  dir_.Write("token", "");
  EXPECT_THAT(credentials.Authorization(), StatusIs(StatusCode::kUnavailable, HasSubstr("empty")));
  dir_.Write("token", "t");
  EXPECT_EQ(*credentials.Authorization(), "Bearer t");
}

TEST_F(CredentialsTest, TokenIsReadAgainWhenOldOrRefused) {
  config_.token_file = dir_.Write("token", "1");
  Credentials credentials(config_, clock_);
  EXPECT_EQ(*credentials.Authorization(), "Bearer 1");
  dir_.Write("token", "2");
  clock_.Advance(absl::Seconds(60));
  EXPECT_EQ(*credentials.Authorization(), "Bearer 1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(*credentials.Authorization(), "Bearer 2");
  dir_.Write("token", "3");
  credentials.Invalidate();
  EXPECT_EQ(*credentials.Authorization(), "Bearer 3");
}

TEST_F(CredentialsTest, TokenStaysWhenItsFileCannotBeRead) {
  config_.token_file = dir_.Write("token", "1");
  Credentials credentials(config_, clock_);
  EXPECT_EQ(*credentials.Authorization(), "Bearer 1");
  std::filesystem::remove(dir_.Path("token"));
  credentials.Invalidate();
  EXPECT_EQ(*credentials.Authorization(), "Bearer 1");
  dir_.Write("token", "2");
  credentials.Invalidate();
  EXPECT_EQ(*credentials.Authorization(), "Bearer 2");
}

TEST_F(CredentialsTest, CertificatesKeepTheirPointerUntilTheyChange) {
  const TestAuthority authority("users");
  const auto write = [&](const Certificate& certificate) {
    dir_.Write("crt", certificate.certificate);
    dir_.Write("key", certificate.key);
  };
  config_.ca.data = authority.certificate();
  config_.client_certificate.file = dir_.Path("crt");
  config_.client_key.file = dir_.Path("key");
  Credentials credentials(config_, clock_);
  EXPECT_THAT(credentials.Tls(), StatusIs(StatusCode::kUnavailable, HasSubstr(dir_.Path("crt"))));

  const Certificate first = authority.IssueClient("first");
  write(first);
  KR_ASSERT_OK_AND_ASSIGN(const auto one, credentials.Tls());
  EXPECT_EQ(one->certificate, first.certificate);
  write(first);
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(*credentials.Tls(), one);

  const Certificate second = authority.IssueClient("second");
  dir_.Write("crt", second.certificate);
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(*credentials.Tls(), one);  // by half
  dir_.Write("key", second.key);
  EXPECT_EQ(*credentials.Tls(), one);  // not yet old
  clock_.Advance(absl::Minutes(2));
  KR_ASSERT_OK_AND_ASSIGN(const auto two, credentials.Tls());
  EXPECT_NE(one, two);
  EXPECT_EQ(two->certificate, second.certificate);

  std::filesystem::remove(dir_.Path("key"));
  credentials.Invalidate();
  EXPECT_EQ(*credentials.Tls(), two);
}

TEST_F(CredentialsTest, PeerIsTheHostOrWhatTheConfigurationSays) {
  config_.server.host = "10.0.0.1";
  EXPECT_EQ(Credentials(config_, clock_).peer().name, "10.0.0.1");
  EXPECT_TRUE(Credentials(config_, clock_).peer().verify);
  config_.tls_server_name = "kubernetes";
  config_.insecure_skip_tls_verify = true;
  EXPECT_EQ(Credentials(config_, clock_).peer().name, "kubernetes");
  EXPECT_FALSE(Credentials(config_, clock_).peer().verify);
}

TEST(Tls, SaysWhatIsWrongWithTheMaterial) {
  const TestAuthority authority("users");
  const Certificate one = authority.IssueClient("one");
  const Certificate two = authority.IssueClient("two");
  const struct {
    const char* name;
    TlsMaterial material;
    const char* message;
  } cases[] = {
      {"authority", {.ca = "nonsense"}, "the certificate authority holds no certificate"},
      {"certificate", {.certificate = "nonsense", .key = one.key}, "the client certificate"},
      {"key", {.certificate = one.certificate, .key = "nonsense"}, "the client key"},
      {"no key", {.certificate = one.certificate}, "the client key"},
      {"pair", {.certificate = one.certificate, .key = two.key}, "do not belong together"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    EXPECT_THAT(CheckTls(tc.material),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(tc.message)));
  }
  KR_EXPECT_OK(CheckTls({}));
  KR_EXPECT_OK(CheckTls({.ca = authority.certificate() + authority.certificate(),
                         .certificate = one.certificate + authority.certificate(),
                         .key = one.key}));
}

TEST(Tls, IpAddressesAreNotSentAsServerName) {
  EXPECT_EQ(SniName({.name = "10.0.0.1"}), "");
  EXPECT_EQ(SniName({.name = "fd00::1"}), "");
  EXPECT_EQ(SniName({.name = "kubernetes.default"}), "kubernetes.default");
}

}  // namespace
}  // namespace kr::kube
