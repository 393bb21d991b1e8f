#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// nodeCommand: runs a NodeCommand on the host of a node. The NodeCommand is read live when the step
// begins and its parameters are evaluated and checked; a NodeTask is made with all of it filled in,
// bound to that machine in that boot; and a Job on the node (made by this action, too) or the agent
// executes it (node_command_path.h says which). Done when the task has succeeded; for one that
// restarts the host, when the node reports another boot ID.
//
// Failed, before anything is ordered: NotANode, TargetGone, NoNodeCommand, InvalidNodeCommand,
// InvalidParameter, ValueUnknown, NoAgent, Unreachable, NoImage, NodeUnknown (it reports no boot
// ID), CommandChanged (between two tries to order it). Afterwards: NotStarted after startDeadline
// (a Job is removed, a task of the agent withdrawn; a task that would begin later refuses itself),
// TimedOut after `timeout`, JobFailed and Interrupted when nobody says what came of it, and the
// reason of a task that has failed.
//
// Memo: {task, digest: see reconcilers/node/task.h; via, notAfter, values, withdrawn, restart: see
// reboot_locks.h}.
StatusOr<std::unique_ptr<Action>> MakeNodeCommand(const crds::RunNodeCommand& params,
                                                  const cel::Scope& scope, std::string_view path);

}  // namespace kr::actions
