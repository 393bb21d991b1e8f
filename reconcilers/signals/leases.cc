#include "reconcilers/signals/leases.h"

#include <algorithm>

namespace kr::signals {

absl::Duration Leases::AgeOf(const Lease& lease) const {
  const MonotonicTime now = clock_->Monotonic();
  if (std::find(watches_.begin(), watches_.end(), lease.watch) == watches_.end()) {
    return now - lease.changed_at;
  }
  absl::Duration age = lease.watch->ConnectedTime(now) - lease.connected_before;
  // Whoever could not renew it while the API server was away needs a moment to do so.
  const cache::Connectivity::Gap& outage = lease.watch->last_outage();
  if (outage.length > absl::ZeroDuration() && outage.end > lease.changed_at) age -= kDuration;
  return std::max(age, absl::ZeroDuration());
}

void Leases::Mark(Lease& lease, const cache::Connectivity* watch) const {
  lease.watch = watch;
  lease.changed_at = clock_->Monotonic();
  lease.connected_before =
      watch == nullptr ? absl::ZeroDuration() : watch->ConnectedTime(lease.changed_at);
}

bool Leases::Observe(const cache::Connectivity& watch, std::string_view name_space,
                     std::string_view name, std::string_view holder, std::string_view renew_time) {
  if (clock_ == nullptr) return false;
  const auto [it, is_new] = leases_.try_emplace(Key(name_space, name));
  Lease& lease = it->second;
  if (!is_new && lease.exists && lease.renew_time == renew_time && lease.holder == holder) {
    if (lease.watch == &watch) return false;
    // Another watch takes over and shows the same: what is known of its age stays.
    const absl::Duration age = AgeOf(lease);
    lease.watch = &watch;
    lease.connected_before = watch.ConnectedTime(clock_->Monotonic()) - age;
    return false;
  }
  const bool told = !is_new && (!lease.exists || !lease.renewed || AgeOf(lease) >= shortest_);
  lease.renewed = !is_new;  // one that comes to be is as good as a renewal
  lease.exists = true;
  lease.holder = holder;
  lease.renew_time = renew_time;
  Mark(lease, &watch);
  return told;
}

void Leases::Forget(std::string_view name_space, std::string_view name) {
  leases_.erase(Key(name_space, name));
}

void Leases::Miss(std::string_view name_space, std::string_view name) {
  if (clock_ == nullptr) return;
  const auto [it, is_new] = leases_.try_emplace(Key(name_space, name));
  if (is_new) Mark(it->second, nullptr);
}

std::optional<Leases::Sight> Leases::Find(std::string_view name_space,
                                          std::string_view name) const {
  const auto it = leases_.find(Key(name_space, name));
  if (it == leases_.end() || clock_ == nullptr) return std::nullopt;
  const Lease& lease = it->second;
  return Sight{lease.exists, lease.renewed, AgeOf(lease), lease.holder, lease.renew_time};
}

}  // namespace kr::signals
