#pragma once

#include <stop_token>

#include "cmd/kube-remedy/config.h"
#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"

namespace kr::cmd {

// Runs the controller until `stop`, then stops it in order: no work begins any more, requests under
// way end, events are written, the lease is released (only if all of that went well), the watches
// and at last the health server close.
//
// OK after such a stop. An error when a part could not start, when the leader lease was lost, or
// when something did not end within the grace period: the process should exit with a failure.
Status RunController(const Config& config, const kube::ClusterConfig& cluster, Clock& clock,
                     std::stop_token stop);

}  // namespace kr::cmd
