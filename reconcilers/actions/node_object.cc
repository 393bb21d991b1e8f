#include "reconcilers/actions/node_object.h"

#include <algorithm>

#include "crds/meta/nodes.h"
#include "reconcilers/actions/change.h"

namespace kr::actions {

bool IsNode(const ObjectRef& ref) {
  return ref.resource.gvk.group.empty() && ref.resource.gvk.kind == "Node";
}

std::optional<Next> NeedNode(const Observed& observed, std::string_view action) {
  if (!IsNode(observed.ref)) {
    return Failed{"NotANode",
                  std::string(action) + " works on Nodes, not on " + ObjectText(observed.ref)};
  }
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
