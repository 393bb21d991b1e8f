#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/node_command.h"
#include "crds/v1alpha1/progress.h"

// NodeTask: one execution of a NodeCommand on one node, for one step of one Remediation.
namespace kr::crds {

inline constexpr std::string_view kNodeTaskKind = "NodeTask";
inline constexpr std::string_view kNodeTaskPlural = "nodetasks";
// On the Jobs of NodeTasks and their pods; its value is the name of the task.
inline constexpr std::string_view kNodeTaskLabel = "kube-remedy.io/node-task";
// On NodeTasks: what the agent of a node watches by. See NodeLabel in reconcilers/node/task.h.
inline constexpr std::string_view kNodeTaskNodeLabel = "kube-remedy.io/node";

// Which machine is meant: all of it must still be so when the task starts.
struct TaskNode {
  std::string name;
  std::string uid;
  std::string system_uuid;  // status.nodeInfo.systemUUID
  std::string boot_id;      // status.nodeInfo.bootID
  friend bool operator==(const TaskNode&, const TaskNode&) = default;
};

struct TaskRemediation {
  std::string name;
  std::string uid;
  friend bool operator==(const TaskRemediation&, const TaskRemediation&) = default;
};

// Who executes it.
enum class TaskVia { kJob, kAgent };
std::string_view ToString(TaskVia via);

// Immutable.
struct NodeTaskSpec {
  std::string node_command;
  std::string command_digest;  // of the NodeCommand's spec when the task was made: CommandDigest
  TaskNode node;
  TaskRemediation remediation;
  StepId step;
  TaskVia via = TaskVia::kJob;
  std::vector<HostCommand> commands;  // with the parameters filled in
  bool reboots = false;
  int64_t max_output_bytes = 16 * 1024;
  absl::Time not_after;  // it must have begun by then
  friend bool operator==(const NodeTaskSpec&, const NodeTaskSpec&) = default;
};

enum class TaskPhase {
  kRunning,
  kRebooting,  // the commands are done; the host is on its way down
  kSucceeded,
  kFailed,
  kRefused,      // it is not what it says it is; nothing was run
  kInterrupted,  // it was begun and nobody knows how far it came; it is not begun again
};
std::string_view ToString(TaskPhase phase);
bool IsFinal(TaskPhase phase);

struct CommandResult {
  std::string command;  // as it was run, for people
  absl::Time started_at;
  std::optional<absl::Time> finished_at;
  std::optional<int64_t> exit_code;  // absent: it did not exit by itself
  int64_t signal = 0;                // that ended it
  bool timed_out = false;
  bool rolled_back = false;  // the file is as it was before
  std::string message;
  std::string output;
  bool truncated = false;  // the output was longer: its middle is left out
  friend bool operator==(const CommandResult&, const CommandResult&) = default;
};

struct NodeTaskStatus {
  std::optional<TaskPhase> phase;  // absent: nobody has begun
  std::string reason;              // of what is not Succeeded
  std::string message;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> finished_at;
  std::string boot_id_before;
  std::string boot_id_after;
  std::vector<CommandResult> results;
  friend bool operator==(const NodeTaskStatus&, const NodeTaskStatus&) = default;
};

struct NodeTask {
  ObjectMeta metadata;
  NodeTaskSpec spec;
  NodeTaskStatus status;
  friend bool operator==(const NodeTask&, const NodeTask&) = default;
};

}  // namespace kr::crds
