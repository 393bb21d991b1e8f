#include "controller/kube/exec_plugin.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/kube/credentials.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_certificates.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;

constexpr char kV1[] = "client.authentication.k8s.io/v1";
constexpr char kBeta[] = "client.authentication.k8s.io/v1beta1";

class FakePlugin final : public PluginRunner {
 public:
  StatusOr<std::string> Run(const PluginCall& call) override {
    calls.push_back(call);
    if (!error.ok()) return error;
    return output;
  }
  bool AtTerminal() const override { return terminal; }

  void Answer(const json& status, const char* api_version = kV1) {
    output =
        json{{"apiVersion", api_version}, {"kind", "ExecCredential"}, {"status", status}}.dump();
  }
  json Info() const {
    for (const auto& [name, value] : calls.back().environment) {
      if (name == "KUBERNETES_EXEC_INFO") return json::parse(value);
    }
    return {};
  }

  std::vector<PluginCall> calls;
  std::string output;
  Status error;
  bool terminal = false;
};

class ExecPlugin : public ::testing::Test {
 protected:
  ClusterConfig Config() {
    ClusterConfig config;
    config.server = *ParseServerUrl("https://api.example:6443/base");
    config.exec = ExecConfig{.api_version = kV1,
                             .command = "aws",
                             .args = {"eks", "get token; rm -rf /"},
                             .env = {{"AWS_PROFILE", "prod"}},
                             .install_hint = "install the aws CLI"};
    return config;
  }
  testing::FakeClock clock;
  FakePlugin plugin;
};

TEST_F(ExecPlugin, ItsTokenIsUsedAndItsArgumentsAreNoShellsBusiness) {
  plugin.Answer({{"token", "t1"}});
  Credentials credentials(Config(), clock, plugin);
  EXPECT_EQ(*credentials.Authorization(), "Bearer t1");
  ASSERT_EQ(plugin.calls.size(), 1u);
  EXPECT_THAT(plugin.calls[0].argv, ElementsAre("aws", "eks", "get token; rm -rf /"));
  EXPECT_THAT(plugin.calls[0].environment,
              ::testing::Contains(::testing::Pair("AWS_PROFILE", "prod")));
  EXPECT_EQ(plugin.Info()["kind"], "ExecCredential");
  EXPECT_EQ(plugin.Info()["apiVersion"], kV1);
  EXPECT_FALSE(plugin.Info()["spec"].contains("cluster"));
}

TEST_F(ExecPlugin, AnAnswerHoldsUntilItExpires) {
  plugin.Answer(
      {{"token", "t1"},
       {"expirationTimestamp", absl::FormatTime(absl::RFC3339_sec, clock.Now() + absl::Minutes(15),
                                                absl::UTCTimeZone())}});
  Credentials credentials(Config(), clock, plugin);
  EXPECT_EQ(*credentials.Authorization(), "Bearer t1");
  clock.Advance(absl::Minutes(14));
  plugin.Answer({{"token", "t2"}});
  EXPECT_EQ(*credentials.Authorization(), "Bearer t1");
  EXPECT_EQ(plugin.calls.size(), 1u);
  clock.Advance(absl::Minutes(2));
  EXPECT_EQ(*credentials.Authorization(), "Bearer t2");
  clock.Advance(absl::Hours(100));
  EXPECT_EQ(*credentials.Authorization(), "Bearer t2") << "without an expiry it holds";
  EXPECT_EQ(plugin.calls.size(), 2u);
}

TEST_F(ExecPlugin, ARefusedTokenIsAskedForAnew) {
  plugin.Answer({{"token", "t1"}});
  Credentials credentials(Config(), clock, plugin);
  EXPECT_EQ(*credentials.Authorization(), "Bearer t1");
  plugin.Answer({{"token", "t2"}});
  credentials.Invalidate();  // 401
  EXPECT_EQ(*credentials.Authorization(), "Bearer t2");
}

TEST_F(ExecPlugin, ItsCertificateIsUsed) {
  testing::TestAuthority authority("ca");
  const testing::Certificate pair = authority.IssueClient("alice");
  plugin.Answer({{"clientCertificateData", pair.certificate}, {"clientKeyData", pair.key}});
  Credentials credentials(Config(), clock, plugin);
  KR_ASSERT_OK_AND_ASSIGN(const auto tls, credentials.Tls());
  EXPECT_EQ(tls->certificate, pair.certificate);
  EXPECT_EQ(*credentials.Authorization(), "");
  EXPECT_EQ(plugin.calls.size(), 1u);
}

