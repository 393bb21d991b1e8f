#pragma once

#include <string>
#include <string_view>

#include "controller/base/status.h"
#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `lease`: a lease is fresh (renewed within `after`), or stale. Counted from our own observation
// (Leases): a lease that is not there, or was not seen to be renewed since we began to look, is
// stale after `after`, and until then nobody knows. A running remediation is told so (Unknown); for
// a target that nothing is done about it is False, or every restart would make all of them look
// sick.
SignalPtr MakeLease(const crds::LeaseSignal& spec);

// That the node's lease is fresh, as a part of its health. A node without a lease (a virtual one)
// is judged by its conditions alone, as the node lifecycle controller does.
SignalPtr MakeNodeLeaseIsFresh();

}  // namespace kr::signals
