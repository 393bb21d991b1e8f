#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/runtime/health_checks.h"

namespace kr::runtime {

// Starts the parts of a process in order and stops them in reverse order.
//
// The order of stopping that Kubernetes asks of a leader-elected controller is: not ready any more;
// no new work; running work finishes within the grace period; events are flushed; *then* the lease
// is released; watches are closed; the health server goes last. So add in the reverse: health
// server, watches, leader election, event recorder, workers, the work itself. When something did
// not stop in time the lease must expire instead of being released: a part that is stopped later
// sees that in Stopping::clean.
class Manager {
 public:
  struct Stopping {
    MonotonicTime deadline;  // of the grace period; stop functions return by then
    bool clean = true;       // everything that was stopped before this part has stopped
  };
  struct Part {
    std::string name;
    std::function<Status()> start;  // may be empty
    // Blocks until the part has stopped. An error (DeadlineExceeded) says it has not. May be empty.
    std::function<Status(const Stopping&)> stop;
  };
  struct Options {
    absl::Duration grace_period = absl::Seconds(30);  // less than the pod's by the release time
  };

  explicit Manager(Clock& clock) : Manager(clock, Options()) {}
  Manager(Clock& clock, Options options) : clock_(clock), options_(options) {}

  // Before Run.
  void Add(Part part);

  // Starts all parts, waits for `stop` or Fail, stops all that were started. The first error of a
  // start or of Fail is returned; otherwise DeadlineExceeded when a part did not stop; otherwise
  // OK. The process should exit with 0 only then.
  Status Run(std::stop_token stop);

  // Ends Run with this error: the lease was lost, a part broke. Thread-safe; the first one counts.
  void Fail(Status why);

  // A readiness check: false before all parts have started and as soon as stopping begins.
  HealthChecks::Check Ready() const;

 private:
  Status StopParts(size_t started);

  Clock& clock_;
  const Options options_;
  std::vector<Part> parts_;
  std::atomic<bool> ready_ = false;

  Mutex mu_;
  CondVar failed_;
  Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::runtime
