#include "cmd/kube-remedy/config_file.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::cmd {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

std::string Read(const std::string& path) {
  std::ifstream file(std::string(KR_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first YAML block of a page.
std::string YamlOf(const std::string& page) {
  const std::string begin = "```yaml\n";
  const size_t from = page.find(begin);
  if (from == page.npos) return "";
  return page.substr(from + begin.size(),
                     page.find("```", from + begin.size()) - from - begin.size());
}

TEST(ConfigFileTest, EverythingHasADefault) {
  for (const char* text :
       {"", "# nothing\n", "{}", "limits:\n", "log: {}\nlimits: {relapse: }\n"}) {
    SCOPED_TRACE(text);
    KR_ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(text, "f"));
    EXPECT_EQ(DescribeConfig(config), DescribeConfig(Config()));
  }
}

TEST(ConfigFileTest, DocumentedSampleHoldsEveryKeyAtItsDefault) {
  const std::string page = Read("docs/configuration.md");
  const std::string sample = YamlOf(page);
  KR_ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(sample, "docs/configuration.md"));
  EXPECT_EQ(DescribeConfig(config), DescribeConfig(Config()));
  for (const auto& [path, value] : DescribeConfig(Config())) {
    const std::string key = path.substr(path.rfind('.') + 1);
    EXPECT_THAT(sample, HasSubstr(key + ": ")) << path << " is missing in the sample";
    EXPECT_THAT(page, HasSubstr("`" + path + "`")) << path << " is missing in the table";
  }
}

TEST(ConfigFileTest, ShippedConfigMapParses) {
  KR_ASSERT_OK_AND_ASSIGN(const Config config,
                          ParseConfig(Read("config/manager/config.yaml"), "config.yaml"));
  EXPECT_EQ(config.log_format, "json");
  EXPECT_EQ(config.listen, ":8080");
}

TEST(ConfigFileTest, ReadsEveryKindOfValue) {
  KR_ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(R"(
log: {level: debug, format: json}
listen: "127.0.0.1:0"
paused: true
transport: beast
workers: 3
leaderElection:
  enabled: false
  namespace: ops
  name: other
  leaseDuration: 6s
  renewDeadline: 4s
  retryPeriod: 1s
limits:
  breakerCalm: 2s
  relapse: 1h30m
  revertWindow: 90s
  maxCooldown: 1m
  secondLook: 1s
  secondLookMax: 2m
  aging: 20s
  exemptFromNodeBudget: [spot, scale-down]
  medik8sLeases: leases
timing:
  writeTimeout: 1500ms
  retryInitial: 20ms
  retryMax: 1s
  recheck: 50ms
  statusInterval: 0s
  progressInterval: 100ms
  approvalExpiry: 3m
  pruneInterval: 2s
  gracePeriod: 5s
watches:
  staleAfter: 3s
  settle: 50ms
  shrinkInterval: 10m
  minDuration: 5s
  maxDuration: 8s
  backoffInitial: 100ms
  backoffMax: 2s
  maxBytes: 3Mi
alerts: {listen: "127.0.0.1:0", certFile: c, keyFile: k, tokenFile: t, repeatedWithin: 1m}
webhooks: {namespace: hooks, allowHttp: true, allowNetworks: [127.0.0.1, "fe80::/10"]}
nodeCommands: {namespace: hosts, image: "kr:1", serviceAccount: runner, apiServer: "10.0.0.1:6443"}
queues: {engine: 512Ki, events: 10}
)",
                                                           "f"));
  const std::map<std::string, std::string> expected{
      {"alerts.certFile", "c"},
      {"alerts.keyFile", "k"},
      {"alerts.listen", "127.0.0.1:0"},
      {"alerts.repeatedWithin", "1m"},
      {"alerts.tokenFile", "t"},
      {"leaderElection.enabled", "false"},
      {"leaderElection.leaseDuration", "6s"},
      {"leaderElection.name", "other"},
      {"leaderElection.namespace", "ops"},
      {"leaderElection.renewDeadline", "4s"},
      {"leaderElection.retryPeriod", "1s"},
      {"limits.aging", "20s"},
      {"limits.breakerCalm", "2s"},
      {"limits.exemptFromNodeBudget", "[spot, scale-down]"},
      {"limits.maxCooldown", "1m"},
      {"limits.medik8sLeases", "leases"},
      {"limits.relapse", "1h30m"},
      {"limits.revertWindow", "1m30s"},
      {"limits.secondLook", "1s"},
      {"limits.secondLookMax", "2m"},
      {"listen", "127.0.0.1:0"},
      {"log.format", "json"},
      {"log.level", "debug"},
      {"nodeCommands.apiServer", "10.0.0.1:6443"},
      {"nodeCommands.image", "kr:1"},
      {"nodeCommands.namespace", "hosts"},
      {"nodeCommands.serviceAccount", "runner"},
      {"paused", "true"},
      {"queues.engine", "512Ki"},
      {"queues.events", "10"},
      {"timing.gracePeriod", "5s"},
      {"timing.approvalExpiry", "3m"},
      {"timing.progressInterval", "100ms"},
      {"timing.pruneInterval", "2s"},
      {"timing.recheck", "50ms"},
      {"timing.retryInitial", "20ms"},
      {"timing.retryMax", "1s"},
      {"timing.statusInterval", "0s"},
      {"timing.writeTimeout", "1s500ms"},
      {"transport", "beast"},
      {"watches.backoffInitial", "100ms"},
      {"watches.backoffMax", "2s"},
      {"watches.maxBytes", "3Mi"},
      {"watches.maxDuration", "8s"},
      {"watches.minDuration", "5s"},
      {"watches.settle", "50ms"},
      {"watches.shrinkInterval", "10m"},
      {"watches.staleAfter", "3s"},
      {"webhooks.allowHttp", "true"},
      {"webhooks.allowNetworks", "[127.0.0.1, fe80::/10]"},
      {"webhooks.namespace", "hooks"},
      {"workers", "3"},
  };
  EXPECT_EQ(DescribeConfig(config), expected);
}

