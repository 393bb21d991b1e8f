// What is shipped in config/node-commands can be run, and is told about.
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/node/parameters.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::node {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(std::string(KR_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<crds::NodeCommand> Shipped() {
  std::vector<crds::NodeCommand> commands;
  for (const std::string& path : testing::ManifestsIn("config/node-commands")) {
    const nlohmann::json manifest = testing::LoadManifest(path);
    if (manifest["kind"] != crds::kNodeCommandKind) continue;
    const auto command = crds::FromJson<crds::NodeCommand>(manifest);
    EXPECT_TRUE(command.ok()) << path << ": " << command.status();
    if (command.ok()) commands.push_back(*command);
  }
  return commands;
}

TEST(ShippedCommands, AreUnderstoodAndDescribed) {
  const std::string docs = ReadFile("docs/node-commands.md");
  const std::string list = ReadFile("config/node-commands/kustomization.yaml");
  const auto commands = Shipped();
  EXPECT_EQ(commands.size(), 13u);
  for (const crds::NodeCommand& command : commands) {
    SCOPED_TRACE(command.metadata.name);
    KR_EXPECT_OK(CheckPatterns(command.spec));
    EXPECT_FALSE(command.spec.description.empty());
    EXPECT_THAT(docs, ::testing::HasSubstr("`" + command.metadata.name + "`"));
    EXPECT_THAT(list, ::testing::HasSubstr("- " + command.metadata.name + ".yaml\n"));
  }
}

// An edit that its host does not survive goes back by itself, with time enough to see it.
TEST(ShippedCommands, EditsOfFilesGoBackByThemselves) {
  int edits = 0;
  for (const crds::NodeCommand& command : Shipped()) {
    for (const crds::HostCommand& run : command.spec.commands) {
      if (!run.edit_file) continue;
      SCOPED_TRACE(command.metadata.name);
      ++edits;
      EXPECT_FALSE(run.edit_file->reload.empty());
      EXPECT_FALSE(run.edit_file->rollback_unless.empty());
      EXPECT_GE(run.timeout, absl::Minutes(1));
    }
  }
  EXPECT_EQ(edits, 3);
}

// Whatever a parameter may be: no shell sees it, so none of these is more than a strange text; and
// no pattern lets them through in the first place.
TEST(ShippedCommands, CannotBeInjectedInto) {
  for (const crds::NodeCommand& command : Shipped()) {
    for (const crds::CommandParameter& parameter : command.spec.parameters) {
      for (const char* value : {"a; reboot", "$(reboot)", "`reboot`", "a\nb", "../../etc/shadow",
                                "a b", "-x\t", "a|b", "a&b", "/etc/../root/x.yaml\n"}) {
        SCOPED_TRACE(command.metadata.name + " " + parameter.name + "=" + value);
        EXPECT_FALSE(ResolveParameters(command.spec, {{parameter.name, value}}).ok());
      }
    }
    for (const crds::HostCommand& run : command.spec.commands) {
      if (run.argv.empty()) continue;
      for (const char* shell : {"/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash"}) {
        EXPECT_NE(run.argv[0], shell) << command.metadata.name;
      }
    }
  }
}

}  // namespace
}  // namespace kr::node