TEST_F(ExecPlugin, ItMayBeToldAboutTheCluster) {
  ClusterConfig config = Config();
  config.exec->provide_cluster_info = true;
  config.exec->cluster_ca = "PEM";
  config.exec->cluster_config = R"({"audience":"x"})";
  config.tls_server_name = "other";
  plugin.Answer({{"token", "t"}});
  Credentials credentials(config, clock, plugin);
  ASSERT_TRUE(credentials.Authorization().ok());
  EXPECT_EQ(plugin.Info()["spec"]["cluster"],
            json::parse(R"({"server": "https://api.example:6443/base", "tls-server-name": "other",
                            "certificate-authority-data": "UEVN", "config": {"audience": "x"}})"));
}

TEST_F(ExecPlugin, OnlyWhoMayAskGetsTheTerminal) {
  using Interactive = ExecConfig::Interactive;
  const struct {
    Interactive mode;
    bool terminal;
    bool interactive;
    bool runs;
  } cases[] = {{Interactive::kNever, true, false, true},
               {Interactive::kIfAvailable, true, true, true},
               {Interactive::kIfAvailable, false, false, true},
               {Interactive::kAlways, true, true, true},
               {Interactive::kAlways, false, false, false}};
  for (const auto& tc : cases) {
    ClusterConfig config = Config();
    config.exec->interactive = tc.mode;
    plugin.terminal = tc.terminal;
    plugin.calls.clear();
    plugin.Answer({{"token", "t"}});
    const auto credential = RunPlugin(config, plugin);
    EXPECT_EQ(credential.ok(), tc.runs);
    if (!tc.runs) {
      EXPECT_THAT(credential.status().message(), HasSubstr("interactiveMode: Always"));
      continue;
    }
    EXPECT_EQ(plugin.calls[0].interactive, tc.interactive);
    EXPECT_EQ(plugin.Info()["spec"]["interactive"], tc.interactive);
  }
}

TEST_F(ExecPlugin, AFailureNamesThePluginAndIsNotRepeatedByEveryRequest) {
  plugin.error = NotFound("it cannot be run: No such file or directory");
  Credentials credentials(Config(), clock, plugin);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(credentials.Authorization(),
                StatusIs(StatusCode::kUnavailable,
                         "credential plugin aws: it cannot be run: No such file or directory\n"
                         "install the aws CLI"));
  }
  EXPECT_EQ(plugin.calls.size(), 1u);
  clock.Advance(absl::Seconds(6));
  plugin.error = OkStatus();
  plugin.Answer({{"token", "t"}});
  EXPECT_EQ(*credentials.Authorization(), "Bearer t");
}

TEST_F(ExecPlugin, AnswersThatAreNone) {
  const struct {
    std::string output;
    const char* message;
  } cases[] = {
      {"oops", "expected an ExecCredential as JSON"},
      {"[]", "expected an ExecCredential as JSON"},
      {R"({"kind":"Token","apiVersion":"client.authentication.k8s.io/v1"})",
       "expected an ExecCredential of client.authentication.k8s.io/v1, found Token"},
      {json{{"kind", "ExecCredential"}, {"apiVersion", kBeta}, {"status", {{"token", "t"}}}}.dump(),
       "found ExecCredential of client.authentication.k8s.io/v1beta1"},
      {json{{"kind", "ExecCredential"}, {"apiVersion", kV1}}.dump(), "has no status"},
      {json{{"kind", "ExecCredential"}, {"apiVersion", kV1}, {"status", json::object()}}.dump(),
       "neither a token nor a certificate"},
      {json{{"kind", "ExecCredential"},
            {"apiVersion", kV1},
            {"status", {{"clientCertificateData", "c"}}}}
           .dump(),
       "belong together"},
      {json{{"kind", "ExecCredential"}, {"apiVersion", kV1}, {"status", {{"token", "a\nb: c"}}}}
           .dump(),
       "line break"},
      {json{{"kind", "ExecCredential"},
            {"apiVersion", kV1},
            {"status", {{"token", "t"}, {"expirationTimestamp", "soon"}}}}
           .dump(),
       "expirationTimestamp is no time"},
  };
  for (const auto& tc : cases) {
    EXPECT_THAT(ParseExecCredential(tc.output, kV1),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(tc.message)));
  }
}

