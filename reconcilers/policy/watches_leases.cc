// Leases: a hundred renewals a second are noted, and nobody hears of them who knew that the lease
// is fresh. That one has become stale is found by the reader's own timer (Reading::valid_until).
#include <algorithm>
#include <utility>

#include "reconcilers/policy/needs.h"
#include "reconcilers/policy/watches.h"
#include "reconcilers/policy/watches_served.h"

namespace kr::policy {

using document::Document;
using document::DocumentPtr;

void Watches::OnLease(const cache::Informer& informer, const DocumentPtr& before,
                      const DocumentPtr& after) {
  const Document& lease = after ? *after : *before;
  if (!lease_namespaces_.contains(lease.name_space())) return;
  bool told = true;
  if (after) {
    told = past_.leases.Observe(informer.reflector().connectivity(), lease.name_space(),
                                lease.name(), lease.At("spec.holderIdentity").StringOr(""),
                                lease.At("spec.renewTime").StringOr(""));
  } else {
    past_.leases.Forget(lease.name_space(), lease.name());
  }
  if (!told) return;
  for (const auto& [key, served] : served_) {
    const CompiledPolicy& policy = *served->policy;
    for (const signals::LeaseRead& read : policy.leases) {
      if (read.name_space != lease.name_space()) continue;
      if (read.name.empty()) {
        const DocumentPtr target = Target(policy, {"", std::string(lease.name())});
        if (target) listener_.OnSurroundings(policy, *target);
      } else if (read.name == lease.name()) {
        ForEachTarget(
            policy, [&](const DocumentPtr& target) { listener_.OnSurroundings(policy, *target); });
      }
    }
  }
}

void Watches::NoteLeases() {
  const auto before = std::exchange(lease_namespaces_, {});
  absl::Duration shortest = absl::InfiniteDuration();
  for (const auto& [key, served] : served_) {
    for (const signals::LeaseRead& read : served->policy->leases) {
      lease_namespaces_.insert(read.name_space);
      shortest = std::min(shortest, read.after);
    }
  }
  past_.leases.SetShortest(shortest);
  leases_unseen_ = leases_unseen_ || before != lease_namespaces_;
  if (lease_namespaces_.empty()) past_.leases.Clear();
}

void Watches::NoteLeaseWatches() {
  std::vector<const cache::Connectivity*> watches;
  for (const auto& [key, served] : served_) {
    if (!served->missing.ok()) continue;
    for (const cache::View& view : ViewsOf(*served).leases) {
      for (const cache::Informer* informer : view.informers()) {
        const cache::Connectivity* one = &informer->reflector().connectivity();
        if (std::find(watches.begin(), watches.end(), one) == watches.end()) {
          watches.push_back(one);
        }
      }
    }
  }
  past_.leases.SetWatches(std::move(watches));
  if (!std::exchange(leases_unseen_, false)) return;
  // A watch that was open before has told what it has while nobody asked.
  for (const auto& [key, served] : served_) {
    if (!served->missing.ok()) continue;
    for (const cache::View& view : ViewsOf(*served).leases) {
      for (const cache::Informer* informer : view.informers()) {
        informer->store().ForEach([&](cache::ObjectId, const DocumentPtr& lease) {
          if (past_.leases.Find(lease->name_space(), lease->name())) return;
          OnLease(*informer, {}, lease);
        });
      }
    }
  }
}

}  // namespace kr::policy
