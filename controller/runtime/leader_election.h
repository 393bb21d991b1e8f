#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/random.h"
#include "controller/kube/client.h"
#include "controller/runtime/leader_elector.h"
#include "controller/runtime/runtime_metrics.h"
#include "controller/runtime/write_permit.h"

namespace kr::runtime {

// Runs a LeaderElector on a thread of its own and keeps the write permit in step with it. Give it
// a Client over a Transport of its own: renewals must not queue behind other requests.
//
// A lost lease cannot be won again by the same process: in-memory state belongs to the old term,
// so the owner must end the process (as client-go demands).
class LeaderElection {
 public:
  struct Callbacks {
    // On the election thread; the permit is granted already. Must not block.
    std::function<void(const WritePermit::Term&)> on_started;
    // On the election thread; the permit has ended already. At most once, only after on_started,
    // and not after Stop. Must not block.
    std::function<void(std::string_view why)> on_lost;
  };

  // All references must outlive it. `random` is used on the election thread only.
  LeaderElection(LeaderElectionConfig config, kube::Client& client, WritePermit& permit,
                 Clock& clock, Random& random, LeaderMetrics metrics, Callbacks callbacks);
  // Stops without releasing.
  ~LeaderElection();

  // InvalidArgument for a configuration that is not valid; then nothing runs.
  Status Start();

  // Ends the permit and the candidacy and joins the thread, within two request timeouts. With
  // `release` the lease is given up, so that a standby takes over in seconds: only when all
  // guarded work has stopped. Idempotent.
  void Stop(bool release);

  bool leading() const;

 private:
  class Runner;
  std::unique_ptr<Runner> runner_;
};

}  // namespace kr::runtime