TEST(ConfigFileTest, WriteTimeoutIsAThirdOfTheLease) {
  KR_ASSERT_OK_AND_ASSIGN(
      const Config config,
      ParseConfig("leaderElection: {leaseDuration: 6s, renewDeadline: 4s, retryPeriod: 1s}", "f"));
  EXPECT_EQ(config.write_timeout, absl::Seconds(2));
}

TEST(ConfigFileTest, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* error;
  };
  const std::vector<Case> cases{
      {"workers: 3\nlog: a: b", "f:2:7: illegal map value"},
      {"- a", "f:1:1: the file must be a mapping of keys to values"},
      {"listen: [1]", "f:1:1: listen: must be a single value, not a list"},
      {"workers: {}", "f:1:1: workers: must be a single value, not a mapping"},
      {"log: info", "f:1:6: log must be a mapping of keys to values"},
      {"paused: yes", "f:1:1: paused: \"yes\" is neither true nor false"},
      {"workers: 1", "f:1:1: workers: \"1\" is not a number from 2 to 256"},
      {"workers: many", "f:1:1: workers: \"many\" is not a number from 2 to 256"},
      {"log:\n  level: loud",
       "f:2:3: log.level: \"loud\" is not one of debug, info, warning, error"},
      {"queues: {engine: 1MB}",
       "f:1:10: queues.engine: \"1MB\" is not a number of bytes, as in 512Ki or 16Mi"},
      {"queues: {engine: 1Ki}", "f:1:10: queues.engine: \"1Ki\" must be at least 64Ki"},
      {"limits:\n  relapse: 30",
       "f:2:3: limits.relapse: \"30\" is not a duration, as in 500ms, 30s, 5m or 24h"},
      {"limits: {relapse: -5s}",
       "f:1:10: limits.relapse: \"-5s\" is not a duration, as in 500ms, 30s, 5m or 24h"},
      {"webhooks:\n  allowNetworks: [10.0.0.0/8, localhost]",
       "f:2:3: webhooks.allowNetworks: \"localhost\" is not a network such as 10.0.0.0/8"},
      {"limits: {exemptFromNodeBudget: spot}",
       "f:1:10: limits.exemptFromNodeBudget: must be a list of names"},
      {"timing: {recheck: 0s}", "f:1:10: timing.recheck: \"0s\" must be at least 10ms"},
      {"limits:\n  breakerClam: 5m",
       "f:2:3: limits.breakerClam: unknown key, did you mean breakerCalm?"},
      {"leaderelection: {}", "f:1:1: leaderelection: unknown key, did you mean leaderElection?"},
      {"extra: 1", "f:1:1: extra: unknown key"},
      {"paused: true\npaused: false", "f:2:1: paused: is there twice"},
      {"listen: 8080", "f:1:1: listen: 8080: a listen address is host:port"},
      {"leaderElection: {name: \"\"}", "f:1:18: leaderElection.name: must not be empty"},
      {"leaderElection: {leaseDuration: 15500ms}",
       "f:1:18: leaderElection.leaseDuration: must be whole seconds, not 15s500ms"},
      // The one key that is there is too small for the default of the other.
      {"leaderElection:\n  leaseDuration: 8s",
       "f:1:1: leaderElection.renewDeadline: 10s must be less than leaseDuration (8s)"},
      {"leaderElection:\n  retryPeriod: 9s",
       "f:2:3: leaderElection.retryPeriod: 9s, with a fifth of jitter, must be less than "
       "renewDeadline (10s)"},
      {"timing:\n  writeTimeout: 14s",
       "f:2:3: timing.writeTimeout: 14s must be at most 11s600ms: leaseDuration less 1s of "
       "safety and 1.2 of retryPeriod"},
      {"timing: {retryInitial: 40s}",
       "f:1:10: timing.retryInitial: 40s must be at most retryMax (30s)"},
      {"watches: {minDuration: 5m}",
       "f:1:11: watches.minDuration: 5m must be at most maxDuration (4m50s)"},
      {"alerts:\n  listen: \":9443\"\n  certFile: c\n  keyFile: k",
       "f:1:1: alerts.tokenFile: is needed with alerts.listen"},
      {"alerts: {listen: 9443, certFile: c, keyFile: k, tokenFile: t}",
       "f:1:10: alerts.listen: 9443: a listen address is host:port"},
      {"watches: {backoffInitial: 1m}",
       "f:1:11: watches.backoffInitial: 1m must be at most backoffMax (30s)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(ParseConfig(c.text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.error)));
  }
}

TEST(ConfigFileTest, SaysEverythingAtOnce) {
  EXPECT_THAT(ParseConfig("workers: 0\nlimits:\n  relapse: soon\nextra: 1\n", "f"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       std::string("f:1:1: workers: \"0\" is not a number from 2 to 256\n"
                                   "f:3:3: limits.relapse: \"soon\" is not a duration, as in "
                                   "500ms, 30s, 5m or 24h\n"
                                   "f:4:1: extra: unknown key")));
}

TEST(ConfigFileTest, WithoutElectionTheLeaseDoesNotMatter) {
  KR_EXPECT_OK(ParseConfig("leaderElection: {enabled: false, leaseDuration: 1s}", "f"));
}

TEST(ConfigFileTest, UnreadableFilesAreNamed) {
  const testing::TempDir directory;
  EXPECT_THAT(ReadConfigFile(directory.Path("missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing: No such file")));
  // A directory can be opened like a file, and must not pass for an empty one.
  EXPECT_THAT(ReadConfigFile(directory.Path("")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("Is a directory")));
  EXPECT_THAT(ReadConfigFile(directory.Write("bad.yaml", "workers: 0")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.yaml:1:1: workers")));
}

}  // namespace
}  // namespace kr::cmd
