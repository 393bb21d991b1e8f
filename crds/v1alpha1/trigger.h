#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/condition.h"
#include "crds/v1alpha1/common.h"

namespace kr::crds {

// Holds when the target has a status condition of that type with one of those statuses, and its
// reason and message match (RE2, searched for; "" matches everything).
struct ConditionSignal {
  std::string type;
  std::vector<ConditionStatus> status;
  std::string reason;
  std::string message;

  friend bool operator==(const ConditionSignal&, const ConditionSignal&) = default;
};

// Holds when a source of spec.events saw at least `count` occurrences within its window.
struct EventsSignal {
  std::string from;
  int64_t count = 1;

  friend bool operator==(const EventsSignal&, const EventsSignal&) = default;
};

// One way in which a target is sick: all signals that are given hold, without a break for as long
// as HoldFor().
struct Trigger {
  std::string name;
  std::optional<absl::Duration> hold_for;  // spec: `for`
  std::optional<ConditionSignal> condition;
  std::optional<EventsSignal> events;
  std::vector<NamedExpression> match;

  // hold_for or its default: 3 minutes with a condition, else 0.
  absl::Duration HoldFor() const;
  friend bool operator==(const Trigger&, const Trigger&) = default;
};

}  // namespace kr::crds
