#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "controller/kube/resource.h"
#include "reconcilers/actions/action.h"

// The lease that the agent on a node renews: who renews it runs on that host, whatever its kubelet
// does.
namespace kr::actions {

// In the operator's namespace for nodes.
kube::ObjectKey AgentLeaseKey(const Observed& observed, std::string_view node);

// How long it holds without being renewed.
absl::Duration AgentLeaseDuration(const nlohmann::json& lease);

}  // namespace kr::actions
