#pragma once

#include <string_view>

#include "controller/kube/resource.h"

namespace kr::policy {

// What "healthy" means for targets of a kind when the policy does not say: a CEL expression over
// `object`. Workloads: the controller has seen the newest spec, all pods run it and are available.
// Nodes: Ready is True. Everything else: "", being there is enough.
std::string_view DefaultHealthy(const kube::GroupVersionKind& kind);

}  // namespace kr::policy
