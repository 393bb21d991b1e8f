#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/node_codec.h"
#include "crds/v1alpha1/placeholders.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;

// The same table is played on a real API server.
const json& Table() {
  static const json table = testing::LoadManifest("tests/crds/v1alpha1/bad_node_commands.yaml");
  return table;
}

TEST(BadNodeCommands, TheirBaseIsGoodAndReadsBackAsItIsPrinted) {
  KR_ASSERT_OK_AND_ASSIGN(const NodeCommand command, FromJson<NodeCommand>(Table()["base"]));
  EXPECT_EQ(command.spec.commands.at(0).argv.at(2), "$(unit)");
  EXPECT_EQ(command.spec.max_output_bytes, 16384);
  EXPECT_TRUE(command.spec.disruptive);
  KR_ASSERT_OK_AND_ASSIGN(const NodeCommand again, FromJson<NodeCommand>(ToJson(command)));
  EXPECT_EQ(again, command);
}

TEST(BadNodeCommands, EachSaysPreciselyWhatIsWrong) {
  for (const json& wrong : Table()["cases"]) {
    SCOPED_TRACE(wrong.dump());
    json command = Table()["base"];
    const json::json_pointer pointer{wrong["at"].get<std::string>()};
    if (wrong.contains("put")) {
      command[pointer] = wrong["put"];
    } else {
      command[pointer.parent_pointer()].erase(pointer.back());
    }
    EXPECT_THAT(
        FromJson<NodeCommand>(command),
        testing::StatusIs(absl::StatusCode::kInvalidArgument, wrong["says"].get<std::string>()));
  }
}

struct Cut {
  const char* text;
  std::vector<TextPiece> pieces;
};

TEST(Placeholders, AreCutAsInTheArgumentsOfAContainer) {
  const Cut kCuts[] = {
      {"", {}},
      {"plain", {{"plain"}}},
      {"$(a)", {{"a", true}}},
      {"--size=$(size)M", {{"--size="}, {"size", true}, {"M"}}},
      {"$(a)$(b)", {{"a", true}, {"b", true}}},
      {"$$(a)", {{"$(a)"}}},
      {"$a $( x", {{"$a $( x"}}},
      {"$()", {{"", true}}},
  };
  for (const Cut& cut : kCuts) {
    SCOPED_TRACE(cut.text);
    EXPECT_EQ(CutPlaceholders(cut.text), cut.pieces);
  }
}

json Task() {
  return testing::ParseYaml(R"(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeTask
metadata: {name: t}
spec:
  nodeCommand: c
  commandDigest: abc
  node: {name: n1, uid: u, systemUUID: s, bootID: b}
  remediation: {name: r, uid: ru}
  step: {remedy: cure, attempt: 1, step: 0}
  via: Agent
  commands: [{argv: [/bin/true], timeout: 10s}]
  notAfter: "2026-01-02T03:04:05Z"
status:
  phase: Failed
  reason: CommandFailed
  results: [{command: /bin/true, startedAt: "2026-01-02T03:04:05Z", exitCode: 3}]
)");
}

TEST(NodeTasks, ReadBackAsTheyArePrinted) {
  KR_ASSERT_OK_AND_ASSIGN(const NodeTask task, FromJson<NodeTask>(Task()));
  EXPECT_EQ(task.spec.via, TaskVia::kAgent);
  EXPECT_EQ(task.status.results.at(0).exit_code, 3);
  KR_ASSERT_OK_AND_ASSIGN(const NodeTask again, FromJson<NodeTask>(ToJson(task)));
  EXPECT_EQ(again, task);
}

// Nobody has to trust who made it: what could reach elsewhere on the host is refused here, too.
TEST(NodeTasks, HoldNoRelativePaths) {
  json task = Task();
  task["spec"]["commands"][0]["argv"][0] = "true";
  EXPECT_FALSE(FromJson<NodeTask>(task).ok());
  task = Task();
  task["spec"]["commands"][0] = testing::ParseYaml(
      "{editFile: {path: /etc/a/../shadow, format: text, set: [{path: a, value: b}]}, timeout: "
      "1s}");
  EXPECT_FALSE(FromJson<NodeTask>(task).ok());
}

TEST(NodeTasks, WithFieldsOfANewerVersionAreNotUnderstood) {
  json task = Task();
  task["spec"]["force"] = true;
  EXPECT_THAT(FromJson<NodeTask>(task),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, "spec.force: unknown field"));
}

}  // namespace
}  // namespace kr::crds
