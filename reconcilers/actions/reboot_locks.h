#pragma once

#include <optional>

#include "reconcilers/actions/action.h"
#include "reconcilers/drain/cluster.h"

namespace kr::actions {

// A restart of a host takes down every pod that is left on it: for each StatefulSet with one among
// them it needs what an eviction of a member needs. All other members are there and ready, no
// rollout is under way (by live lists), no drain has a member of the set in its hands, and no other
// Remediation restarts the host of one. The same for what an operator owns, of which the others
// that are there have to be ready, and what a drain has evicted replaced.
//
// nullopt: it may begin. Otherwise a Look, or a Wait that says which set is in the way.
std::optional<Next> AwaitWholeSets(const Observed& observed);

// In the memo of a step: when the restart of its host was ordered.
inline constexpr char kRestartOrdered[] = "restart";
// The hosts that a Remediation restarts, or has restarted, and since when; not those whose step has
// failed.
drain::Cluster::HostRestarts RestartsOf(const crds::Remediation& remediation);

}  // namespace kr::actions
