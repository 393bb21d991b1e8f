#include "reconcilers/actions/node_object.h"

#include <algorithm>

#include "crds/meta/nodes.h"
#include "reconcilers/actions/change.h"

namespace kr::actions {

bool IsNode(const kube::Resource& resource) {
  return resource.gvk.group.empty() && resource.gvk.kind == "Node";
}

std::optional<Failed> NotANode(const Observed& observed, std::string_view action) {
  if (IsNode(observed.ref.resource)) return std::nullopt;
  return Failed{"NotANode",
                std::string(action) + " works on Nodes, not on " + ObjectText(observed.ref)};
}

std::optional<Next> NeedNode(const Observed& observed, std::string_view action) {
  if (auto other = NotANode(observed, action)) return *std::move(other);
  return NeedLive(observed);
}

bool IsControlPlane(const nlohmann::json& node) {
  const nlohmann::json* labels = Find(node, {"metadata", "labels"});
  return labels != nullptr &&
         std::ranges::any_of(crds::kControlPlaneLabels,
                             [&](std::string_view label) { return labels->contains(label); });
}

std::vector<RbacRule> NodePatchRules() {
  // The status is what the Node itself tells of it.
  return {{"", "nodes", "get"}, {"", "nodes", "patch"}, {"", "nodes/status", "patch"}};
}

}  // namespace kr::actions
