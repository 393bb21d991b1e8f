#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// setEnv: sets environment variables of containers in the pod template of a DaemonSet, Deployment
// or StatefulSet (group apps), found by name among `containers`; init containers are never touched.
//
// One strategic merge patch holds nothing but the entries that differ. An entry that has valueFrom
// is replaced whole, and everything else of the template stays. The write depends on the
// resourceVersion of what was read.
//
// Without the effect, an object with a controller (the Tigera operator's Installation owns
// calico-node) is reported and not patched: its owner would set the change back.
// Failed(TargetGone), Failed(KindNotSupported), Failed(ContainerNotFound), Failed(AmbiguousEntry)
// for a variable that is there twice.
//
// Memo: {"before": {<container>: [{name, value | valueFrom} or {name, absent: true}]}}, the entries
// that we changed as they were before our first write, or {"noUndo": why} over kMaxPreImageBytes.
// References to Secrets are kept as references.
StatusOr<std::unique_ptr<Action>> MakeSetEnv(const crds::SetEnv& params, const cel::Scope& scope,
                                             std::string_view path);

}  // namespace kr::actions
