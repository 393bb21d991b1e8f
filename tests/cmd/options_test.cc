#include "cmd/kube-remedy/options.h"

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

struct Parsed {
  std::variant<ControllerFlags, NodeRunFlags, AgentFlags, int> result;
  std::string out, err;
};

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "kube-remedy");
  std::ostringstream out, err;
  auto result = ParseFlags(static_cast<int>(arguments.size()), arguments.data(), out, err);
  return {std::move(result), out.str(), err.str()};
}

ControllerFlags Flags(const std::vector<const char*>& arguments) {
  const Parsed parsed = Parse(arguments);
  const auto* flags = std::get_if<ControllerFlags>(&parsed.result);
  EXPECT_NE(flags, nullptr) << parsed.err;
  return flags == nullptr ? ControllerFlags() : *flags;
}

TEST(OptionsTest, NothingIsSetByDefault) {
  const ControllerFlags flags = Flags({"controller"});
  EXPECT_EQ(flags.config_file, "");
  EXPECT_EQ(flags.cluster.kubeconfig, "");
  EXPECT_FALSE(flags.elect_leader || flags.listen || flags.log_level || flags.log_format ||
               flags.transport);
}

TEST(OptionsTest, AllFlags) {
  const ControllerFlags flags =
      Flags({"controller", "--config=c.yaml", "--kubeconfig", "k", "--context", "x",
             "--leader-elect=false", "--listen", "127.0.0.1:0", "--log-level", "debug",
             "--log-format=json", "--transport", "beast", "--max-cache-bytes", "512Mi"});
  EXPECT_EQ(flags.max_cache_bytes, size_t{512} << 20);
  EXPECT_EQ(flags.config_file, "c.yaml");
  EXPECT_EQ(flags.cluster.kubeconfig, "k");
  EXPECT_EQ(flags.cluster.context, "x");
  EXPECT_EQ(flags.elect_leader, false);
  EXPECT_EQ(flags.listen, "127.0.0.1:0");
  EXPECT_EQ(flags.log_level, "debug");
  EXPECT_EQ(flags.log_format, "json");
  EXPECT_EQ(flags.transport, "beast");
}

TEST(OptionsTest, LeaderElectionIsSwitchedAsInOtherControllers) {
  EXPECT_EQ(Flags({"controller", "--leader-elect"}).elect_leader, true);
  EXPECT_EQ(Flags({"controller", "--leader-elect=true"}).elect_leader, true);
  EXPECT_EQ(Flags({"controller", "--leader-elect=false"}).elect_leader, false);
  EXPECT_EQ(Flags({"controller", "--metrics-bind-address=:1"}).listen, ":1");
}

TEST(OptionsTest, HelpShowsExamplesAndEndsWell) {
  const Parsed parsed = Parse({"controller", "--help"});
  EXPECT_EQ(std::get<int>(parsed.result), 0);
  EXPECT_THAT(parsed.out, HasSubstr("Examples:"));
  EXPECT_THAT(parsed.out, HasSubstr("never run a second one beside it"));
  EXPECT_EQ(parsed.err, "");
}

TEST(OptionsTest, VersionGoesToStandardOutput) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"--version"}, {"controller", "--version"}}) {
    const Parsed parsed = Parse(arguments);
    EXPECT_EQ(std::get<int>(parsed.result), 0);
    EXPECT_THAT(parsed.out, ::testing::MatchesRegex("kube-remedy [0-9.]+\n"));
  }
}

TEST(OptionsTest, MistakesAreNamed) {
  struct Case {
    std::vector<const char*> arguments;
    const char* error;
  };
  const std::vector<Case> cases{
      {{}, "A subcommand is required"},
      {{"agnet"}, "there is no command agnet"},
      {{"agent"}, "--node-name is required"},
      {{"controller", "--lissen", ":1"}, "--lissen"},
      {{"controller", "--log-level", "loud"}, "--log-level: loud not in {debug,info,"},
      {{"controller", "--transport", "carrier-pigeon"}, "--transport: carrier-pigeon not in"},
      {{"controller", "--leader-elect=maybe"}, "--leader-elect: maybe not in {true,false}"},
      {{"controller", "--config"}, "--config"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.error);
    const Parsed parsed = Parse(c.arguments);
    EXPECT_EQ(std::get<int>(parsed.result), 2);
    EXPECT_THAT(parsed.err, HasSubstr(c.error));
    EXPECT_THAT(parsed.err, HasSubstr("--help"));
    EXPECT_EQ(parsed.out, "");
  }
}

TEST(OptionsTest, FlagsWinOverTheFile) {
  const testing::TempDir directory;
  ControllerFlags flags;
  flags.config_file = directory.Write(
      "config.yaml", "{listen: ':1', workers: 5, log: {level: error}, transport: beast}");
  flags.listen = ":2";
  flags.elect_leader = false;
  KR_ASSERT_OK_AND_ASSIGN(const Config config, LoadConfig(flags));
  EXPECT_EQ(config.listen, ":2");
  EXPECT_FALSE(config.elect_leader);
  EXPECT_EQ(config.workers, 5u);
  EXPECT_EQ(config.log_level, "error");
}

TEST(OptionsTest, WithFlagsEverythingIsCheckedAgain) {
  ControllerFlags flags;
  flags.listen = "localhost:80";
  EXPECT_THAT(LoadConfig(flags),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("listen: localhost:80")));
  // Only with the flag do the times matter, which the file had for a lease that it switched off.
  const testing::TempDir directory;
  flags = ControllerFlags();
  flags.config_file =
      directory.Write("config.yaml", "leaderElection: {enabled: false, leaseDuration: 1s}");
  KR_EXPECT_OK(LoadConfig(flags));
  flags.elect_leader = true;
  EXPECT_THAT(LoadConfig(flags), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("leaderElection.renewDeadline: 10s")));
}

}  // namespace
}  // namespace kr::cmd
