#include "controller/runtime/dispatcher.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "controller/kube/api_error.h"

namespace kr::runtime {
namespace {

// Indexes of Dispatcher::lanes_, in order of preference.
constexpr size_t kWriteLane = 0;
constexpr size_t kReadLane = 1;
constexpr size_t kBackgroundLane = 2;

// What an answer holds besides its body.
constexpr size_t kAnswerOverhead = 256;

size_t LaneOf(const kube::HttpRequest& request, Lane lane) {
  switch (lane) {
    case Lane::kRead:
      return kReadLane;
    case Lane::kWrite:
      return kWriteLane;
    case Lane::kBackground:
      return kBackgroundLane;
    case Lane::kAuto:
      break;
  }
  return request.method == "GET" ? kReadLane : kWriteLane;
}

std::string CodeLabel(const StatusOr<kube::Reply>& reply) {
  if (reply.ok()) return std::to_string(reply->code);
  const auto error = kube::GetApiError(reply.status());
  return error ? std::to_string(error->code) : "error";
}

}  // namespace

Dispatcher::Dispatcher(kube::Client& client, const WritePermit& permit, Clock& clock,
                       Engine& engine, RequestMetrics metrics, Options options)
    : client_(client),
      permit_(permit),
      clock_(clock),
      engine_(engine),
      metrics_(metrics),
      max_workers_(std::max<size_t>(options.workers, 2)) {
  const size_t reserve = std::max<size_t>(max_workers_ / 4, 1);
  MutexLock lock(mu_);
  lanes_[kWriteLane].share = max_workers_ - reserve;
  lanes_[kReadLane].share = max_workers_ - reserve;
  lanes_[kBackgroundLane].share = reserve;
}

Dispatcher::~Dispatcher() {
  Stop();
}

void Dispatcher::Send(kube::HttpRequest request, Callback done, SendOptions options) {
  const size_t lane = LaneOf(request, options.lane);
  const MonotonicTime turn = clock_.Monotonic() + options.patience;
  Job job{std::move(request), std::move(done), options};
  {
    MutexLock lock(mu_);
    if (!stopped_) {
      lanes_[lane].queue.emplace(turn, std::move(job));
      UpdateQueued();
      StartWorker();
      changed_.NotifyAll();
      return;
    }
  }
  Answer(std::move(job), NotSent("stopping"));
}

void Dispatcher::StartWorker() {
  size_t runnable = 0;
  for (const LaneState& lane : lanes_) {
    runnable += std::min(lane.queue.size(), lane.share - lane.running);
  }
  if (runnable <= idle_ || workers_.size() >= max_workers_) return;
  workers_.emplace_back([this](std::stop_token stop) { Work(std::move(stop)); });
}

bool Dispatcher::WaitIdle(absl::Duration timeout) {
  MutexLock lock(mu_);
  return changed_.Wait(
      mu_, std::stop_token(), timeout, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return std::all_of(lanes_.begin(), lanes_.end(), [](const LaneState& lane) {
          return lane.queue.empty() && lane.running == 0;
        });
      });
}

void Dispatcher::Stop() {
  std::vector<Job> unsent;
  std::vector<std::jthread> workers;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    workers.swap(workers_);
    for (LaneState& lane : lanes_) {
      for (auto& [turn, job] : lane.queue) unsent.push_back(std::move(job));
      lane.queue.clear();
    }
    UpdateQueued();
  }
  for (Job& job : unsent) Answer(std::move(job), NotSent("stopping"));
  for (std::jthread& worker : workers) worker.request_stop();
}

void Dispatcher::Work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::optional<Job> job;
    LaneState* lane = nullptr;
    {
      MutexLock lock(mu_);
      ++idle_;
      changed_.Wait(mu_, stop, absl::InfiniteDuration(), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        lane = NextLane();
        return lane != nullptr;
      });
      --idle_;
      if (lane == nullptr) continue;
      job = std::move(lane->queue.begin()->second);
      lane->queue.erase(lane->queue.begin());
      ++lane->running;
      UpdateQueued();
    }
    StatusOr<kube::Reply> reply = Execute(*job, stop);
    Answer(*std::move(job), std::move(reply));
    MutexLock lock(mu_);
    --lane->running;
    changed_.NotifyAll();
  }
}

Dispatcher::LaneState* Dispatcher::NextLane() {
  for (LaneState& lane : lanes_) {
    if (!lane.queue.empty() && lane.running < lane.share) return &lane;
  }
  return nullptr;
}

StatusOr<kube::Reply> Dispatcher::Execute(const Job& job, std::stop_token stop) {
  // Ends with the worker or with the permit's term, whichever comes first. The term's token is
  // taken before the permit is asked, so a term that ends in between still cancels.
  std::stop_source cancel;
  const std::stop_callback on_stop(std::move(stop), [&cancel] { cancel.request_stop(); });
  std::optional<std::stop_callback<std::function<void()>>> on_permit_end;
  if (job.options.permit != PermitNeed::kNone) {
    on_permit_end.emplace(permit_.stop(), [&cancel] { cancel.request_stop(); });
    const bool covered = job.options.permit == PermitNeed::kDisruptive
                             ? permit_.CoversDisruptive(clock_.Monotonic(), job.request.timeout)
                             : permit_.Covers(clock_.Monotonic(), job.request.timeout);
    if (!covered) {
      metrics_.refused.Increment();
      return NotSent("the write permit does not cover this write");
    }
  }
  const MonotonicTime start = clock_.Monotonic();
  StatusOr<kube::Reply> reply = Internal("the client threw");
  try {
    reply = client_.Send(job.request, cancel.get_token());
  } catch (const std::exception& e) {
    reply = Internal(e.what());
  }
  metrics_.total.With({job.request.method, CodeLabel(reply)}).Increment();
  metrics_.seconds.With({job.request.method})
      .Observe(absl::ToDoubleSeconds(clock_.Monotonic() - start));
  return reply;
}

void Dispatcher::Answer(Job job, StatusOr<kube::Reply> reply) {
  const size_t weight = kAnswerOverhead + (reply.ok() ? reply->body.size() : 0);
  engine_.Post(weight, [done = std::move(job.done), reply = std::move(reply)]() mutable {
    done(std::move(reply));
  });
}

void Dispatcher::UpdateQueued() {
  size_t queued = 0;
  for (const LaneState& lane : lanes_) queued += lane.queue.size();
  metrics_.queued.Set(static_cast<double>(queued));
}

}  // namespace kr::runtime
