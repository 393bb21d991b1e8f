#pragma once

#include <functional>
#include <map>
#include <thread>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"

namespace kr::kube {

// Calls back when time is over, for libraries that know no total time limit. One thread.
// Thread-safe.
class Watchdog {
 public:
  using Id = std::pair<absl::Duration, unsigned long>;

  Watchdog();

  // `bark` runs on the watchdog's thread after `after`, unless cancelled; it must be quick and must
  // not call back into the watchdog.
  Id Arm(absl::Duration after, std::function<void()> bark);
  // When it returns, `bark` is not running and never will.
  void Disarm(const Id& id);

 private:
  void Run(std::stop_token stop);

  RealClock clock_;
  Mutex mu_;
  CondVar changed_;
  std::map<Id, std::function<void()>> armed_ ABSL_GUARDED_BY(mu_);
  unsigned long next_ ABSL_GUARDED_BY(mu_) = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace kr::kube
