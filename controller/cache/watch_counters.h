#pragma once

#include <cstdint>

#include "controller/kube/resource.h"

namespace kr::cache {

// What a watch has done since it was made.
struct WatchCounters {
  uint64_t events = 0;       // of a stream, bookmarks included
  uint64_t bytes = 0;        // received, lists included
  uint64_t lists = 0;        // begun
  uint64_t watches = 0;      // opened
  uint64_t undecodable = 0;  // lines and pages
  uint64_t problems = 0;     // refused, cut, undecodable

  bool operator==(const WatchCounters&) const = default;
};

// Somebody who adds up what all watches do, for metrics. Called on the engine thread, at most once
// per batch of lines.
class WatchMeter {
 public:
  virtual ~WatchMeter() = default;
  // What one watch of `resource` has done since the last call for it.
  virtual void Count(const kube::Resource& resource, const WatchCounters& added) = 0;
};

}  // namespace kr::cache
