#include "controller/runtime/manager.h"

#include <utility>

#include "controller/base/log.h"

namespace kr::runtime {

void Manager::Add(Part part) {
  parts_.push_back(std::move(part));
}

Status Manager::Run(std::stop_token stop) {
  size_t started = 0;
  for (; started < parts_.size() && !stop.stop_requested(); ++started) {
    Part& part = parts_[started];
    if (!part.start) continue;
    if (Status status = part.start(); !status.ok()) {
      Fail(Annotate(status, "starting " + part.name));
      break;
    }
  }
  if (started == parts_.size()) ready_ = true;

  // In slices, because a single wait is bounded (CondVar).
  while (!stop.stop_requested()) {
    MutexLock lock(mu_);
    failed_.Wait(mu_, stop, absl::InfiniteDuration(),
                 [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !failure_.ok(); });
    if (!failure_.ok()) break;
  }
  ready_ = false;
  const Status stopped = StopParts(started);

  MutexLock lock(mu_);
  return failure_.ok() ? stopped : std::move(failure_);
}

void Manager::Fail(Status why) {
  MutexLock lock(mu_);
  if (failure_.ok()) failure_ = std::move(why);
  failed_.NotifyAll();
}

HealthChecks::Check Manager::Ready() const {
  return [this] { return ready_ ? OkStatus() : Unavailable("starting or stopping"); };
}

Status Manager::StopParts(size_t started) {
  log::Info("Stopping", {{"grace", absl::FormatDuration(options_.grace_period)}});
  Stopping stopping{.deadline = clock_.Monotonic() + options_.grace_period};
  Status result;
  for (size_t i = started; i > 0; --i) {
    const Part& part = parts_[i - 1];
    if (!part.stop) continue;
    Status status = part.stop(stopping);
    if (status.ok()) continue;
    stopping.clean = false;
    log::Error("Part did not stop", {{"part", part.name}, {"error", Message(status)}});
    if (result.ok()) result = Annotate(status, "stopping " + part.name);
  }
  return result;
}

}  // namespace kr::runtime
