#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/condition.h"
#include "crds/meta/int_or_percent.h"
#include "crds/v1alpha1/common.h"

namespace kr::crds {

// Holds when the target has a status condition of that type with one of those statuses, and its
// reason and message match (RE2, searched for; "" matches everything).
struct ConditionSignal {
  std::string type;
  std::vector<ConditionStatus> status;
  std::string reason;
  std::string message;
  std::optional<absl::Duration> heartbeat_within;  // lastHeartbeatTime is younger

  friend bool operator==(const ConditionSignal&, const ConditionSignal&) = default;
};

enum class LeaseState { kFresh, kStale };
std::string_view ToString(LeaseState state);

// Holds when a Lease has (kFresh) or has not (kStale) been renewed for `after`, by our own clock
// and from our own observation.
struct LeaseSignal {
  std::string name_space;  // "" and a Node as target: kube-node-lease...
  std::string name;        // ...and the name of the node
  LeaseState state = LeaseState::kStale;
  absl::Duration after = absl::Seconds(40);

  friend bool operator==(const LeaseSignal&, const LeaseSignal&) = default;
};

// What `count` of an events signal counts instead of occurrences: the different objects that the
// Events are about, or their owners, or the nodes that they are on.
enum class Distinct { kObject, kOwner, kNode };
std::string_view ToString(Distinct distinct);

// Holds when a source of spec.events saw at least `count` occurrences within its window.
struct EventsSignal {
  std::string from;
  int64_t count = 1;
  std::optional<Distinct> distinct;

  friend bool operator==(const EventsSignal&, const EventsSignal&) = default;
};

// Holds when nothing stands at one of the target's names x namespaces, which only then are slots
// that may be empty.
struct AbsentSignal {
  friend bool operator==(const AbsentSignal&, const AbsentSignal&) = default;
};

// Holds when the value of `expression` differs from what it was when the target was last healthy or
// last remediated.
struct ChangedSignal {
  std::string expression;

  friend bool operator==(const ChangedSignal&, const ChangedSignal&) = default;
};

// Holds when the number that `expression` gives has grown by at least `by` within a window: a share
// is one of the number that it has grown from.
struct IncreaseSignal {
  std::string expression;
  IntOrPercent by = IntOrPercent::Count(1);
  absl::Duration within = absl::Minutes(10);

  friend bool operator==(const IncreaseSignal&, const IncreaseSignal&) = default;
};

// Holds from each time of `cron` (five fields, as in CronJob) until the target was remediated for
// it, at most for starting_deadline.
struct ScheduleSignal {
  std::string cron;
  std::string time_zone = "UTC";  // IANA name
  absl::Duration starting_deadline = absl::Hours(1);

  friend bool operator==(const ScheduleSignal&, const ScheduleSignal&) = default;
};

// Which labels of an alert name the target.
struct AlertTargetLabels {
  std::string name_space = "namespace";
  std::string name;

  friend bool operator==(const AlertTargetLabels&, const AlertTargetLabels&) = default;
};

// Holds while Alertmanager says that an alert with all of these labels fires for the target.
struct AlertSignal {
  std::map<std::string, std::string> labels;
  AlertTargetLabels target_labels;

  friend bool operator==(const AlertSignal&, const AlertSignal&) = default;
};

// One way in which a target is sick: all signals that are given hold, without a break for as long
// as HoldFor().
struct Trigger {
  std::string name;
  std::optional<absl::Duration> hold_for;  // spec: `for`
  std::optional<ConditionSignal> condition;
  std::optional<LeaseSignal> lease;
  std::optional<EventsSignal> events;
  std::optional<AbsentSignal> absent;
  std::optional<ChangedSignal> changed;
  std::optional<IncreaseSignal> increase;
  std::optional<ScheduleSignal> schedule;
  std::optional<AlertSignal> alert;
  std::vector<NamedExpression> match;

  // Only signals that say that something happened: that it does not happen again proves no cure.
  bool OnlyOccurrences() const;
  // hold_for or its default: 3 minutes with a condition or a lease, else 0.
  absl::Duration HoldFor() const;
  friend bool operator==(const Trigger&, const Trigger&) = default;
};

}  // namespace kr::crds
