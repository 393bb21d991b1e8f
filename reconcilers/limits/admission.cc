#include "reconcilers/limits/admission.h"

#include "reconcilers/limits/cooldown.h"
#include "reconcilers/limits/observe_budget.h"
#include "reconcilers/limits/rate.h"

namespace kr::limits {
namespace {

std::optional<Refusal> CheckPaused(const AdmissionView& view) {
  if (view.globally_paused) {
    return Refusal{.reason = Reason::kPaused, .message = "the operator is paused"};
  }
  if (view.paused) {
    return Refusal{.reason = Reason::kPaused, .message = "the policy is paused (spec.paused)"};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckView(const AdmissionView& view) {
  if (!view.stale.empty()) {
    return Refusal{
        .reason = Reason::kStaleView, .message = view.stale, .next_check = view.stale_until};
  }
  if (!view.unknown.empty()) {
    return Refusal{.reason = Reason::kSymptomUnknown, .message = view.unknown};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckBusy(const AdmissionView& view) {
  if (const std::optional<BusyWith>& sibling = view.sibling) {
    return Refusal{.reason = Reason::kTargetBusy,
                   .message = sibling->target + ", which has the same owner, is being remediated " +
                              "(Remediation " + sibling->remediation + ")"};
  }
  if (!view.busy) return std::nullopt;
  return Refusal{.reason = Reason::kTargetBusy,
                 .message = view.target.ref.ToString() + " is being remediated by policy " +
                            view.busy->policy + " (Remediation " + view.busy->remediation + ")"};
}

// What the lineage has behind it.
std::optional<Refusal> CheckMemory(const AdmissionView& view) {
  Beginning beginning = Begin(view.memory, view.generation, view.sick_since, view.settings);
  if (auto refusal = CheckContended(beginning.contended)) return refusal;
  if (auto refusal = CheckExhausted(beginning.ledger)) return refusal;
  if (view.reverted) return std::nullopt;
  return CheckCooldown(beginning.ledger, view.now);
}

std::optional<Refusal> CheckRates(const AdmissionView& view) {
  if (view.limits.rate) {
    if (auto refusal = CheckRate(*view.limits.rate, view.created, view.now)) return refusal;
  }
  if (view.mode != crds::Mode::kObserve) return std::nullopt;
  return CheckObserveBudget(view.created, view.now);
}

}  // namespace

std::optional<Refusal> Decide(const AdmissionView& view) {
  if (auto refusal = CheckPaused(view)) return refusal;
  if (auto refusal = CheckView(view)) return refusal;
  if (auto refusal = CheckProtection(view.target, view.named_namespaces)) return refusal;
  if (auto refusal = CheckWindows(view.windows, view.now)) return refusal;
  Breaker::Limit limit{view.limits.max_unhealthy, view.settings.breaker_calm};
  auto open = static_cast<int64_t>(view.holders.size());
  if (auto refusal = view.breaker.Check(limit, open)) return refusal;
  if (auto refusal = CheckMemory(view)) return refusal;
  if (auto refusal = CheckBusy(view)) return refusal;
  // What only waits for a person takes its slot when it goes on.
  if (view.mode != crds::Mode::kApprove) {
    if (auto refusal = CheckConcurrency(view.limits.max_concurrent, view.selected, view.holders)) {
      return refusal;
    }
  } else if (view.awaiting >= kMaxAwaiting) {
    return Refusal{.reason = Reason::kApprovalRequired,
                   .message = std::to_string(view.awaiting) +
                              " remediations of this policy wait for a person already"};
  }
  return CheckRates(view);
}

}  // namespace kr::limits
