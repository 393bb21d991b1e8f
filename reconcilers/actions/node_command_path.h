#pragma once

#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "crds/v1alpha1/node_command.h"
#include "crds/v1alpha1/node_steps.h"
#include "crds/v1alpha1/node_task.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// Who can execute something on the node, or what to do to find out.
//
// A Job while the node is Ready. When it is not, the agent if it renews its lease, whatever the
// kubelet says. Without an agent a Job is still tried while the kubelet reports (Ready=False may be
// about something that lets host-network pods start; startDeadline bounds it), and nothing is when
// it does not (Ready=Unknown). needsAgent and `via` narrow that.
//
// A lease counts as renewed when it was within its duration by our clock, or changes while it is
// looked at: a clock that is off costs a wait, never a wrong verdict that hurts, because a task
// that nobody takes up ends by itself.
std::variant<crds::TaskVia, Next> ChoosePath(crds::CommandPath via,
                                             const crds::NodeCommandSpec& command,
                                             const nlohmann::json& memo, const Observed& observed);

// The name under which ChoosePath looks at the agent's lease.
inline constexpr char kSeenLease[] = "lease";

}  // namespace kr::actions
