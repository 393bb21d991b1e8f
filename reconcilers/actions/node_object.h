#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/action.h"

// What actions on Nodes have in common.
namespace kr::actions {

bool IsNode(const kube::Resource& resource);

// Failed(NotANode) when the object is none.
std::optional<Failed> NotANode(const Observed& observed, std::string_view action);
// What has to happen before an action on a node may look at it: as NotANode, then as NeedLive.
std::optional<Next> NeedNode(const Observed& observed, std::string_view action);

// A node that runs the control plane, as its labels say (crds::kControlPlaneLabels).
bool IsControlPlane(const nlohmann::json& node);

// get and patch of nodes, and patch of their status.
std::vector<RbacRule> NodePatchRules();

}  // namespace kr::actions
