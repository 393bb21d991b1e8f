#pragma once

#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `schedule`: the last time of a schedule has not been dealt with (View::schedule_answered) and is
// not longer ago than its starting deadline. Times before the policy (`policy_created`) or the
// object existed are nobody's. A remediation that a time has started is still asked for by it when
// it begins late, but not after its own writes (View::answered): like an Event, a time happens and
// is then over. `path` is for errors.
StatusOr<SignalPtr> MakeSchedule(const crds::ScheduleSignal& spec, absl::Time policy_created,
                                 std::string_view path);

}  // namespace kr::signals
