#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/status.h"

namespace kr::limits {

// kured writes into an annotation of its DaemonSet which nodes it is rebooting.
inline constexpr char kKuredLock[] = "weave.works/kured-node-lock";

struct KuredLock {
  std::string node;
  absl::Time expires = absl::InfiniteFuture();
};

// All nodes that such a lock names: of one owner ({"nodeID": ..}) or of several ({"locks": [..]}).
// InvalidArgument when it is neither: then nobody knows which nodes it means.
StatusOr<std::vector<KuredLock>> ParseKuredLock(std::string_view annotation);

}  // namespace kr::limits
