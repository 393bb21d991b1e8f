#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "crds/meta/int_or_percent.h"
#include "crds/v1alpha1/remediation.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// Stops a policy when too many of its targets are sick at once: then the cause is rarely what the
// policy is about, and acting on all of them makes it worse. One per policy; a value, to be copied
// and stored freely; not thread-safe.
//
//   Closed --more than allowed--> Open --`calm` at or below--> HalfOpen --a success--> Closed
//             ^                      ^-------- a failure, more than allowed ----'
//             '---------- `calm` with nobody sick (from Open or HalfOpen) ------
//
// Allowed is max(limit, 1): one sick target never trips it. Until all targets have been seen (a
// start, a re-list) it refuses like an open one, but that is no trip: nothing has to calm down
// afterwards. It never stops the taking back of effects; that is the caller's part.
//
// Intervals are measured on the `now` that is passed in; a clock that was set back starts a calm
// period anew.
class Breaker {
 public:
  struct Limit {
    crds::IntOrPercent max_unhealthy = crds::IntOrPercent::Percent(20);
    absl::Duration calm = absl::Minutes(10);
  };
  struct Counts {
    // Targets whose symptom is True (also before `for`) or Unknown, or that are being remediated,
    // each once.
    int64_t unhealthy = 0;
    int64_t selected = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  // One that has not seen its targets yet.
  Breaker() = default;
  // After a restart: TakeOver of what was stored.
  static Breaker Restore(const std::optional<crds::Breaker>& stored);
  // What the process that led before has stored goes before what this one has seen, unless that is
  // a trip and the stored one is none. Of an Open one the calm period starts anew (nobody saw the
  // time between); a HalfOpen one stays so: its try may be under way and has to be judged.
  void TakeOver(const std::optional<crds::Breaker>& stored);

  // The numbers as they are now; nullopt: not all targets have been seen. To be called whenever
  // they change and at NextChange(). Call it before Check.
  void Observe(const std::optional<Counts>& counts, const Limit& limit, absl::Time now);
  // A remediation of the policy ended. Only Succeeded and Failed matter, and only while half-open.
  void Finished(crds::Phase phase, absl::Time now);

  // Whether a new remediation may start while `open` others of the policy are going on (half-open:
  // one at a time). With 0 it tells what to say in the policy's Blocked condition.
  std::optional<Refusal> Check(const Limit& limit, int64_t open) const;

  // While not synced() it refuses whatever the state is.
  crds::BreakerState state() const { return state_; }
  bool synced() const { return synced_; }
  Counts counts() const { return counts_; }
  // When the state was entered.
  absl::Time since() const { return since_; }
  // When Observe with the same numbers may change the state; InfiniteFuture: never.
  absl::Time NextChange(const Limit& limit) const;
  // For the policy's status; nullopt while there is nothing to keep (not seen, never tripped).
  std::optional<crds::Breaker> ToStatus() const;

  // How many may be unhealthy: max(limit, 1), percent rounded down.
  static int64_t Allowed(const crds::IntOrPercent& limit, int64_t selected);

  friend bool operator==(const Breaker&, const Breaker&) = default;

 private:
  void Enter(crds::BreakerState state, absl::Time now);
  // `since` as long as `holds`; it begins now, ends when it does not hold.
  static void Track(std::optional<absl::Time>& since, bool holds, absl::Time now);

  crds::BreakerState state_ = crds::BreakerState::kOpen;
  bool synced_ = false;
  bool tripped_ = false;  // Open or HalfOpen because too many were sick
  absl::Time since_ = absl::InfinitePast();
  std::optional<absl::Time> calm_since_;   // at or below the limit without a break
  std::optional<absl::Time> quiet_since_;  // nobody sick without a break
  Counts counts_;
};

}  // namespace kr::limits
