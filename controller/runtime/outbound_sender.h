#pragma once

#include <deque>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/kube/outbound.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/write_permit.h"

namespace kr::runtime {

// How the engine calls a server that is not the API server: on a thread of its own, the answer
// comes back as an input of the engine. Engine thread only; never blocks.
class OutboundSender {
 public:
  using Callback = absl::AnyInvocable<void(StatusOr<kube::OutboundAnswer>)>;
  virtual ~OutboundSender() = default;

  // `done` runs on the engine thread, exactly once, never inside Send (unless the engine stops
  // first: then it is destroyed). Errors are those of kube::OutboundCaller, or NotSent
  // (api_sender.h).
  virtual void Send(kube::OutboundRequest request, Callback done) = 0;
};

// Does so with a few threads, which the first call starts. Others decide how long they take to
// answer, so they must not hold the workers of the API server (dispatcher.h). A call leaves only
// while the write permit covers `permit_for`, and ends with it: the permit cannot cover the whole
// of a call that may take minutes, so the receiver has to know a call that comes twice.
class OutboundWorkers final : public OutboundSender {
 public:
  struct Options {
    size_t workers = 4;
    absl::Duration permit_for = absl::Seconds(5);
  };
  // All must outlive it.
  OutboundWorkers(kube::OutboundCaller& caller, const WritePermit& permit, Clock& clock,
                  Engine& engine, Options options);
  // Stops.
  ~OutboundWorkers() override;

  void Send(kube::OutboundRequest request, Callback done) override;

  // As Dispatcher::Stop.
  void Stop();

 private:
  struct Job {
    kube::OutboundRequest request;
    Callback done;
  };

  void Work(std::stop_token stop);
  StatusOr<kube::OutboundAnswer> Execute(const kube::OutboundRequest& request,
                                         std::stop_token stop);
  void Answer(Job job, StatusOr<kube::OutboundAnswer> answer);

  kube::OutboundCaller& caller_;
  const WritePermit& permit_;
  Clock& clock_;
  Engine& engine_;
  const Options options_;

  Mutex mu_;
  CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  size_t idle_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Job> queue_ ABSL_GUARDED_BY(mu_);
  std::vector<std::jthread> workers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::runtime
