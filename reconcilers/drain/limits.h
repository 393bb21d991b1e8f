#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "absl/time/time.h"
#include "crds/meta/int_or_percent.h"
#include "reconcilers/drain/cluster.h"

// What must not be away at the same time.
namespace kr::drain {

// What holds a pod back.
struct Block {
  // Of what kind the obstacle is: bounded, for metrics.
  enum class By { kRule, kBudget, kQuorum, kVolume, kPlacement, kRoom, kLeaving, kServer };
  By by = By::kRule;
  std::string text;      // names it: "PodDisruptionBudget shop/db allows no disruption: ..."
  bool lasting = false;  // only a person or the policy can change it
};
std::string_view ToString(Block::By by);

// Why a StatefulSet is not whole without `leaving` (a pod of it, or nullptr): who is missing, going
// or not ready for minReadySeconds, a rollout under way; "" when it is. `pods` are all of the set.
std::string WhyNotWhole(const StatefulSet& set, std::span<const Pod> pods, const Pod* leaving,
                        absl::Time now);
// When it will be, if that is a matter of time only (minReadySeconds).
std::optional<absl::Time> WholeAt(const StatefulSet& set, std::span<const Pod> pods,
                                  absl::Time now);

// Counts what evictions of one moment take from what may be away, so that a batch of them stays
// within the limits as a whole.
class Allowance {
 public:
  // `limit`: of what an owner has, may be away where no PodDisruptionBudget says how many.
  // `wants`: how many pods owners want (by UID), of those that were asked. References outlive it.
  Allowance(const Cluster& cluster, crds::IntOrPercent limit,
            const std::map<std::string, int64_t, std::less<>>& wants, absl::Time now)
      : cluster_(cluster), limit_(limit), wants_(wants), now_(now) {}

  // Why the pod must not go now; nullopt: it may, and counts from now on.
  std::optional<Block> Take(const Pod& pod);
  // The same without counting.
  std::optional<Block> Check(const Pod& pod) const;

 private:
  std::optional<Block> CheckBudget(const Pod& pod, const Budget& budget) const;
  std::optional<Block> CheckOwner(const Pod& pod) const;

  const Cluster& cluster_;
  const crds::IntOrPercent limit_;
  const std::map<std::string, int64_t, std::less<>>& wants_;
  const absl::Time now_;
  std::map<const Budget*, int64_t> of_budget_;
  std::map<std::string, int64_t, std::less<>> of_owner_;
};

}  // namespace kr::drain
