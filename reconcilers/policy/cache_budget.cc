#include "reconcilers/policy/cache_budget.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"

namespace kr::policy {
namespace {

using cache::Need;
using cache::WatchScope;

// Of watches that take at least `noticeable` bytes.
GivingWay Find(size_t noticeable, std::span<const std::vector<Need>> askers,
               std::span<const Need> others, absl::FunctionRef<size_t(const WatchScope&)> bytes) {
  // What the watches keep when only these ask.
  const auto kept = [&](const std::vector<bool>& asking) {
    std::vector<Need> needs(others.begin(), others.end());
    for (size_t i = 0; i < askers.size(); ++i) {
      if (asking[i]) needs.insert(needs.end(), askers[i].begin(), askers[i].end());
    }
    std::map<WatchScope, document::Projection::Ptr> plan;
    for (const cache::WatchSpec& spec : cache::PlanWatches(needs)) {
      plan.emplace(spec.scope, spec.projection);
    }
    return plan;
  };
  std::vector<bool> asks(askers.size(), true);
  const auto all = kept(asks);
  std::vector<std::pair<size_t, WatchScope>> large;
  for (const auto& [scope, projection] : all) {
    if (const size_t size = bytes(scope); size >= noticeable) large.push_back({size, scope});
  }
  std::sort(large.rbegin(), large.rend());
  // The largest one of which less is kept then.
  const auto spared = [&](const std::vector<bool>& asking) {
    const auto plan = kept(asking);
    for (const auto& [size, scope] : large) {
      const auto left = plan.find(scope);
      const bool closed = left == plan.end();
      if (!closed && left->second->Covers(*all.at(scope))) continue;
      return GivingWay{.watch = scope.ToString(), .bytes = size, .closed = closed};
    }
    return GivingWay();
  };
  GivingWay found;
  size_t next = 0;
  for (; next < askers.size() && found.bytes == 0; ++next) {
    const bool concerned =
        std::any_of(askers[next].begin(), askers[next].end(), [&](const Need& need) {
          return std::any_of(large.begin(), large.end(), [&](const auto& watch) {
            return watch.second.resource == need.resource;
          });
        });
    if (!concerned) continue;
    asks[next] = false;
    found = spared(asks);
  }
  if (found.bytes == 0) return {};
  while (next-- > 0) {
    if (asks[next]) continue;
    asks[next] = true;
    if (GivingWay still = spared(asks); still.bytes > 0) {
      found = std::move(still);
    } else {
      asks[next] = false;
    }
  }
  for (size_t i = 0; i < asks.size(); ++i) {
    if (!asks[i]) found.who.push_back(i);
  }
  return found;
}

}  // namespace

GivingWay WhoGivesWay(const CacheBudget& budget, std::span<const std::vector<Need>> askers,
                      std::span<const Need> others,
                      absl::FunctionRef<size_t(const WatchScope&)> bytes) {
  // Nobody has to end for a watch that takes next to nothing, unless there are only such.
  GivingWay found = Find(std::max(budget.max_bytes / 20, size_t{1}), askers, others, bytes);
  return found.who.empty() ? Find(1, askers, others, bytes) : found;
}

std::string BytesText(size_t bytes) {
  if (bytes < size_t{1} << 20) return absl::StrFormat("%d KiB", (bytes + 1023) >> 10);
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace kr::policy
