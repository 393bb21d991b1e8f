#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// drain: moves the pods of a cordoned node elsewhere, so that nobody misses them: replicated ones
// at once within their limits, members of a quorum one at a time in the whole cluster and only
// while it is whole, by eviction, which asks PodDisruptionBudgets. What becomes of which pod is
// decided in reconcilers/drain; this is its way into steps.
//
// Done when no pod is left that has to go and the successors of evicted members serve. What stays
// behind (statefulSets: Skip, a node that is not ready) makes the result partial, which deleteNode
// does not take. Failed(DrainRefused) before the first eviction, naming every pod that must not go;
// Failed(DrainTimeout) naming what is left and why; Failed(NotCordoned), Failed(NotANode). Somebody
// who uncordons or replaces the node in the middle ends the remediation.
//
// Memo: {"begun": true} once the node was seen cordoned, kDrainResult at the end. Which pods were
// evicted is in the log of writes.
StatusOr<std::unique_ptr<Action>> MakeDrain(const crds::Drain& params, const cel::Scope& scope,
                                            std::string_view path);

}  // namespace kr::actions
