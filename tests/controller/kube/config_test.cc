#include "controller/kube/config.h"

#include <map>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::kube {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;

Environment Variables(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
}

TEST(ServerUrl, IsTakenApart) {
  const struct {
    const char* url;
    ServerAddress want;
    const char* header;
  } cases[] = {
      {"https://10.0.0.1:6443", {true, "10.0.0.1", 6443, ""}, "10.0.0.1:6443"},
      {"https://api.example.org", {true, "api.example.org", 443, ""}, "api.example.org"},
      {"https://api.example.org/", {true, "api.example.org", 443, ""}, "api.example.org"},
      {"https://h:443/k8s/clusters/c-1/", {true, "h", 443, "/k8s/clusters/c-1"}, "h"},
      {"https://[fd00::1]:6443", {true, "fd00::1", 6443, ""}, "[fd00::1]:6443"},
      {"https://[::1]", {true, "::1", 443, ""}, "[::1]"},
      {"http://127.0.0.1:8001", {false, "127.0.0.1", 8001, ""}, "127.0.0.1:8001"},
      {"http://127.0.0.1", {false, "127.0.0.1", 80, ""}, "127.0.0.1"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.url);
    KR_ASSERT_OK_AND_ASSIGN(const ServerAddress got, ParseServerUrl(tc.url));
    EXPECT_EQ(got.tls, tc.want.tls);
    EXPECT_EQ(got.host, tc.want.host);
    EXPECT_EQ(got.port, tc.want.port);
    EXPECT_EQ(got.base_path, tc.want.base_path);
    EXPECT_EQ(got.HostHeader(), tc.header);
  }
}

TEST(ServerUrl, EverythingElseIsRefused) {
  for (const char* url : {"", "10.0.0.1:6443", "ftp://h", "https://", "https://:6443", "https://h:",
                          "https://h:0", "https://h:65536", "https://h:6443x", "https://h: 1",
                          "https://u:p@h", "https://h?x=1", "https://h#x", "https://[::1",
                          "https://[nonsense]:1", "https://[::1]1", "https://h\r\nx"}) {
    SCOPED_TRACE(url);
    EXPECT_THAT(ParseServerUrl(url),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected")));
  }
}

TEST(OutboundUrl, KeepsPathAndQueryAsTheyAre) {
  const struct {
    const char* url;
    const char* header;
    const char* target;
  } cases[] = {
      {"https://h.example", "h.example", "/"},
      {"https://h.example/a/b/", "h.example", "/a/b/"},
      {"https://h.example?x=1", "h.example", "/?x=1"},
      {"https://[fd00::1]:8443/hook?to=a@b&c=/d", "[fd00::1]:8443", "/hook?to=a@b&c=/d"},
      {"http://h.example:8080/", "h.example:8080", "/"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.url);
    KR_ASSERT_OK_AND_ASSIGN(const OutboundUrl got, ParseOutboundUrl(tc.url));
    EXPECT_EQ(got.server.HostHeader(), tc.header);
    EXPECT_EQ(got.server.base_path, "");
    EXPECT_EQ(got.target, tc.target);
  }
}

TEST(OutboundUrl, ErrorsDoNotRepeatIt) {
  for (const char* url : {"secret", "ftp://secret/secret", "https://user:secret@h/secret",
                          "https://h:secret/secret", "https://h/secret#secret", ""}) {
    const Status status = ParseOutboundUrl(url).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected"))) << url;
    EXPECT_EQ(Message(status).find("secret"), std::string_view::npos) << Message(status);
  }
}

TEST(InCluster, UsesTheServiceAccount) {
  const TempDir dir;
  dir.Write("token", "t");
  dir.Write("ca.crt", "c");
  dir.Write("namespace", "kube-remedy\n");
  const auto load = [&](const char* host) {
    return LoadInCluster(
        Variables({{"KUBERNETES_SERVICE_HOST", host}, {"KUBERNETES_SERVICE_PORT", "443"}}),
        dir.Path(""));
  };
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig config, load("10.96.0.1"));
  EXPECT_EQ(config.server.HostHeader(), "10.96.0.1");
  EXPECT_TRUE(config.server.IsIpLiteral());
  EXPECT_EQ(config.token_file, dir.Path("/token"));
  EXPECT_EQ(config.ca.file, dir.Path("/ca.crt"));
  EXPECT_EQ(config.name_space, "kube-remedy");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig ipv6, load("fd00::1"));
  EXPECT_EQ(ipv6.server.HostHeader(), "[fd00::1]");
}

TEST(InCluster, SaysWhatIsMissing) {
  const TempDir dir;
  EXPECT_THAT(LoadInCluster(Variables({{"KUBERNETES_SERVICE_PORT", "443"}}), dir.Path("")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not in a pod")));
  dir.Write("ca.crt", "c");
  EXPECT_THAT(LoadInCluster(
                  Variables({{"KUBERNETES_SERVICE_HOST", "h"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
                  dir.Path("")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(dir.Path("/token"))));
}

TEST(ClusterConfig, ComesFromTheFirstPlaceThatIsNamed) {
  const TempDir dir;
  const auto write = [&](const std::string& name) {
    return dir.Write(name, "clusters: [{name: c, cluster: {server: 'https://" + name + "'}}]\n" +
                               "contexts: [{name: x, context: {cluster: c}}]\n" +
                               "current-context: x\n");
  };
  const std::string flag = write("flag");
  const std::string listed = write("listed");
  std::filesystem::create_directories(dir.Path(".kube"));
  std::filesystem::rename(write("home"), dir.Path(".kube/config"));

  const auto host = [](const ConfigFlags& flags, const Environment& environment) {
    const StatusOr<ClusterConfig> config = LoadClusterConfig(flags, environment);
    return config.ok() ? config->server.host : std::string(Message(config.status()));
  };
  const std::string home = dir.Path("");
  EXPECT_EQ(host({.kubeconfig = flag}, Variables({{"KUBECONFIG", listed}})), "flag");
  EXPECT_EQ(host({}, Variables({{"KUBECONFIG", ":/nowhere:" + listed}, {"HOME", home}})), "listed");
  EXPECT_EQ(host({}, Variables({{"HOME", home}})), "home");
  EXPECT_EQ(host({}, Variables({{"KUBECONFIG", ""}, {"HOME", home}})), "home");
  const std::map<std::string, std::string> pod = {
      {"HOME", home}, {"KUBERNETES_SERVICE_HOST", "h"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  EXPECT_THAT(host({}, Variables(pod)), HasSubstr("service account"));
  EXPECT_EQ(host({.context = "x"}, Variables(pod)), "home");
  EXPECT_THAT(host({}, Variables({{"HOME", "/nowhere"}})), HasSubstr("/nowhere/.kube/config"));
}

}  // namespace
}  // namespace kr::kube
