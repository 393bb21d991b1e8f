#pragma once

#include <stop_token>
#include <string>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"

namespace kr::runtime {

// The right to change the cluster. Kubernetes leases do not fence: another process may take the
// lease as soon as this one has not renewed it for a lease duration, however long our requests
// hang. So a write may start only when the permit outlasts the write's own timeout, and the permit
// ends `safety` before the lease could be taken, counted from the *start* of the last renewal that
// succeeded. Granted by leader election, asked by everybody who writes. Thread-safe.
class WritePermit {
 public:
  struct Term {
    std::string holder;         // our identity
    int lease_transitions = 0;  // grows with every change of the holder: orders the terms
    // Taken from a holder that did not release it: its last writes may still be on their way.
    bool unreleased_takeover = false;
  };
  struct Options {
    absl::Duration lease_duration = absl::Seconds(15);
    absl::Duration safety = absl::Seconds(1);
    // Of one write of whoever led before; a third of the lease duration by rule.
    absl::Duration write_timeout = absl::Seconds(5);
  };

  WritePermit() : WritePermit(Options()) {}
  explicit WritePermit(Options options) : options_(options) {}
  // Ends the term.
  ~WritePermit() { End(); }

  // Leadership was won at `now` by a request that was started at `renewal_start`.
  void Begin(Term term, MonotonicTime renewal_start, MonotonicTime now);
  // A renewal that was started at `renewal_start` succeeded. Ignored when no term has begun.
  void Renew(MonotonicTime renewal_start);
  // Leadership is lost or given up: nothing may start, and stop() of this term is requested.
  void End();

  // Whether a write with this timeout may start at `now`.
  bool Covers(MonotonicTime now, absl::Duration write_timeout) const;
  // Covers, and after an unreleased takeover one write timeout and a second have passed.
  bool CoversDisruptive(MonotonicTime now, absl::Duration write_timeout) const;
  // When CoversDisruptive can become true in this term; InfiniteFuture without a term.
  MonotonicTime disruptive_from() const;
  // InfinitePast (of the monotonic clock) without a term.
  MonotonicTime valid_until() const;
  Term term() const;

  // Requested when the current term ends; already requested without a term.
  std::stop_token stop() const;

 private:
  const Options options_;

  mutable Mutex mu_;
  Term term_ ABSL_GUARDED_BY(mu_);
  MonotonicTime valid_until_ ABSL_GUARDED_BY(mu_) = kNever;
  MonotonicTime disruptive_from_ ABSL_GUARDED_BY(mu_) = MonotonicTime::InfiniteFuture();
  std::stop_source stop_ ABSL_GUARDED_BY(mu_) = StoppedSource();

  static constexpr MonotonicTime kNever{-absl::InfiniteDuration()};
  static std::stop_source StoppedSource();
};

}  // namespace kr::runtime
