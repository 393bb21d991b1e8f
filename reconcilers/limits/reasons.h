#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace kr::limits {

// Why a sick target is not acted upon. The list is closed: status.waiting, `kubectl remedy why` and
// the refusal metric use these names and no others.
enum class Reason {
  kMaxConcurrent,
  kBudgetExhausted,
  kBreakerOpen,
  kCoolingDown,
  kRateLimited,
  kOutsideWindow,
  kForeignMaintenance,
  kProtected,
  kApprovalRequired,
  kPlanChanged,
  kTargetBusy,
  kContended,
  kExhausted,
  kPermissionDenied,
  kStaleView,
  kSymptomGone,
  kSymptomUnknown,
  kPlanTooLarge,
  kCacheBudgetExceeded,
  kPaused,
};
inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::kPaused) + 1;

// In the order of the enum.
std::array<Reason, kReasonCount> AllReasons();

// "MaxConcurrent": as in crds/v1alpha1/reasons.h.
std::string_view Name(Reason reason);
// The other way round; nullopt for a word that is none of them.
std::optional<Reason> FindReason(std::string_view name);
// One sentence for documentation and `kubectl remedy why`, the same for every refusal.
std::string_view Meaning(Reason reason);

struct Refusal {
  Reason reason = Reason::kPaused;
  // The sentence that a person needs at 3 a.m., with names and numbers. It states instants, never
  // what is left of a duration: a text that ages would be written to status again and again.
  std::string message;
  // When asking again may give another answer though nothing changed. InfiniteFuture: only a change
  // (of the policy, of the target, of another remediation) can help.
  absl::Time next_check = absl::InfiniteFuture();

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

}  // namespace kr::limits
