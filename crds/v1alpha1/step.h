#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/meta/raw_json.h"
#include "crds/v1alpha1/node_steps.h"
#include "crds/v1alpha1/service_steps.h"
#include "crds/v1alpha1/set_value.h"

// One step of a remedy: an action with its parameters, the object it works on, and what a failure
// means.
namespace kr::crds {

struct EnvVar {
  std::string name;
  std::string value;
  std::string value_expression;  // CEL, instead of `value`; "" = not given
  friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

// Sets environment variables of containers in a pod template (or a pod-like spec). An entry that
// has `valueFrom` is replaced whole.
struct SetEnv {
  std::string container;  // exactly one of the two is given
  std::vector<std::string> containers;
  std::vector<EnvVar> env;

  // `container` or `containers`, whichever is given.
  std::vector<std::string> Containers() const;
  friend bool operator==(const SetEnv&, const SetEnv&) = default;
};

enum class PatchType { kMerge, kStrategic, kJson, kApply };
std::string_view ToString(PatchType type);

enum class JsonOp { kAdd, kRemove, kReplace, kMove, kCopy, kTest };
std::string_view ToString(JsonOp op);

// One operation of RFC 6902.
struct JsonPatchOperation {
  JsonOp op = JsonOp::kTest;
  std::string path;
  std::string from;              // of kMove and kCopy
  RawJson value;                 // of kAdd, kReplace and kTest: any JSON, or...
  std::string value_expression;  // ...CEL
  friend bool operator==(const JsonPatchOperation&, const JsonPatchOperation&) = default;
};

struct Patch {
  PatchType type = PatchType::kMerge;
  RawJson patch;  // an object; may be empty when `set` is not; not of kJson
  std::vector<SetValue> set;
  std::vector<JsonPatchOperation> operations;  // of kJson
  bool force = false;                          // of kApply: takes fields from other managers
  friend bool operator==(const Patch&, const Patch&) = default;
};

// Makes an object as it is written (server-side apply): creates it when it is not there.
struct Apply {
  RawJson object;
  std::vector<SetValue> set;
  bool force = false;  // takes fields from other managers
  friend bool operator==(const Apply&, const Apply&) = default;
};

enum class AutoscalerRule { kRefuse, kIgnore };
std::string_view ToString(AutoscalerRule rule);

// Sets the number of replicas.
struct Scale {
  std::optional<int64_t> replicas;  // exactly one of the two is given
  std::string replicas_expression;  // CEL
  std::optional<int64_t> min;       // what is computed is brought into these bounds
  std::optional<int64_t> max;
  bool raise_only = false;
  bool lower_only = false;
  AutoscalerRule autoscaler = AutoscalerRule::kRefuse;
  friend bool operator==(const Scale&, const Scale&) = default;
};

// Replaces all pods of a workload by its own rules.
struct RolloutRestart {
  friend bool operator==(const RolloutRestart&, const RolloutRestart&) = default;
};

// kEvict keeps to PodDisruptionBudgets. kForce forgets a pod of a node that is proved to be off.
enum class DeletePodMode { kEvict, kDelete, kForce };
std::string_view ToString(DeletePodMode mode);

// Gets rid of a pod; done when it is gone.
struct DeletePod {
  DeletePodMode mode = DeletePodMode::kEvict;
  std::optional<int64_t> grace_period_seconds;  // absent: the pod's own
  absl::Duration timeout = absl::Minutes(5);
  friend bool operator==(const DeletePod&, const DeletePod&) = default;
};

enum class Propagation { kBackground, kForeground, kOrphan };
std::string_view ToString(Propagation propagation);

// Deletes an object; done when it is gone.
struct Delete {
  Propagation propagation = Propagation::kBackground;
  std::optional<int64_t> grace_period_seconds;
  absl::Duration timeout = absl::Minutes(5);
  friend bool operator==(const Delete&, const Delete&) = default;
};

// Waits until `expression` is true without a break for `hold_for`; fails after `timeout`.
struct WaitFor {
  std::string expression;
  absl::Duration hold_for = absl::ZeroDuration();  // spec: `for`
  absl::Duration timeout = absl::Minutes(10);
  friend bool operator==(const WaitFor&, const WaitFor&) = default;
};

// Tells people; touches nothing. At most one of the two; neither = a sentence about the symptom.
struct Notify {
  std::string message;
  std::string message_expression;  // CEL, a string
  std::string webhook;             // name of one that is told too; "" = none
  friend bool operator==(const Notify&, const Notify&) = default;
};

// Calls something outside of the cluster, by the name of a webhook that the operator's namespace
// has a Secret for.
struct Webhook {
  std::string name;
  std::vector<ActionParameter> parameters;
  absl::Duration timeout = absl::Seconds(30);   // of one try
  absl::Duration deadline = absl::Minutes(10);  // of all of them
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

// monostate only before a step is read or filled in: FromJson gives exactly one action.
using Action = std::variant<std::monostate, SetEnv, Patch, Apply, Scale, RolloutRestart, DeletePod,
                            Delete, Cordon, Uncordon, Taint, Untaint, Drain, DeleteNode,
                            RunNodeCommand, RecreateService, Webhook, WaitFor, Notify>;
// "setEnv", "patch", ...; "" for monostate.
std::string_view ActionName(const Action& action);

enum class OnFailure { kFail, kContinue, kRollback };
std::string_view ToString(OnFailure on_failure);

// One object by name. Without `name_space` it is in the target's (of a namespaced kind).
struct ApplyToRef {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;             // exactly one of the two is given
  std::string name_expression;  // CEL, evaluated when the step starts
  friend bool operator==(const ApplyToRef&, const ApplyToRef&) = default;
};

// What a step works on instead of the target. Chosen once, when the step starts, and recorded
// before anything is written. Exactly one of `ref` and `related` is given.
struct ApplyTo {
  std::optional<ApplyToRef> ref;
  std::string related;   // a name in spec.related: its objects...
  std::string where;     // ...for which this is true (CEL over `it`; "" = all)...
  std::string order_by;  // ...in this order (CEL over `it`; "" = by namespace and name)...
  int64_t max = 100;     // ...and of those the first
  int64_t max_concurrent = 1;
  std::optional<WaitFor> wait_for;  // after each object; `it` is that object
  friend bool operator==(const ApplyTo&, const ApplyTo&) = default;
};
inline constexpr int64_t kMaxApplyTo = 500;

struct Step {
  Action action;
  std::optional<ApplyTo> apply_to;
  OnFailure on_failure = OnFailure::kFail;
  friend bool operator==(const Step&, const Step&) = default;
};

}  // namespace kr::crds
