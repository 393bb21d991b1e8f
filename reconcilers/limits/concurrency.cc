#include "reconcilers/limits/concurrency.h"

#include <algorithm>

#include "crds/v1alpha1/common.h"

namespace kr::limits {
namespace {

constexpr size_t kMaxNamed = 3;

std::string Named(std::span<const SlotHolder> holders) {
  std::string text;
  for (const SlotHolder& holder : holders.first(std::min(holders.size(), kMaxNamed))) {
    if (!text.empty()) text += ", ";
    text += holder.remediation + " (" + holder.target + ")";
  }
  if (holders.size() > kMaxNamed) {
    text += " and " + std::to_string(holders.size() - kMaxNamed) + " more";
  }
  return text;
}

}  // namespace

bool HoldsSlot(const crds::Remediation& remediation) {
  if (remediation.metadata.HasFinalizer(crds::kEffectsFinalizer)) return true;
  const std::optional<crds::Phase>& phase = remediation.status.phase;
  if (!phase) {
    // Made by us: admitted. By hand it still has to be; in mode Approve nothing begins by itself.
    return !remediation.IsManual() && remediation.spec.mode != crds::Mode::kApprove;
  }
  switch (*phase) {
    case crds::Phase::kAwaitingApproval:
      return false;
    case crds::Phase::kPending:
      return !remediation.IsManual();
    default:
      return !crds::IsFinal(*phase);
  }
}

int64_t Slots(const crds::IntOrPercent& limit, int64_t selected) {
  int64_t slots = limit.Of(selected);
  return limit.percent ? std::max<int64_t>(slots, 1) : slots;
}

std::optional<Refusal> CheckConcurrency(const crds::IntOrPercent& limit, int64_t selected,
                                        std::span<const SlotHolder> holders) {
  int64_t slots = Slots(limit, selected);
  if (static_cast<int64_t>(holders.size()) < slots) return std::nullopt;
  std::string message = std::to_string(holders.size()) + " of at most " + std::to_string(slots);
  if (limit.percent) {
    message += " (" + limit.ToString() + " of " + std::to_string(selected) + ")";
  }
  message += " remediations of this policy are going on";
  if (!holders.empty()) message += ": " + Named(holders);
  return Refusal{.reason = Reason::kMaxConcurrent, .message = message};
}

}  // namespace kr::limits
