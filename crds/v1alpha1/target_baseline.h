#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/remediation.h"

// TargetBaseline: what the controller has to remember about one target of one policy over its own
// restarts, and must not write on the target. Only the controller writes it.
namespace kr::crds {

// What the expression of a trigger's `changed` gave when the target was last healthy or remediated.
struct BaselineValue {
  std::string trigger;
  std::string expression_digest;  // of another expression it says nothing
  std::string value;              // JSON, "" when it is too long
  std::string digest;             // SHA-256 of that JSON
  absl::Time recorded_at;
  friend bool operator==(const BaselineValue&, const BaselineValue&) = default;
};

// Since when a trigger with a long `for` holds.
struct BaselineHold {
  std::string trigger;
  absl::Time since;
  friend bool operator==(const BaselineHold&, const BaselineHold&) = default;
};

struct TargetBaselineSpec {
  PolicyReference policy_ref;
  ObjectReference target_ref;
  friend bool operator==(const TargetBaselineSpec&, const TargetBaselineSpec&) = default;
};

struct TargetBaselineStatus {
  std::vector<BaselineValue> values;  // one per trigger
  std::vector<BaselineHold> holding;  // one per trigger
  friend bool operator==(const TargetBaselineStatus&, const TargetBaselineStatus&) = default;
};

struct TargetBaseline {
  ObjectMeta metadata;
  TargetBaselineSpec spec;
  TargetBaselineStatus status;
  friend bool operator==(const TargetBaseline&, const TargetBaseline&) = default;
};

inline constexpr size_t kMaxBaselineValue = 1024;

}  // namespace kr::crds
