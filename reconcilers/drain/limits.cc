#include "reconcilers/drain/limits.h"

#include <algorithm>
#include <map>

#include "reconcilers/drain/classify.h"

namespace kr::drain {
namespace {

// Only what is available for as long as the set wants counts.
bool IsAvailable(const StatefulSet& set, const Pod& pod, absl::Time now) {
  return !pod.deleted && pod.ready && pod.ready_since + set.min_ready <= now;
}

bool RollsOut(const StatefulSet& set) {
  if (set.on_delete || set.current_revision == set.update_revision) return false;
  return set.updated_replicas < set.replicas - std::min(set.partition, set.replicas);
}

// An unready pod takes nothing away when it goes: it is missing already.
bool IsMissed(const Pod& pod) {
  return pod.ready && !pod.Finished() && pod.phase == "Running";
}

// Of these the server asks no budget, whatever selects them.
bool GoesUnasked(const Pod& pod) {
  return pod.deleted || pod.Finished() || pod.phase == "Pending";
}

}  // namespace

std::string_view ToString(Block::By by) {
  switch (by) {
    case Block::By::kRule:
      return "Rule";
    case Block::By::kBudget:
      return "PodDisruptionBudget";
    case Block::By::kQuorum:
      return "Quorum";
    case Block::By::kVolume:
      return "Volume";
    case Block::By::kPlacement:
      return "Placement";
    case Block::By::kRoom:
      return "Room";
    case Block::By::kLeaving:
      return "Leaving";
    case Block::By::kServer:
      return "Server";
  }
  return "";
}

std::string WhyNotWhole(const StatefulSet& set, std::span<const Pod> pods, const Pod* leaving,
                        absl::Time now) {
  const std::string name = "StatefulSet " + set.key.ToString();
  if (!set.observed) return name + " has been changed and is not up to date yet";
  if (RollsOut(set)) {
    return name + " is being rolled out (" + std::to_string(set.updated_replicas) + " of " +
           std::to_string(set.replicas) + ")";
  }
  std::map<int64_t, const Pod*> by_ordinal;
  for (const Pod& pod : pods) {
    if (pod.owner && pod.owner->uid == set.uid) by_ordinal[OrdinalOf(pod.key.name)] = &pod;
  }
  for (int64_t i = set.first_ordinal; i < set.first_ordinal + set.replicas; ++i) {
    const auto found = by_ordinal.find(i);
    const std::string member = "its pod " + set.key.name + "-" + std::to_string(i);
    if (found == by_ordinal.end()) return name + " is not whole: " + member + " is missing";
    const Pod& pod = *found->second;
    if (pod.deleted) return name + " is not whole: " + member + " is going";
    // The one that is to leave need not be well: then nobody misses it.
    if (leaving != nullptr && pod.uid == leaving->uid) continue;
    if (!pod.ready) return name + " is not whole: " + member + " is not ready";
    if (!IsAvailable(set, pod, now)) {
      return name + " is not whole: " + member + " is ready, but not for minReadySeconds";
    }
  }
  return "";
}

std::optional<absl::Time> WholeAt(const StatefulSet& set, std::span<const Pod> pods,
                                  absl::Time now) {
  std::optional<absl::Time> latest;
  for (const Pod& pod : pods) {
    const absl::Time available = pod.ready_since + set.min_ready;
    if (pod.ready && available > now) latest = std::max(latest.value_or(available), available);
  }
  return latest;
}

std::optional<Block> Allowance::CheckBudget(const Pod& pod, const Budget& budget) const {
  const std::string name = "PodDisruptionBudget " + budget.key.ToString();
  if (!IsMissed(pod)) {
    // As the server decides: a pod that is not ready may go when nobody counts on it.
    const bool enough = budget.desired > 0 && budget.healthy >= budget.desired;
    if (budget.always_allow_unhealthy || enough) return std::nullopt;
  }
  const std::string numbers = " (" + budget.says + "; " + std::to_string(budget.healthy) + " of " +
                              std::to_string(budget.expected) + " healthy, " +
                              std::to_string(budget.desired) + " needed)";
  if (!budget.processed) {
    return Block{Block::By::kBudget, name + " is not up to date yet"};
  }
  const auto taken = of_budget_.find(&budget);
  int64_t going = taken == of_budget_.end() ? 0 : taken->second;
  for (const Pod* other : cluster_.GoingDown()) {  // which the server does not know yet
    const bool counts = other->key.name_space == budget.key.name_space && budget.selector &&
                        budget.selector->Matches(other->labels);
    going += counts && IsMissed(*other) ? 1 : 0;
  }
  if (budget.allowed - going > 0) return std::nullopt;
  const bool never = budget.expected > 0 && budget.desired >= budget.expected;
  return Block{
      Block::By::kBudget,
      name + (never ? " never allows a disruption" : " allows no disruption now") + numbers};
}

std::optional<Block> Allowance::CheckOwner(const Pod& pod) const {
  const Kind kind = Classify(pod);
  // Of a quorum all others have to be well, also when nobody would miss this one.
  if (!pod.owner || (!IsMissed(pod) && !OneAtATime(kind))) return std::nullopt;
  const auto asked = wants_.find(pod.owner->uid);
  const int64_t wanted = asked == wants_.end() ? cluster_.Wanted(pod, now_) : asked->second;
  int64_t others = 0;
  for (const Pod* other : cluster_.PodsOf(pod.owner->uid)) {
    const bool goes = cluster_.IsLeaving(*other) || !cluster_.RestarterOf(*other).empty();
    others += other->uid != pod.uid && IsMissed(*other) && !goes ? 1 : 0;
  }
  const int64_t limit = OneAtATime(kind) ? 1 : std::max<int64_t>(1, limit_.Of(wanted));
  const auto taken = of_owner_.find(pod.owner->uid);
  const int64_t away =
      std::max<int64_t>(0, wanted - 1 - others) + (taken == of_owner_.end() ? 0 : taken->second);
  if (away < limit) return std::nullopt;
  const Block::By by = OneAtATime(kind) ? Block::By::kQuorum : Block::By::kBudget;
  return Block{by, pod.owner->kind + " " + pod.key.name_space + "/" + pod.owner->name + " has " +
                       std::to_string(away) + " of " + std::to_string(wanted) +
                       " away, and without a PodDisruptionBudget no more than " +
                       std::to_string(limit) + " may be"};
}

std::optional<Block> Allowance::Check(const Pod& pod) const {
  const std::vector<const Budget*> budgets =
      GoesUnasked(pod) ? std::vector<const Budget*>() : cluster_.BudgetsOf(pod);
  if (budgets.size() > 1) {
    return Block{.by = Block::By::kBudget,
                 .text = "PodDisruptionBudgets " + budgets[0]->key.ToString() + " and " +
                         budgets[1]->key.ToString() +
                         " both select it, which the eviction API does not support",
                 .lasting = true};
  }
  if (!budgets.empty()) {
    if (auto block = CheckBudget(pod, *budgets.front())) return block;
    // How many a quorum can miss is not what a budget is asked.
    return Classify(pod) == Kind::kOperated ? CheckOwner(pod) : std::nullopt;
  }
  // A StatefulSet is looked at as a whole, live.
  return Classify(pod) == Kind::kStatefulSet ? std::nullopt : CheckOwner(pod);
}

std::optional<Block> Allowance::Take(const Pod& pod) {
  if (auto block = Check(pod)) return block;
  if (!IsMissed(pod)) return std::nullopt;
  for (const Budget* budget : cluster_.BudgetsOf(pod)) ++of_budget_[budget];
  if (pod.owner) ++of_owner_[pod.owner->uid];
  return std::nullopt;
}

}  // namespace kr::drain
