#pragma once

#include <string>
#include <string_view>

#include "controller/base/status.h"
#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `changed`: the value of an expression differs from the one in the target's TargetBaseline. Where
// none is recorded nothing has changed; who keeps them records it when the target is next healthy.
// `policy_id` and `trigger` name the baseline, `path` is for errors.
StatusOr<SignalPtr> MakeChanged(const crds::ChangedSignal& spec, const cel::Scope& scope,
                                std::string policy_id, std::string trigger, std::string_view path);

}  // namespace kr::signals
