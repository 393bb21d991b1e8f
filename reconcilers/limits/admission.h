#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/breaker.h"
#include "reconcilers/limits/concurrency.h"
#include "reconcilers/limits/memory.h"
#include "reconcilers/limits/protection.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/limits/second_look.h"
#include "reconcilers/limits/settings.h"
#include "reconcilers/limits/windows.h"

namespace kr::limits {

// An open Remediation of the same policy that is in the way.
struct BusyWith {
  std::string remediation;
  std::string target;  // "Pod shop/web-1"
};

// What is the same for all targets of a policy, found out once for all of them. Plain values; what
// the span points at must live as long as the calls.
struct PolicyView {
  absl::Time now;
  bool paused = false;           // spec.paused
  bool globally_paused = false;  // of the whole operator
  crds::Mode mode = crds::Mode::kEnforce;
  int64_t generation = 0;
  crds::Limits limits;
  std::span<const std::string> named_namespaces;  // spec.target.namespaces
  int64_t selected = 0;                           // targets

  // Why the caches cannot be trusted right now ("the watch of pods is down since ..."); empty = all
  // is well. When to look again, if that is known.
  std::string stale;
  absl::Time stale_until = absl::InfiniteFuture();

  Breaker breaker;                        // after Observe with the current numbers
  std::optional<Refusal> outside_window;  // CheckWindows of spec.limits.windows
  // Both change with each Remediation that is made.
  std::vector<SlotHolder> holders;
  std::optional<Refusal> rate;  // CheckRates
  int64_t awaiting = 0;         // Remediations that wait for a person's approval

  Settings settings;
};

// limits.rate, and the bounds of mode Observe. `created`: when the policy's Remediations were made.
std::optional<Refusal> CheckRates(const PolicyView& policy, std::span<const absl::Time> created);

// The group of limits.groups that a target is in.
struct GroupView {
  std::string name;  // "zone eu-1"
  std::optional<crds::IntOrPercent> max_concurrent;
  std::optional<crds::IntOrPercent> max_unhealthy;
  int64_t selected = 0;  // targets of the group
  Breaker breaker;       // of max_unhealthy
  std::vector<SlotHolder> holders;
};

// What is so of one sick target.
struct TargetView {
  TargetFacts facts;
  std::optional<Refusal> uncreated;  // a Remediation of it that the API server would not take
  std::string unknown;               // why the symptom is Unknown; empty = it is not
  std::string stale;                 // why what is known of the target cannot be trusted
  std::optional<SecondLook> second_look;
  absl::Time sick_since;
  // The episode began because a change of ours was set back: applied again without a cooldown,
  // once. memory->contended is without this revert: who did it stands in managedFields, which only
  // the live read of the new Remediation sees. It counts it (CountRevert) before it writes, and
  // with the second it ends Failed(Contended), which is the record that later episodes find.
  bool reverted = false;
  std::optional<LineageMemory> memory;
  std::optional<Refusal> foreign;   // ForeignMaintenance
  std::optional<Refusal> busy;      // TargetBusy: somebody else's Remediation has a lock on it
  std::optional<BusyWith> sibling;  // this policy's, on another object of the lineage
  std::vector<GroupView> groups;
  std::optional<Refusal> budget;  // of the budgets across policies
};

// In mode Approve no more than this wait for people at once.
inline constexpr int64_t kMaxAwaiting = 100;

// nullopt: admitted, the Remediation starts with Begin(memory, ...). Otherwise the first refusal in
// this order, which is from what a person decided over what is not known to what only takes time:
//   Paused, StaleView, SymptomUnknown, Protected, ForeignMaintenance, OutsideWindow, BreakerOpen,
//   Contended, Exhausted, CoolingDown, TargetBusy, MaxConcurrent, BudgetExhausted, RateLimited.
// In mode Approve no slot is asked for yet: instead of MaxConcurrent and BudgetExhausted it is
// ApprovalRequired when too many wait for people.
// Pure.
std::optional<Refusal> Decide(const PolicyView& policy, const TargetView& target);

}  // namespace kr::limits
