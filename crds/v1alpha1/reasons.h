#pragma once

#include <string_view>

// Condition types and reasons. Every sentence that says why something was (not) done carries one of
// these; metrics are labelled with them, so the lists are closed.
namespace kr::crds {

// RemediationPolicy conditions.
inline constexpr std::string_view kConditionAccepted = "Accepted";
inline constexpr std::string_view kConditionReady = "Ready";
inline constexpr std::string_view kConditionBlocked = "Blocked";
// Remediation conditions.
inline constexpr std::string_view kConditionComplete = "Complete";
inline constexpr std::string_view kConditionFailed = "Failed";

// Why a sick target is not acted upon, or a remediation does not go on (status.waiting, Blocked,
// Cancelled).
namespace refusal {
inline constexpr std::string_view kMaxConcurrent = "MaxConcurrent";
inline constexpr std::string_view kBudgetExhausted = "BudgetExhausted";
inline constexpr std::string_view kBreakerOpen = "BreakerOpen";
inline constexpr std::string_view kCoolingDown = "CoolingDown";
inline constexpr std::string_view kRateLimited = "RateLimited";
inline constexpr std::string_view kOutsideWindow = "OutsideWindow";
inline constexpr std::string_view kForeignMaintenance = "ForeignMaintenance";
inline constexpr std::string_view kProtected = "Protected";
inline constexpr std::string_view kApprovalRequired = "ApprovalRequired";
inline constexpr std::string_view kPlanChanged = "PlanChanged";
inline constexpr std::string_view kTargetBusy = "TargetBusy";
inline constexpr std::string_view kContended = "Contended";
inline constexpr std::string_view kExhausted = "Exhausted";
inline constexpr std::string_view kPermissionDenied = "PermissionDenied";
inline constexpr std::string_view kStaleView = "StaleView";
inline constexpr std::string_view kSymptomGone = "SymptomGone";
// Nothing stands in the way: the trigger's `for` is not over.
inline constexpr std::string_view kSymptomPending = "SymptomPending";
inline constexpr std::string_view kSymptomUnknown = "SymptomUnknown";
inline constexpr std::string_view kPlanTooLarge = "PlanTooLarge";
inline constexpr std::string_view kCacheBudgetExceeded = "CacheBudgetExceeded";
inline constexpr std::string_view kPaused = "Paused";
}  // namespace refusal

// Reasons of the policy's Accepted and Ready conditions.
namespace reason {
inline constexpr std::string_view kAccepted = "Accepted";
inline constexpr std::string_view kInvalid = "Invalid";  // a field, pattern or expression is
inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kSyncing = "Syncing";
inline constexpr std::string_view kInactive = "Inactive";  // a kind does not exist yet
inline constexpr std::string_view kNotAccepted = "NotAccepted";
inline constexpr std::string_view kInvalidParams =
    "InvalidParams";  // paramRef gives no good values
inline constexpr std::string_view kNotBlocked = "NotBlocked";

// How a remediation ended or what it waits for, besides the refusals.
inline constexpr std::string_view kCured = "Cured";
inline constexpr std::string_view kStepFailed = "StepFailed";
inline constexpr std::string_view kNotCured = "NotCured";  // the ladder is at its end
inline constexpr std::string_view kSymptomChanged = "SymptomChanged";
inline constexpr std::string_view kTargetGone = "TargetGone";
inline constexpr std::string_view kPolicyGone = "PolicyGone";
inline constexpr std::string_view kCancelRequested = "CancelRequested";
inline constexpr std::string_view kDuplicate = "Duplicate";
inline constexpr std::string_view kPending = "Pending";
inline constexpr std::string_view kNotSelected = "NotSelected";  // by hand, about an object
inline constexpr std::string_view kDenied = "ApprovalDenied";
inline constexpr std::string_view kObserved = "Observed";
inline constexpr std::string_view kReported = "Reported";
inline constexpr std::string_view kRunning = "Running";
inline constexpr std::string_view kVerifying = "Verifying";
inline constexpr std::string_view kHolding = "Holding";
inline constexpr std::string_view kTakenOver = "TakenOver";
}  // namespace reason

}  // namespace kr::crds
