#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "crds/v1alpha1/node_task.h"

// What a NodeTask is bound to, and whether that still holds.
namespace kr::node {

// SHA-256, hex, of what would be run.
std::string CommandDigest(const crds::NodeCommandSpec& spec);
// The same of a whole task: stands in the journal of its Remediation.
std::string TaskDigest(const crds::NodeTaskSpec& spec);

// The same step of the same Remediation always has the same name, whoever makes it.
std::string TaskName(const crds::NodeTaskSpec& spec);

// The value of crds::kNodeTaskNodeLabel: the name of the node, or where that is too long for a
// label a digest of it.
std::string NodeLabel(std::string_view node);

// The Lease, in the operator's namespace, that the agent of a node renews.
std::string AgentLeaseName(std::string_view node);

// Where a step of a Remediation keeps what it ordered (crds::StepProgress::memo).
inline constexpr char kMemoTask[] = "task";      // name of the NodeTask
inline constexpr char kMemoDigest[] = "digest";  // TaskDigest

// Who the executor is, as it sees it on the host itself.
struct HostIdentity {
  std::string node_name;
  std::string boot_id;
  std::string system_uuid;  // "" when the host does not tell
};

// Why a task is not executed.
struct Refusal {
  std::string reason;  // CamelCase
  std::string message;
};

// What the API server says now; null for what does not exist.
struct Surroundings {
  const nlohmann::json& node;
  const nlohmann::json& node_command;
  const nlohmann::json& remediation;
  absl::Time now;  // of the API server
};

// Whether the task is what it says: for this host as it is now, made from the NodeCommand as it is
// now, ordered by a step of that Remediation that still runs, and in time. nullopt: it is.
std::optional<Refusal> CheckTask(const crds::NodeTask& task, const HostIdentity& host,
                                 const Surroundings& around);

}  // namespace kr::node
