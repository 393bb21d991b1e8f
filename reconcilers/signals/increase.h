#pragma once

#include <string>
#include <string_view>

#include "controller/base/status.h"
#include "crds/v1alpha1/trigger.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// `increase`: the number that an expression gives has grown by so much from a value that it had
// within the window. It is counted from our own observation (NumberMemory):
//   - What it grew before View::answered counts no more: the remedy is judged by what came after.
//   - Where the window reaches back to before the first observation after a start, and nothing was
//     seen to grow, nobody knows. A running remediation is told so (Unknown); for a target that
//     nothing is done about it is False, or every restart would make all of them look sick.
// `number` names the expression of this policy in the memory; `path` is for errors.
StatusOr<SignalPtr> MakeIncrease(const crds::IncreaseSignal& spec, const cel::Scope& scope,
                                 std::string number, std::string_view path);

}  // namespace kr::signals
