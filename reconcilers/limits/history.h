#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/settings.h"

namespace kr::limits {

// What pruning needs to know of a Remediation.
struct HistoryEntry {
  std::string name;
  std::string lineage;                 // digest
  std::optional<crds::Phase> outcome;  // final phase; nullopt: open
  bool outstanding = false;            // has the effects finalizer
  absl::Time created = absl::InfinitePast();
  absl::Time finished_at;
  int64_t policy_generation = 0;
  crds::Ledger ledger;
  std::optional<crds::Contended> contended;
};
HistoryEntry ToHistoryEntry(const crds::Remediation& remediation);

// What pruning keeps to, of the policy. That of a policy that is gone: the defaults.
struct PruneRules {
  crds::History history;
  std::optional<crds::RateLimit> rate;
  int64_t generation = 0;
  bool reads_previous = false;  // its expressions read remediation.previous
};

// So many of a lineage are remediation.previous.
inline constexpr int64_t kPreviousRead = 10;

// The names of those that may be deleted, oldest first. `entries` are all Remediations of one
// policy, in any order.
// Kept are: open ones, those with outstanding effects, the newest of a lineage whose memory still
// counts (cooldown, Exhausted, relapse window, dispute), those that the rate counts, those of the
// relapse window that expressions read; of the others
// the youngest history.succeeded Succeeded, history.failed that did not succeed (Failed, Cancelled,
// Reported) and all Observed (bounded when they are made, see observe_budget.h), none older than
// history.ttl.
std::vector<std::string> Prunable(std::span<const HistoryEntry> entries, const PruneRules& rules,
                                  const Settings& settings, absl::Time now);

}  // namespace kr::limits
