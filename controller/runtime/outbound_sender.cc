#include "controller/runtime/outbound_sender.h"

#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "controller/runtime/api_sender.h"

namespace kr::runtime {
namespace {

// What an answer holds besides its body.
constexpr size_t kAnswerOverhead = 256;

}  // namespace

OutboundWorkers::OutboundWorkers(kube::OutboundCaller& caller, const WritePermit& permit,
                                 Clock& clock, Engine& engine, Options options)
    : caller_(caller), permit_(permit), clock_(clock), engine_(engine), options_(options) {}

OutboundWorkers::~OutboundWorkers() {
  Stop();
}

void OutboundWorkers::Send(kube::OutboundRequest request, Callback done) {
  Job job{std::move(request), std::move(done)};
  {
    MutexLock lock(mu_);
    if (!stopped_) {
      queue_.push_back(std::move(job));
      if (idle_ < queue_.size() && workers_.size() < options_.workers) {
        workers_.emplace_back([this](std::stop_token stop) { Work(std::move(stop)); });
      }
      changed_.NotifyAll();
      return;
    }
  }
  Answer(std::move(job), NotSent("stopping"));
}

void OutboundWorkers::Stop() {
  std::deque<Job> unsent;
  std::vector<std::jthread> workers;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    unsent.swap(queue_);
    workers.swap(workers_);
  }
  for (Job& job : unsent) Answer(std::move(job), NotSent("stopping"));
  for (std::jthread& worker : workers) worker.request_stop();
}

void OutboundWorkers::Work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::optional<Job> job;
    {
      MutexLock lock(mu_);
      ++idle_;
      changed_.Wait(mu_, stop, absl::InfiniteDuration(),
                    [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !queue_.empty(); });
      --idle_;
      if (queue_.empty()) continue;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    StatusOr<kube::OutboundAnswer> answer = Execute(job->request, stop);
    Answer(*std::move(job), std::move(answer));
  }
}

StatusOr<kube::OutboundAnswer> OutboundWorkers::Execute(const kube::OutboundRequest& request,
                                                        std::stop_token stop) {
  // Ends with the worker or with the permit's term, whichever comes first. The term's token is
  // taken before the permit is asked, so a term that ends in between still cancels.
  std::stop_source cancel;
  const std::stop_callback on_stop(std::move(stop), [&cancel] { cancel.request_stop(); });
  const std::stop_callback on_permit_end(permit_.stop(), [&cancel] { cancel.request_stop(); });
  if (!permit_.CoversDisruptive(clock_.Monotonic(), options_.permit_for)) {
    return NotSent("the write permit does not cover this call");
  }
  try {
    return caller_.Send(request, cancel.get_token());
  } catch (const std::exception& e) {
    return Internal(e.what());
  }
}

void OutboundWorkers::Answer(Job job, StatusOr<kube::OutboundAnswer> answer) {
  const size_t weight = kAnswerOverhead + (answer.ok() ? answer->response.body.size() : 0);
  engine_.Post(weight, [done = std::move(job.done), answer = std::move(answer)]() mutable {
    std::move(done)(std::move(answer));
  });
}

}  // namespace kr::runtime
