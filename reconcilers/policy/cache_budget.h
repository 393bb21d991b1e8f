#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "controller/cache/watch_planner.h"

// How much of the cluster may be kept in memory, and who gives way when that is not enough: a
// policy whose watches would end the process acts for nobody. Pure.
namespace kr::policy {

struct CacheBudget {
  size_t max_bytes = 0;  // 0: no limit
  // A policy that gave way is tried again after this pause, which doubles: clusters shrink, too.
  absl::Duration retry = absl::Minutes(10);
  absl::Duration retry_max = absl::Hours(6);
};

// Some of those that watch, and what is no longer kept without them.
struct GivingWay {
  std::vector<size_t> who;  // among `askers`, ascending; empty: there is nobody
  std::string watch;        // the largest one that is closed, or keeps less of each object
  size_t bytes = 0;         // of its objects
  bool closed = false;
};

// The youngest of `askers`, the first being the youngest, without whom noticeably less is kept: no
// others need that watch, or as many fields of its objects. As few as possible: whoever makes no
// difference stays. `others` are the needs of those who never give way, `bytes` what the objects of
// a watch take now.
GivingWay WhoGivesWay(const CacheBudget& budget, std::span<const std::vector<cache::Need>> askers,
                      std::span<const cache::Need> others,
                      absl::FunctionRef<size_t(const cache::WatchScope&)> bytes);

// "734 KiB", "12.5 MiB": for people.
std::string BytesText(size_t bytes);

}  // namespace kr::policy
