#include "controller/kube/config.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;

constexpr char kTwoContexts[] = R"(
apiVersion: v1
kind: Config
current-context: a
clusters:
- name: one
  cluster: {server: "https://one:6443", certificate-authority: pki/ca.crt, tls-server-name: kube}
- name: two
  cluster: {server: "https://two", insecure-skip-tls-verify: true}
users:
- name: admin
  user: {client-certificate: /abs/admin.crt, client-key: admin.key}
- name: robot
  user: {tokenFile: robot.token, token: fallback}
- name: person
  user: {username: u, password: p}
contexts:
- name: a
  context: {cluster: one, user: admin, namespace: prod}
- name: b
  context: {cluster: two, user: robot}
- name: c
  context: {cluster: two, user: person}
- name: anonymous
  context: {cluster: two}
)";

TEST(Kubeconfig, CurrentContextAndRelativePaths) {
  const TempDir dir;
  const std::string file = dir.Write("config", kTwoContexts);
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig config, LoadKubeconfig({file}, ""));
  EXPECT_EQ(config.server.HostHeader(), "one:6443");
  EXPECT_EQ(config.ca.file, dir.Path("pki/ca.crt"));
  EXPECT_EQ(config.tls_server_name, "kube");
  EXPECT_EQ(config.client_certificate.file, "/abs/admin.crt");
  EXPECT_EQ(config.client_key.file, dir.Path("admin.key"));
  EXPECT_EQ(config.name_space, "prod");
  EXPECT_EQ(config.origin, "context a of " + file);
}

TEST(Kubeconfig, NamedContexts) {
  const TempDir dir;
  const std::string file = dir.Write("config", kTwoContexts);
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig robot, LoadKubeconfig({file}, "b"));
  EXPECT_EQ(robot.server.host, "two");
  EXPECT_TRUE(robot.insecure_skip_tls_verify);
  EXPECT_EQ(robot.token_file, dir.Path("robot.token"));
  EXPECT_EQ(robot.token, "fallback");
  EXPECT_EQ(robot.name_space, "");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig person, LoadKubeconfig({file}, "c"));
  EXPECT_EQ(person.username, "u");
  EXPECT_EQ(person.password, "p");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig anonymous, LoadKubeconfig({file}, "anonymous"));
  EXPECT_TRUE(anonymous.token.empty() && anonymous.token_file.empty());
}

