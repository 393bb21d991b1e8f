#pragma once

#include "absl/time/time.h"

namespace kr::limits {

// Waiting times that are not part of a policy: they come from the operator's configuration file.
struct Settings {
  // How long the number of unhealthy targets must stay at or below the limit before an open breaker
  // lets one remediation try.
  absl::Duration breaker_calm = absl::Minutes(10);
  // A symptom that comes back within this time of a success makes that success a failure; a lineage
  // that was healthy for this long starts clean.
  absl::Duration relapse = absl::Hours(24);
  // Two reverts of our change within this time are a dispute.
  absl::Duration revert_window = absl::Hours(24);
  // Doubling stops here (or at the policy's own cooldown, when that is longer).
  absl::Duration max_cooldown = absl::Hours(24);
};

}  // namespace kr::limits
