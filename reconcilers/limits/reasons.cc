#include "reconcilers/limits/reasons.h"

#include "crds/v1alpha1/reasons.h"

namespace kr::limits {
namespace {

namespace refusal = crds::refusal;

struct Entry {
  std::string_view name;
  std::string_view meaning;
};

// One line per reason; a switch, so that the compiler misses a new one.
Entry Describe(Reason reason) {
  switch (reason) {
    case Reason::kMaxConcurrent:
      return {refusal::kMaxConcurrent, "The policy runs as many remediations as it may."};
    case Reason::kBudgetExhausted:
      return {refusal::kBudgetExhausted, "A budget across policies has nothing left."};
    case Reason::kBreakerOpen:
      return {refusal::kBreakerOpen,
              "Too many targets are unhealthy at once, so the cause lies elsewhere."};
    case Reason::kCoolingDown:
      return {refusal::kCoolingDown, "The last remediation of this target was not long ago."};
    case Reason::kRateLimited:
      return {refusal::kRateLimited,
              "The policy has made as many remediations as its rate allows."};
    case Reason::kOutsideWindow:
      return {refusal::kOutsideWindow, "The policy acts only within its time windows."};
    case Reason::kForeignMaintenance:
      return {refusal::kForeignMaintenance, "Somebody else is working on the object."};
    case Reason::kProtected:
      return {refusal::kProtected, "The object must not be touched."};
    case Reason::kApprovalRequired:
      return {refusal::kApprovalRequired, "A person has to approve the plan."};
    case Reason::kPlanChanged:
      return {refusal::kPlanChanged, "The plan is no longer the one that was approved."};
    case Reason::kTargetBusy:
      return {refusal::kTargetBusy, "Another policy is remediating the same object."};
    case Reason::kContended:
      return {refusal::kContended, "Somebody keeps setting our change back."};
    case Reason::kExhausted:
      return {refusal::kExhausted,
              "Remediation failed too often in a row, so a person has to look."};
    case Reason::kPermissionDenied:
      return {refusal::kPermissionDenied, "The API server does not allow what the plan needs."};
    case Reason::kStaleView:
      return {refusal::kStaleView, "What is known of the cluster may be out of date."};
    case Reason::kSymptomGone:
      return {refusal::kSymptomGone, "The symptom went away before anything was done."};
    case Reason::kSymptomUnknown:
      return {refusal::kSymptomUnknown, "It cannot be told whether the target is sick."};
    case Reason::kPlanTooLarge:
      return {refusal::kPlanTooLarge, "The plan does not fit into the status of a Remediation."};
    case Reason::kCacheBudgetExceeded:
      return {refusal::kCacheBudgetExceeded,
              "The objects that the policy reads need too much memory."};
    case Reason::kPaused:
      return {refusal::kPaused, "Somebody paused the policy or the operator."};
  }
  return {};
}

}  // namespace

std::array<Reason, kReasonCount> AllReasons() {
  std::array<Reason, kReasonCount> reasons;
  for (size_t i = 0; i < kReasonCount; ++i) reasons[i] = static_cast<Reason>(i);
  return reasons;
}

std::string_view Name(Reason reason) {
  return Describe(reason).name;
}

std::optional<Reason> FindReason(std::string_view name) {
  for (const Reason reason : AllReasons()) {
    if (Name(reason) == name) return reason;
  }
  return std::nullopt;
}

std::string_view Meaning(Reason reason) {
  return Describe(reason).meaning;
}

}  // namespace kr::limits
