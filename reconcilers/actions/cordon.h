#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// cordon: the node takes no new pods. One conditional patch sets spec.unschedulable and notes the
// Remediation as a holder (Holders). Where somebody else has cordoned the node, nothing is written
// and nothing is taken back.
//
// A mitigation: taken back at recovery, at cancel, and by onFailure: Rollback. Memo: {"uid": the
// Remediation's} from before the write on.
StatusOr<std::unique_ptr<Action>> MakeCordon(const crds::Cordon& params, const cel::Scope& scope,
                                             std::string_view path);

// uncordon: gives up what this Remediation's cordon holds, now and not at recovery. What is not
// ours is left, and told.
StatusOr<std::unique_ptr<Action>> MakeUncordon(const crds::Uncordon& params,
                                               const cel::Scope& scope, std::string_view path);

}  // namespace kr::actions
