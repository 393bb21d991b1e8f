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
#include "reconcilers/limits/settings.h"
#include "reconcilers/limits/windows.h"

namespace kr::limits {

// An open Remediation that is in the way.
struct BusyWith {
  std::string remediation;
  std::string policy;
  std::string target;  // "Pod shop/web-1"
};

// Everything that decides whether an episode of one target becomes a Remediation. Plain values;
// what a span points at must live as long as the call.
struct AdmissionView {
  absl::Time now;

  // Of the policy.
  bool paused = false;           // spec.paused
  bool globally_paused = false;  // of the whole operator
  crds::Mode mode = crds::Mode::kEnforce;
  int64_t generation = 0;
  crds::Limits limits;
  std::span<const std::string> named_namespaces;  // spec.target.namespaces
  std::span<const Window> windows;                // spec.limits.windows
  int64_t selected = 0;                           // targets

  // Of the view: why it cannot be trusted right now ("the watch of pods is down since ..."), and
  // why the symptom is Unknown. Empty = all is well.
  std::string stale;
  std::string unknown;
  absl::Time stale_until = absl::InfiniteFuture();  // when to look again, if known

  // Of the target.
  TargetFacts target;
  absl::Time sick_since;
  // The episode began because a change of ours was set back: applied again without a cooldown,
  // once. memory->contended is without this revert: who did it stands in managedFields, which only
  // the live read of the new Remediation sees. It counts it (CountRevert) before it writes, and
  // with the second it ends Failed(Contended), which is the record that later episodes find.
  bool reverted = false;
  std::optional<LineageMemory> memory;
  std::optional<BusyWith> busy;     // another policy's, on the same object
  std::optional<BusyWith> sibling;  // this policy's, on another object of the lineage

  // Of the policy's other remediations.
  Breaker breaker;  // after Observe with the current numbers
  std::vector<SlotHolder> holders;
  int64_t awaiting = 0;             // that wait for a person's approval
  std::vector<absl::Time> created;  // when its Remediations were made

  Settings settings;
};

// In mode Approve no more than this wait for people at once.
inline constexpr int64_t kMaxAwaiting = 100;

// nullopt: admitted, the Remediation starts with Begin(memory, ...). Otherwise the first refusal in
// this order, which is from what a person decided over what is not known to what only takes time:
//   Paused, StaleView, SymptomUnknown, Protected, OutsideWindow, BreakerOpen, Contended, Exhausted,
//   CoolingDown, TargetBusy, MaxConcurrent, RateLimited.
// Pure.
std::optional<Refusal> Decide(const AdmissionView& view);

}  // namespace kr::limits
