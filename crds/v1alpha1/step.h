#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/meta/raw_json.h"

// One step of a remedy: an action with its parameters, the object it works on, and what a failure
// means.
namespace kr::crds {

struct EnvVar {
  std::string name;
  std::string value;
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

enum class PatchType { kMerge, kStrategic };
std::string_view ToString(PatchType type);

// A value that is computed: `expression` (CEL) is evaluated once when the step starts and put at
// `path` (RFC 6901 pointer into the patch).
struct SetValue {
  std::string path;
  std::string expression;
  friend bool operator==(const SetValue&, const SetValue&) = default;
};

struct Patch {
  PatchType type = PatchType::kMerge;
  RawJson patch;  // an object; may be empty when `set` is not
  std::vector<SetValue> set;
  friend bool operator==(const Patch&, const Patch&) = default;
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
  friend bool operator==(const Notify&, const Notify&) = default;
};

// monostate only before a step is read or filled in: FromJson gives exactly one action.
using Action = std::variant<std::monostate, SetEnv, Patch, WaitFor, Notify>;
// "setEnv", "patch", "waitFor", "notify"; "" for monostate.
std::string_view ActionName(const Action& action);

enum class OnFailure { kFail, kContinue, kRollback };
std::string_view ToString(OnFailure on_failure);

// What a step works on instead of the target. `ref.uid` is always "".
struct ApplyTo {
  ObjectReference ref;
  friend bool operator==(const ApplyTo&, const ApplyTo&) = default;
};

struct Step {
  Action action;
  std::optional<ApplyTo> apply_to;
  OnFailure on_failure = OnFailure::kFail;
  friend bool operator==(const Step&, const Step&) = default;
};

}  // namespace kr::crds
