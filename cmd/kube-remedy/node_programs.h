#pragma once

#include <stop_token>

#include "cmd/kube-remedy/node_options.h"
#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"

namespace kr::cmd {

// `kube-remedy node-run`: OK when the task has succeeded.
Status RunNodeTask(const NodeRunFlags& flags, const kube::ClusterConfig& cluster, Clock& clock,
                   std::stop_token stop);

// `kube-remedy agent`: until `stop`.
Status RunAgent(const AgentFlags& flags, const kube::ClusterConfig& cluster, Clock& clock,
                std::stop_token stop);

}  // namespace kr::cmd
