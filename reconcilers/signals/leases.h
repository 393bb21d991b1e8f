#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/cache/connectivity.h"

namespace kr::signals {

// How long ago leases were renewed, as far as we have seen: on our own monotonic clock, from the
// last change of renewTime that a watch brought, so that neither the clock of a node nor a step of
// ours makes a lease old (the node lifecycle controller does likewise). Time without a watch does
// not count, and after an outage every lease gets one lease duration more. A watch that is renewed
// or listed again brings no change and resets nothing. Engine thread only.
class Leases {
 public:
  // What is between two renewals at most, for who keeps a lease at all.
  static constexpr absl::Duration kDuration = absl::Seconds(40);

  // Until then nothing is known. `clock` outlives it.
  void Use(const Clock& clock) { clock_ = &clock; }
  // The watches that serve now: what came by others ages by the clock alone. They outlive this
  // until the next call.
  void SetWatches(std::vector<const cache::Connectivity*> watches) {
    watches_ = std::move(watches);
  }
  // The shortest `after` that anybody asks with. Leases that were renewed sooner wake nobody.
  void SetShortest(absl::Duration after) { shortest_ = after; }

  // A watch shows the lease. True: whoever reads it may have to be told something else than before.
  bool Observe(const cache::Connectivity& watch, std::string_view name_space, std::string_view name,
               std::string_view holder, std::string_view renew_time);
  // It was deleted, or nobody asks for it any more.
  void Forget(std::string_view name_space, std::string_view name);
  // Somebody asks for it, and the watch does not have it: its age counts from the first time.
  void Miss(std::string_view name_space, std::string_view name);

  struct Sight {
    bool exists = false;
    bool renewed = false;  // a renewal was seen: otherwise it may be older than it looks
    absl::Duration age;    // since then, or since the first sight
    std::string_view holder;
    std::string_view renew_time;  // as the lease says
  };
  // nullopt: not observed yet.
  std::optional<Sight> Find(std::string_view name_space, std::string_view name) const;

  size_t size() const { return leases_.size(); }
  // All that were observed, when nobody asks for leases any more.
  void Clear() { leases_.clear(); }

 private:
  struct Lease {
    const cache::Connectivity* watch = nullptr;  // that it came by; maybe gone
    MonotonicTime changed_at;
    absl::Duration connected_before;  // of the watch, when it changed
    bool exists = false;
    bool renewed = false;
    std::string holder;
    std::string renew_time;
  };
  using Key = std::pair<std::string, std::string>;

  absl::Duration AgeOf(const Lease& lease) const;
  void Mark(Lease& lease, const cache::Connectivity* watch) const;

  const Clock* clock_ = nullptr;
  std::vector<const cache::Connectivity*> watches_;
  absl::Duration shortest_ = kDuration;
  std::map<Key, Lease> leases_;
};

}  // namespace kr::signals