// The real thing, with a script.
class ExecProcess : public ::testing::Test {
 protected:
  PluginCall Script(const std::string& text) {
    const std::string path = dir.Write("plugin", "#!/bin/sh\n" + text);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return {.argv = {path, "one two", "$HOME"}, .environment = {{"GIVEN", "yes"}}};
  }
  TempDir dir;
};

TEST_F(ExecProcess, GivesItsOutput) {
  KR_ASSERT_OK_AND_ASSIGN(const std::string output,
                          ProcessRunner().Run(Script("echo \"$1|$2|$GIVEN\"; read x; echo $?")));
  EXPECT_EQ(output, "one two|$HOME|yes\n1\n") << "arguments as they are, nothing to read";
}

TEST_F(ExecProcess, EndsBadly) {
  EXPECT_THAT(ProcessRunner().Run(Script("exit 3")),
              StatusIs(StatusCode::kUnavailable, HasSubstr("exit status 3")));
  EXPECT_THAT(ProcessRunner().Run({.argv = {"/nowhere/plugin"}}),
              StatusIs(StatusCode::kNotFound, HasSubstr("No such file")));
  PluginCall slow = Script("sleep 60");
  slow.timeout = absl::Milliseconds(50);
  EXPECT_THAT(ProcessRunner().Run(slow),
              StatusIs(StatusCode::kDeadlineExceeded, HasSubstr("50ms")));
  PluginCall loud = Script("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  loud.max_output = 10'000;
  EXPECT_THAT(ProcessRunner().Run(loud),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("10000 bytes")));
}

TEST(Kubeconfig, ExecPluginsAreRead) {
  TempDir dir;
  const std::string file = dir.Write("config", R"(
current-context: a
clusters:
- name: c
  cluster:
    server: https://c
    extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: x, n: 3}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/plugin
      args: [get-token, "--a=b c"]
      env: [{name: A, value: "1"}]
      installHint: get it
      provideClusterInfo: true
      interactiveMode: Never
contexts: [{name: a, context: {cluster: c, user: u}}]
)");
  KR_ASSERT_OK_AND_ASSIGN(const ClusterConfig config, LoadKubeconfig({file}, ""));
  ASSERT_TRUE(config.exec.has_value());
  EXPECT_EQ(std::filesystem::path(config.exec->command).lexically_normal(),
            std::filesystem::path(dir.Path("bin/plugin")));
  EXPECT_THAT(config.exec->args, ElementsAre("get-token", "--a=b c"));
  EXPECT_EQ(config.exec->interactive, ExecConfig::Interactive::kNever);
  EXPECT_EQ(config.exec->cluster_config, R"({"audience":"x","n":3})");
}

TEST(Kubeconfig, ExecPluginsThatCannotBeRun) {
  const struct {
    const char* exec;
    const char* message;
  } cases[] = {
      {"{command: aws, apiVersion: v1}", "user \"u\": exec: apiVersion: expected "},
      {"{apiVersion: client.authentication.k8s.io/v1beta1}", "command is required"},
      {"{apiVersion: client.authentication.k8s.io/v1, command: x}", "interactiveMode: expected"},
      {"{apiVersion: client.authentication.k8s.io/v1beta1, command: x, env: [{name: a}]}",
       "needs name and value"},
      {"{apiVersion: client.authentication.k8s.io/v1beta1, command: x}, token: t",
       "exclude each other"},
  };
  for (const auto& tc : cases) {
    TempDir dir;
    const std::string file = dir.Write(
        "config",
        "current-context: a\nclusters: [{name: c, cluster: {server: 'https://c'}}]\n"
        "users: [{name: u, user: {exec: " +
            std::string(tc.exec) + "}}]\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n");
    EXPECT_THAT(LoadKubeconfig({file}, ""),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(tc.message)));
  }
}

}  // namespace
}  // namespace kr::kube
