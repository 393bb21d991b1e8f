#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/cron.h"
#include "controller/base/status.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// A maintenance window that comes back: open from each time of the schedule on, for `duration`.
struct Window {
  crds::Window written;
  CronSchedule schedule;
  absl::TimeZone zone;

  // InvalidArgument names the field: a schedule that cannot be read or never fires, a time zone
  // that this machine does not know (IANA name).
  static StatusOr<Window> Parse(const crds::Window& window);
  bool Open(absl::Time now) const;
};

// OutsideWindow when none of them is open; says when the next one opens. No windows = always open.
// Asked before the first write of a rung: one that has begun to write is finished, as half a remedy
// is no remedy.
std::optional<Refusal> CheckWindows(std::span<const Window> windows, absl::Time now);

}  // namespace kr::limits
