#pragma once

#include "controller/base/status.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// Our own patch proves nothing: when all that a trigger's signals (Events aside) read of the target
// is what a remedy's steps write, the trigger goes away by the patch alone. Such a remedy must
// bring a `verify`. InvalidArgument names it.
Status CheckOwnEffects(const CompiledPolicy& policy);

}  // namespace kr::policy
