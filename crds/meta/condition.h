#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace kr::crds {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

// metav1.Condition. Absent means the same as Unknown.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  int64_t observed_generation = 0;  // 0: not given
  absl::Time last_transition_time;
  std::string reason;  // CamelCase, never empty
  std::string message;

  friend bool operator==(const Condition&, const Condition&) = default;
};

// Puts `condition` in place of the one of its type, or at the end. It gets `generation` as
// observedGeneration. lastTransitionTime becomes `now` only when the status flips (or the condition
// is new); whatever it holds on entry is ignored. Returns whether anything changed, so that an
// unchanged status is not written.
bool SetCondition(std::vector<Condition>& conditions, Condition condition, int64_t generation,
                  absl::Time now);

// nullptr when there is none of that type.
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);
bool IsConditionTrue(const std::vector<Condition>& conditions, std::string_view type);

}  // namespace kr::crds
