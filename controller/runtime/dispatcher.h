#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <stop_token>
#include <thread>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/kube/client.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/runtime_metrics.h"
#include "controller/runtime/write_permit.h"

namespace kr::runtime {

// The workers: each sends one request at a time and posts the answer back to the engine. They are
// started when there is more to do at once than there was before. Each lane is first in first out,
// but for requests with patience, and may hold only its share of the workers, so that a flood of
// reads leaves room for writes, and the other way round. Where lanes compete, writes go first,
// events last. Send may be called from any thread.
class Dispatcher final : public ApiSender {
 public:
  struct Options {
    size_t workers = 24;  // at most; at least 2
  };

  // All must outlive the dispatcher; `client` blocks its caller and is used by every worker.
  Dispatcher(kube::Client& client, const WritePermit& permit, Clock& clock, Engine& engine,
             RequestMetrics metrics, Options options);
  // Stops.
  ~Dispatcher() override;

  using ApiSender::Send;
  void Send(kube::HttpRequest request, Callback done, SendOptions options) override;

  // Waits until nothing is queued or in flight, at most `timeout` of real time; whether that was
  // reached. Not on the engine thread.
  bool WaitIdle(absl::Duration timeout);

  // Queued requests are answered NotSent, those in flight are cancelled, workers are joined.
  // Requests after that are answered NotSent.
  void Stop();

 private:
  static constexpr size_t kLanes = 3;
  struct Job {
    kube::HttpRequest request;
    Callback done;
    SendOptions options;
  };
  struct LaneState {
    std::multimap<MonotonicTime, Job> queue;  // by the end of its patience
    size_t running = 0;
    size_t share = 0;
  };

  void StartWorker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Work(std::stop_token stop);
  LaneState* NextLane() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StatusOr<kube::Reply> Execute(const Job& job, std::stop_token stop);
  void Answer(Job job, StatusOr<kube::Reply> reply);
  void UpdateQueued() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  kube::Client& client_;
  const WritePermit& permit_;
  Clock& clock_;
  Engine& engine_;
  const RequestMetrics metrics_;
  const size_t max_workers_;

  Mutex mu_;
  CondVar changed_;
  std::array<LaneState, kLanes> lanes_ ABSL_GUARDED_BY(mu_);  // in order of preference
  size_t idle_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::jthread> workers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::runtime
