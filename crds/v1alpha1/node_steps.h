#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/int_or_percent.h"

// The parameters of actions on Nodes.
namespace kr::crds {

// A value that an action hands on by name: a text, or what an expression gives.
struct ActionParameter {
  std::string name;
  std::string value;
  std::string expression;  // CEL, instead of `value`; "" = not given
  friend bool operator==(const ActionParameter&, const ActionParameter&) = default;
};

// No new pods; a mitigation: released at recovery by the last that holds it.
struct Cordon {
  friend bool operator==(const Cordon&, const Cordon&) = default;
};

// Takes back a cordon of ours before the recovery.
struct Uncordon {
  friend bool operator==(const Uncordon&, const Uncordon&) = default;
};

enum class TaintEffect { kNoSchedule, kPreferNoSchedule, kNoExecute };
std::string_view ToString(TaintEffect effect);

// A mitigation, as Cordon.
struct Taint {
  std::string key;
  std::string value;
  TaintEffect effect = TaintEffect::kNoSchedule;
  friend bool operator==(const Taint&, const Taint&) = default;
};

// Takes back a taint of ours before the recovery.
struct Untaint {
  std::string key;
  std::optional<TaintEffect> effect;  // absent: whichever
  friend bool operator==(const Untaint&, const Untaint&) = default;
};

// What becomes of pods of one kind. kBlock: the drain does not begin; kSkip: they stay.
enum class DrainStatefulSets { kEvict, kSkip, kBlock };
std::string_view ToString(DrainStatefulSets rule);
enum class DrainEmptyDir { kBlock, kDelete };
std::string_view ToString(DrainEmptyDir rule);
enum class DrainUnmanaged { kBlock, kEvict, kSkip };
std::string_view ToString(DrainUnmanaged rule);
// Pods that no other node can take.
enum class DrainImmovable { kBlock, kEvictAnyway, kSkip };
std::string_view ToString(DrainImmovable rule);
// Pods that ask not to be moved.
enum class DrainOptOut { kRespect, kIgnore };
std::string_view ToString(DrainOptOut rule);
// Whether the other nodes must have room for all of them.
enum class DrainHeadroom { kCheck, kIgnore };
std::string_view ToString(DrainHeadroom rule);
// kAbort takes our cordon back; kDeletePods no longer asks PodDisruptionBudgets.
enum class DrainOnTimeout { kKeepCordoned, kAbort, kDeletePods };
std::string_view ToString(DrainOnTimeout rule);

// Moves all pods away that can live elsewhere.
struct Drain {
  DrainStatefulSets stateful_sets = DrainStatefulSets::kEvict;
  DrainEmptyDir empty_dir = DrainEmptyDir::kBlock;
  DrainUnmanaged unmanaged = DrainUnmanaged::kBlock;
  DrainImmovable immovable = DrainImmovable::kBlock;
  DrainOptOut do_not_disrupt = DrainOptOut::kRespect;
  DrainHeadroom headroom = DrainHeadroom::kCheck;
  std::string leader_when;  // CEL over `it`, a pod of a StatefulSet: those go last within their set
  std::string ready_when;   // CEL over `it`, its successor: when it counts, besides Ready
  // Of an owner that no PodDisruptionBudget covers: so many pods are away at the same time.
  IntOrPercent max_unavailable = IntOrPercent::Percent(25);
  std::optional<int64_t> grace_period_seconds;  // only lowers the pods' own
  absl::Duration timeout = absl::Hours(1);
  DrainOnTimeout on_timeout = DrainOnTimeout::kKeepCordoned;
  friend bool operator==(const Drain&, const Drain&) = default;
};

// Deletes the Node object, after a complete drain or with fencing evidence.
struct DeleteNode {
  absl::Duration timeout = absl::Minutes(5);
  friend bool operator==(const DeleteNode&, const DeleteNode&) = default;
};

// Who executes on the node. kAuto: a Job while the node starts pods, else the agent.
enum class CommandPath { kAuto, kJob, kAgent };
std::string_view ToString(CommandPath path);

// Runs a NodeCommand on the node.
struct RunNodeCommand {
  std::string name;
  std::vector<ActionParameter> parameters;
  CommandPath via = CommandPath::kAuto;
  absl::Duration timeout = absl::Minutes(10);        // until it is over
  absl::Duration start_deadline = absl::Minutes(1);  // until it begins
  friend bool operator==(const RunNodeCommand&, const RunNodeCommand&) = default;
};

}  // namespace kr::crds
