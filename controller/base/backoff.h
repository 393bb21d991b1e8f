#pragma once

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/random.h"

namespace kr {

// Growing waits between attempts: initial, initial*factor, ... up to max, each lengthened by up to
// `jitter` of itself. Forgets its history when the last attempt is `reset_after` ago.
// Defaults are those of client-go's reflector. Not thread-safe.
class Backoff {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(800);
    absl::Duration max = absl::Seconds(30);
    double factor = 2.0;
    double jitter = 1.0;
    absl::Duration reset_after = absl::Minutes(2);
  };

  // `random` must outlive the backoff.
  Backoff(const Options& options, Random& random) : options_(options), random_(random) {}

  // The wait before the next attempt, which the caller is about to begin waiting for at `now`.
  absl::Duration Next(MonotonicTime now);
  void Reset() { current_ = absl::ZeroDuration(); }

 private:
  Options options_;
  Random& random_;
  absl::Duration current_ = absl::ZeroDuration();
  MonotonicTime last_;
};

}  // namespace kr
