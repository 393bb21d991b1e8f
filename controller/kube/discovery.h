#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/kube/resource.h"

// What the documents of the discovery API say; pure functions.
namespace kr::kube {

// A kind of one group and version.
struct DiscoveredKind {
  Resource resource;
  bool watchable = true;  // has the verbs list and watch
};

struct DiscoveredVersion {
  std::string group;
  std::string version;
  // False: the server that serves it did not answer the aggregator, the list may be empty or old.
  bool current = true;
  std::vector<DiscoveredKind> kinds;
};

// What a request to /api or /apis asks for: aggregated discovery, v2 (KEP-3352).
inline constexpr std::string_view kAggregatedDiscoveryAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

// An APIGroupDiscoveryList: everything below /api or /apis. Unimplemented when the document is
// another one, which is how a server without aggregated discovery answers; InvalidArgument when it
// is broken.
StatusOr<std::vector<DiscoveredVersion>> ParseAggregatedDiscovery(std::string_view json);

// An APIResourceList: /api/v1 or /apis/<group>/<version>.
StatusOr<DiscoveredVersion> ParseResourceList(std::string_view json);

}  // namespace kr::kube