TEST(Kubeconfig, DataWinsOverFiles) {
  const TempDir dir;
  const std::string file = dir.Write("config", R"(
current-context: a
clusters: [{name: c, cluster: {server: "https://c", certificate-authority: x,
                               certificate-authority-data: Y2E=}}]
users: [{name: u, user: {client-certificate: x, client-certificate-data: Y3J0,
                         client-key-data: a2V5}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
)");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig config, LoadKubeconfig({file}, ""));
  EXPECT_EQ(config.ca.data, "ca");
  EXPECT_EQ(config.ca.file, "");
  EXPECT_EQ(config.client_certificate.data, "crt");
  EXPECT_EQ(config.client_key.data, "key");
}

TEST(Kubeconfig, FirstFileThatMentionsANameWins) {
  const TempDir dir;
  std::filesystem::create_directories(dir.Path("sub"));
  const std::string first = dir.Write("first", R"(
clusters: [{name: c, cluster: {server: "https://first"}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
)");
  const std::string second = dir.Write("sub/second", R"(
current-context: a
clusters: [{name: c, cluster: {server: "https://second"}}]
users: [{name: u, user: {tokenFile: t}}]
contexts: [{name: a, context: {cluster: nowhere}}]
)");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig config,
                          LoadKubeconfig({dir.Path("missing"), first, second}, ""));
  EXPECT_EQ(config.server.host, "first");
  EXPECT_EQ(config.token_file, dir.Path("sub/t"));
}

TEST(Kubeconfig, WhatCannotBeHonouredIsRefusedByName) {
  const struct {
    const char* name;
    const char* cluster;
    const char* user;
    const char* message;
  } cases[] = {
      {"auth-provider", "", "auth-provider: {name: gcp}",
       "user \"u\": auth-provider is not supported"},
      {"proxy", "proxy-url: http://p:3128", "", "cluster \"c\": proxy-url is not supported"},
      {"impersonation", "", "as: root", "user \"u\": as is not supported"},
      {"impersonated groups", "", "as-groups: [system:masters]",
       "user \"u\": as-groups is not supported"},
      {"impersonated uid", "", "as-uid: '7'", "user \"u\": as-uid is not supported"},
      {"impersonated extra", "", "as-user-extra: {a: [b]}",
       "user \"u\": as-user-extra is not supported"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    const TempDir dir;
    const std::string file = dir.Write(
        "config", std::string("current-context: a\nclusters: [{name: c, cluster: {server: "
                              "'https://c', ") +
                      tc.cluster + "}}]\nusers: [{name: u, user: {" + tc.user +
                      "}}]\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n");
    EXPECT_THAT(
        LoadKubeconfig({file}, ""),
        StatusIs(StatusCode::kUnimplemented, AllOf(HasSubstr(file), HasSubstr(tc.message))));
  }
}

TEST(Kubeconfig, EmptyLeftoversAreNoReasonToRefuse) {
  const TempDir dir;
  const std::string file = dir.Write("config", R"(
current-context: a
clusters: [{name: c, cluster: {server: "https://c", proxy-url: ""}}]
users: [{name: u, user: {exec: null, as: "", as-groups: [], token: t}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
)");
  EXPECT_EQ(LoadKubeconfig({file}, "")->token, "t");
}

TEST(Kubeconfig, FaultsNameTheirPlace) {
  const std::string good =
      "clusters: [{name: c, cluster: {server: 'https://c'}}]\n"
      "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
      "current-context: a\n";
  const struct {
    const char* name;
    std::string text;
    const char* message;
  } cases[] = {
      {"not YAML", "a: [", "not valid YAML"},
      {"not a mapping", "- x", "expected a kubeconfig"},
      {"empty", "", "no current-context"},
      {"no such context", "current-context: z", "no context \"z\""},
      {"no such cluster",
       "current-context: a\ncontexts: [{name: a, context: {cluster: z, user: u}}]",
       "context \"a\": there is no cluster \"z\""},
      {"no such user", good, "context \"a\": there is no user \"u\""},
      {"a nameless entry", good + "users: [{user: {}}]", "users: every entry needs a name"},
      {"a list that is none", good + "users: {name: u}", "users must be a list"},
      {"an entry that is no mapping", good + "users: [{name: u, user: [x]}]",
       "user \"u\": user must be a mapping"},
      {"a token that is no string", good + "users: [{name: u, user: {token: [x]}}]",
       "user \"u\": token must be a string"},
      {"half a certificate", good + "users: [{name: u, user: {client-key: k}}]",
       "client-certificate and client-key belong together"},
      {"not base64", good + "users: [{name: u, user: {client-key-data: '%'}}]",
       "user \"u\": client-key-data is not base64"},
      {"a server without a scheme",
       "current-context: a\nclusters: [{name: c, cluster: {server: 'c:6443'}}]\n"
       "contexts: [{name: a, context: {cluster: c}}]",
       "cluster \"c\": server c:6443: expected https://"},
      {"a flag that is none",
       "current-context: a\nclusters: [{name: c, cluster: {server: 'https://c', "
       "insecure-skip-tls-verify: maybe}}]\ncontexts: [{name: a, context: {cluster: c}}]",
       "insecure-skip-tls-verify must be true or false"},
      {"trust and no trust",
       "current-context: a\nclusters: [{name: c, cluster: {server: 'https://c', "
       "insecure-skip-tls-verify: true, certificate-authority: x}}]\n"
       "contexts: [{name: a, context: {cluster: c}}]",
       "exclude each other"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    const TempDir dir;
    const std::string file = dir.Write("config", tc.text);
    EXPECT_THAT(
        LoadKubeconfig({file}, ""),
        StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr(file), HasSubstr(tc.message))));
  }
  EXPECT_THAT(LoadKubeconfig({"/nowhere/a", "/nowhere/b"}, ""),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nowhere/a, /nowhere/b")));
}

}  // namespace
}  // namespace kr::kube
