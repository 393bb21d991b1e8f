#pragma once

#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/random.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"
#include "controller/runtime/lease.h"

namespace kr::runtime {

struct LeaderElectionConfig {
  kube::ObjectKey lease{"kube-system", "kube-remedy"};
  std::string identity;  // unique per process: host name and a random part
  absl::Duration lease_duration = absl::Seconds(15);
  absl::Duration renew_deadline = absl::Seconds(10);
  absl::Duration retry_period = absl::Seconds(2);

  // lease_duration (whole seconds) > renew_deadline > 1.2 * retry_period > 0; names and identity
  // not empty.
  Status Validate() const;
  // max(1 s, renew_deadline / 2), so that one hung request cannot eat the deadline.
  absl::Duration RequestTimeout() const;
};

// The protocol of client-go's leaderelection as a state machine without I/O, threads or clock.
//
// Rules: expiry is judged only by when *we* saw the record change (clock skew does no harm, clock
// rate skew beyond lease_duration/renew_deadline does); a leader renews by PUT with the version
// it knows and reads only when that fails; 409 is a lost race; a takeover increments transitions.
// Unlike client-go, a leader that reads another holder stops at once instead of at its deadline,
// the deadline counts from the start of the last successful write, and a lease that somebody
// deleted is made again with transitions that go on, because these order the terms.
//
// Step is called with Start, then with whatever the last action asked for: Elapsed after a wait,
// Answer after a send. Stop may come instead of either. Not thread-safe.
class LeaderElector {
 public:
  struct Now {
    MonotonicTime monotonic;
    absl::Time wall;  // only for the timestamps in the record
  };

  struct Start {};
  struct Elapsed {};
  struct Answer {
    StatusOr<kube::Reply> reply;
  };
  // End of candidacy. `release` gives the lease up, if held: allowed only when all guarded work
  // has stopped.
  struct Stop {
    bool release;
  };
  using Input = std::variant<Start, Elapsed, Answer, Stop>;

  struct Send {
    kube::HttpRequest request;  // with its timeout set
  };
  struct WaitUntil {
    MonotonicTime when;
  };
  struct Finished {};
  using Action = std::variant<Send, WaitUntil, Finished>;

  // What changed in a step, if anything.
  struct Won {
    MonotonicTime request_started;
    int transitions;
    bool unreleased_takeover;
  };
  struct Renewed {
    MonotonicTime request_started;
  };
  struct Lost {
    std::string why;
  };
  using Change = std::variant<std::monostate, Won, Renewed, Lost>;

  struct Result {
    Action action;
    Change change;
    // How the last attempt went wrong; OK also when somebody else rightly holds the lease.
    Status problem;
  };

  // `random` must outlive the elector; `config` must be valid.
  LeaderElector(LeaderElectionConfig config, Random& random);

  Result Step(Input input, Now now);

  bool leading() const { return leading_; }
  // Who holds the lease as far as was observed; "" when unknown or nobody.
  const std::string& observed_holder() const;

 private:
  enum class State {
    kWaiting,
    kRenewing,
    kReading,
    kCreating,
    kUpdating,
    kReleaseReading,
    kReleasing,
    kFinished
  };

  Result Try(Now now);
  Result OnAnswer(StatusOr<kube::Reply> reply, Now now);
  Result OnRead(StatusOr<kube::Reply> reply, Now now);
  Result OnWritten(StatusOr<kube::Reply> reply, Now now);
  Result OnReleaseRead(StatusOr<kube::Reply> reply, Now now);
  Result OnReleased(const Status& status, Now now);
  Result OnStop(bool release, Now now);
  Result Failed(Status problem, Now now);
  Result Lose(std::string why);
  Result SendNow(State state, kube::HttpRequest request, Now now);
  Result Finish(Status problem = OkStatus());

  void Observe(Lease lease, Now now);
  bool HeldByOther(Now now) const;
  bool ObservedIsOurs() const;
  LeaseRecord RecordToWrite(Now now) const;
  MonotonicTime renew_deadline() const { return last_success_ + config_.renew_deadline; }

  const LeaderElectionConfig config_;
  Random& random_;

  State state_ = State::kWaiting;
  bool leading_ = false;
  std::optional<Lease> observed_;
  MonotonicTime observed_at_;      // when the record was last seen to change
  MonotonicTime request_started_;  // of the request in flight
  MonotonicTime last_success_;     // start of the last successful write
  bool takeover_ = false;          // the write in flight takes an expired lease from its holder
  int release_attempts_ = 0;
};

}  // namespace kr::runtime
