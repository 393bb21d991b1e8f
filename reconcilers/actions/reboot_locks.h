#pragma once

#include <optional>

#include "reconcilers/actions/action.h"

namespace kr::actions {

// A restart of a host takes down every pod that is left on it: for each StatefulSet with one among
// them it needs what an eviction of a member needs. All other members are there and ready, no
// rollout is under way (by live lists), and no drain has a member of the set in its hands.
//
// nullopt: it may begin. Otherwise a Look, or a Wait that says which set is in the way.
std::optional<Next> AwaitWholeSets(const Observed& observed);

}  // namespace kr::actions
