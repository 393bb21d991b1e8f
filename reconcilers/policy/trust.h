#pragma once

#include "controller/base/status.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// Whoever may write in one namespace must not be able to make us write elsewhere. Events, alerts
// and fields of namespaced objects are such people's to forge, so they justify writes only in their
// own namespace: a trigger that can start a write to a Node, to another cluster-scoped object or to
// another namespace must have, in the same entry, a condition or match on the object that is
// written (or on a cluster-scoped one, which no tenant writes). A schedule alone asks nobody.
// InvalidArgument names the trigger, the step, and what was expected. Pure.
Status CheckTrust(const CompiledPolicy& policy);

}  // namespace kr::policy
