#pragma once

#include <string_view>

namespace kr::policy {

// Whether objects of a kind stand in namespaces, as far as that is known without asking a cluster.
enum class KindScope { kNamespaced, kCluster, kUnknown };

// `group` without the version: "" for Pods, "apps" for Deployments. Only Kubernetes' own kinds are
// known.
KindScope ScopeOfKind(std::string_view group, std::string_view kind);

}  // namespace kr::policy
