#include "reconcilers/limits/admission.h"

#include <algorithm>
#include <iterator>

#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/observe_budget.h"
#include "reconcilers/limits/rate.h"

namespace kr::limits {
namespace {

std::optional<Refusal> CheckPaused(const PolicyView& policy) {
  if (policy.globally_paused) {
    return Refusal{.reason = Reason::kPaused, .message = "the operator is paused"};
  }
  if (policy.paused) {
    return Refusal{.reason = Reason::kPaused, .message = "the policy is paused (spec.paused)"};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckView(const PolicyView& policy, const TargetView& target) {
  if (!policy.stale.empty()) {
    return Refusal{
        .reason = Reason::kStaleView, .message = policy.stale, .next_check = policy.stale_until};
  }
  if (!target.stale.empty()) {
    return Refusal{.reason = Reason::kStaleView, .message = target.stale};
  }
  if (auto refusal = CheckSecondLook(target.second_look, policy.settings, policy.now)) {
    return refusal;
  }
  if (!target.unknown.empty()) {
    return Refusal{.reason = Reason::kSymptomUnknown, .message = target.unknown};
  }
  return std::nullopt;
}

// What an earlier remediation has left behind on the target is no second target (a node counts
// once): whoever works on it now works under that slot.
std::vector<SlotHolder> Others(const std::vector<SlotHolder>& holders, const TargetView& target) {
  std::vector<SlotHolder> others;
  const std::string own = target.facts.ref.ToString();
  std::ranges::copy_if(holders, std::back_inserter(others),
                       [&](const SlotHolder& holder) { return holder.target != own; });
  return others;
}

std::optional<Refusal> CheckBreakers(const PolicyView& policy, const TargetView& target) {
  const auto check = [&](const Breaker& breaker, const crds::IntOrPercent& max_unhealthy,
                         const std::vector<SlotHolder>& holders) {
    const Breaker::Limit limit{max_unhealthy, policy.settings.breaker_calm};
    return breaker.Check(limit, static_cast<int64_t>(Others(holders, target).size()));
  };
  if (auto open = check(policy.breaker, policy.limits.max_unhealthy, policy.holders)) return open;
  for (const GroupView& group : target.groups) {
    if (!group.max_unhealthy) continue;
    if (auto open = check(group.breaker, *group.max_unhealthy, group.holders)) {
      open->message = "in " + group.name + ": " + open->message;
      return open;
    }
  }
  return std::nullopt;
}

std::optional<Refusal> CheckBusy(const TargetView& target) {
  if (const std::optional<BusyWith>& sibling = target.sibling) {
    return Refusal{.reason = Reason::kTargetBusy,
                   .message = sibling->target + ", which has the same owner, is being remediated " +
                              "(Remediation " + sibling->remediation + ")"};
  }
  return target.busy;
}

// What the lineage has behind it.
std::optional<Refusal> CheckMemory(const PolicyView& policy, const TargetView& target) {
  const Beginning beginning =
      Begin(target.memory, policy.generation, target.sick_since, policy.settings);
  if (auto refusal = CheckContended(beginning.contended)) return refusal;
  if (auto refusal = CheckExhausted(beginning.ledger)) return refusal;
  if (target.reverted) return std::nullopt;
  return CheckCooldown(beginning.ledger, policy.now);
}

// What only waits for a person takes slots when it goes on.
std::optional<Refusal> CheckAwaiting(const PolicyView& policy) {
  if (policy.awaiting < kMaxAwaiting) return std::nullopt;
  return Refusal{.reason = Reason::kApprovalRequired,
                 .message = std::to_string(policy.awaiting) +
                            " remediations of this policy wait for a person already"};
}

std::optional<Refusal> CheckSlots(const PolicyView& policy, const TargetView& target) {
  if (auto refusal = CheckConcurrency(policy.limits.max_concurrent, policy.selected,
                                      Others(policy.holders, target))) {
    return refusal;
  }
  for (const GroupView& group : target.groups) {
    if (!group.max_concurrent) continue;
    if (auto refusal = CheckConcurrency(*group.max_concurrent, group.selected,
                                        Others(group.holders, target))) {
      refusal->message = "in " + group.name + ": " + refusal->message;
      return refusal;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> CheckRates(const PolicyView& policy, std::span<const absl::Time> created) {
  if (policy.limits.rate) {
    if (auto refusal = CheckRate(*policy.limits.rate, created, policy.now)) return refusal;
  }
  if (policy.mode != crds::Mode::kObserve) return std::nullopt;
  return CheckObserveBudget(created, policy.now);
}

std::optional<Refusal> Decide(const PolicyView& policy, const TargetView& target) {
  if (auto refusal = CheckPaused(policy)) return refusal;
  if (auto refusal = CheckView(policy, target)) return refusal;
  if (auto refusal =
          CheckProtection(target.facts, policy.named_namespaces, policy.settings.own_namespace)) {
    return refusal;
  }
  if (target.foreign) return target.foreign;
  if (policy.outside_window) return policy.outside_window;
  if (auto refusal = CheckBreakers(policy, target)) return refusal;
  if (auto refusal = CheckMemory(policy, target)) return refusal;
  if (auto refusal = CheckBusy(target)) return refusal;
  if (policy.mode == crds::Mode::kApprove) {
    if (auto refusal = CheckAwaiting(policy)) return refusal;
    if (policy.rate) return policy.rate;
    return target.uncreated;
  }
  if (auto refusal = CheckSlots(policy, target)) return refusal;
  if (target.budget) return target.budget;
  if (policy.rate) return policy.rate;
  return target.uncreated;
}

}  // namespace kr::limits
