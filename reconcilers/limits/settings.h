#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace kr::limits {

// What is not part of a policy: waiting times and exceptions from the operator's configuration
// file, and where this process runs.
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
  // The first pause after a remediation that found nothing to do, and where its doubling ends.
  absl::Duration second_look = absl::Seconds(5);
  absl::Duration second_look_max = absl::Minutes(10);
  // Each so long that a sick target has waited counts as one more of its policy's priority.
  absl::Duration aging = absl::Minutes(10);
  // Policies, by name, that the built-in budget of nodes does not bind.
  std::vector<std::string> exempt_from_node_budget;
  // Where medik8s' operators keep the Leases with which they claim nodes.
  std::string medik8s_leases = "medik8s-leases";
  // Of this process: its namespace is nobody's target, its node comes last. "" = not known.
  std::string own_namespace;
  std::string own_node;
};

}  // namespace kr::limits
