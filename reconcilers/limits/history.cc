#include "reconcilers/limits/history.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/memory.h"
#include "reconcilers/limits/observe_budget.h"

namespace kr::limits {
namespace {

bool IsNewer(const HistoryEntry& a, const HistoryEntry& b) {
  return std::tie(a.ledger.n, a.finished_at, a.name) > std::tie(b.ledger.n, b.finished_at, b.name);
}

// An open one is always the newest: what comes before it has handed its memory on.
std::map<std::string_view, const HistoryEntry*> NewestOfLineage(
    std::span<const HistoryEntry> entries) {
  std::map<std::string_view, const HistoryEntry*> newest;
  for (const HistoryEntry& entry : entries) {
    const HistoryEntry*& best = newest[entry.lineage];
    if (best == nullptr || IsNewer(entry, *best)) best = &entry;
  }
  return newest;
}

// Until when the memory in the newest entry of a lineage matters.
absl::Time RememberedUntil(const HistoryEntry& entry, int64_t generation,
                           const Settings& settings) {
  bool lasting = entry.ledger.exhausted || IsDisputed(entry.contended);
  if (lasting && entry.policy_generation == generation) return absl::InfiniteFuture();
  absl::Time until = entry.ledger.cooldown_until.value_or(absl::InfinitePast());
  // It may have found nothing to do, which makes the next one wait (CheckSecondLook).
  if (entry.outcome == crds::Phase::kCancelled) {
    until = std::max(until, entry.finished_at + settings.second_look_max);
  }
  bool counted = entry.outcome == crds::Phase::kSucceeded || entry.ledger.failures > 0;
  if (counted) until = std::max(until, entry.finished_at + settings.relapse);
  if (entry.contended && entry.contended->last_at) {
    until = std::max(until, *entry.contended->last_at + settings.revert_window);
  }
  return until;
}

// Those that are still wanted of one kind of outcome.
class Shelf {
 public:
  explicit Shelf(int64_t room) : room_(room) {}
  bool Take() { return room_-- > 0; }

 private:
  int64_t room_;
};

}  // namespace

HistoryEntry ToHistoryEntry(const crds::Remediation& remediation) {
  const crds::RemediationStatus& status = remediation.status;
  // The same reading of a status that was never written as admission's.
  LineageMemory memory = Remember(remediation, absl::InfiniteFuture());
  HistoryEntry entry;
  entry.name = remediation.metadata.name;
  entry.lineage = status.lineage;
  entry.outcome = memory.outcome;
  entry.outstanding = remediation.metadata.HasFinalizer(crds::kEffectsFinalizer);
  entry.created = remediation.metadata.creation_timestamp.value_or(absl::InfinitePast());
  entry.finished_at = memory.finished_at;
  entry.policy_generation = memory.policy_generation;
  entry.ledger = memory.ledger;
  entry.contended = memory.contended;
  return entry;
}

std::vector<std::string> Prunable(std::span<const HistoryEntry> entries, const PruneRules& rules,
                                  const Settings& settings, absl::Time now) {
  const crds::History& history = rules.history;
  std::map<std::string_view, const HistoryEntry*> newest = NewestOfLineage(entries);
  std::vector<const HistoryEntry*> finished;
  for (const HistoryEntry& entry : entries) {
    if (entry.outcome) finished.push_back(&entry);
  }
  std::ranges::sort(finished, [](const HistoryEntry* a, const HistoryEntry* b) {
    return std::tie(a->finished_at, a->name) > std::tie(b->finished_at, b->name);
  });

  Shelf succeeded(history.succeeded);
  Shelf observed(kObservedKept);
  Shelf others(history.failed);
  auto shelf = [&](crds::Phase outcome) -> Shelf& {
    if (outcome == crds::Phase::kSucceeded) return succeeded;
    return outcome == crds::Phase::kObserved ? observed : others;
  };
  std::vector<std::string> prunable;
  std::map<std::string_view, int64_t> of_lineage;
  for (const HistoryEntry* entry : finished) {
    bool wanted = now - entry->finished_at < history.ttl && shelf(*entry->outcome).Take();
    bool needed = entry->outstanding || (newest[entry->lineage] == entry &&
                                         now < RememberedUntil(*entry, rules.generation, settings));
    needed = needed || (rules.rate && now < entry->created + rules.rate->within);
    const bool read = rules.reads_previous && ++of_lineage[entry->lineage] <= kPreviousRead;
    needed = needed || (read && now < entry->finished_at + settings.relapse);
    if (!wanted && !needed) prunable.push_back(entry->name);
  }
  std::ranges::reverse(prunable);
  return prunable;
}

}  // namespace kr::limits
