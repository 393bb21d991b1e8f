#include "controller/kube/cpprest/watchdog.h"

namespace kr::kube {

Watchdog::Watchdog() : thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Watchdog::Id Watchdog::Arm(absl::Duration after, std::function<void()> bark) {
  MutexLock lock(mu_);
  const Id id{clock_.Monotonic().since_start() + after, next_++};
  armed_.emplace(id, std::move(bark));
  changed_.NotifyAll();
  return id;
}

void Watchdog::Disarm(const Id& id) {
  MutexLock lock(mu_);
  armed_.erase(id);
}

void Watchdog::Run(std::stop_token stop) {
  MutexLock lock(mu_);
  while (!stop.stop_requested()) {
    const absl::Duration now = clock_.Monotonic().since_start();
    if (!armed_.empty() && armed_.begin()->first.first <= now) {
      // Under the lock, so that Disarm waits for it.
      armed_.begin()->second();
      armed_.erase(armed_.begin());
      continue;
    }
    const absl::Duration left = armed_.empty() ? absl::Hours(1) : armed_.begin()->first.first - now;
    const auto earliest = [this] {
      return armed_.empty() ? absl::InfiniteDuration() : armed_.begin()->first.first;
    };
    changed_.Wait(mu_, stop, left, [&, before = earliest()] { return earliest() < before; });
  }
}

}  // namespace kr::kube
