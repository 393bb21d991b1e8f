#include "controller/runtime/leader_election.h"

#include <atomic>
#include <thread>
#include <utility>

#include "controller/base/log.h"
#include "controller/base/mutex.h"

namespace kr::runtime {

// The thread. Only it touches the elector and changes the permit.
class LeaderElection::Runner {
 public:
  Runner(LeaderElectionConfig config, kube::Client& client, WritePermit& permit, Clock& clock,
         Random& random, LeaderMetrics metrics, Callbacks callbacks)
      : config_(std::move(config)),
        client_(client),
        permit_(permit),
        clock_(clock),
        metrics_(metrics),
        callbacks_(std::move(callbacks)),
        elector_(config_, random) {}

  Status Start() {
    KR_RETURN_IF_ERROR(config_.Validate());
    thread_ = std::jthread([this](std::stop_token stop) { Run(std::move(stop)); });
    return OkStatus();
  }

  void Stop(bool release) {
    if (!thread_.joinable()) return;
    release_ = release;
    thread_.request_stop();
    thread_.join();
  }

  bool leading() const { return leading_; }

 private:
  void Run(std::stop_token stop) {
    LeaderElector::Input input = LeaderElector::Start{};
    bool stopping = false;
    for (;;) {
      LeaderElector::Result result = elector_.Step(std::move(input), Now());
      if (!stopping) Apply(result.change);
      Report(result);
      if (std::holds_alternative<LeaderElector::Finished>(result.action)) return;
      // The requests that release the lease must not be cancelled by the stop that caused them.
      input = Perform(std::move(result.action), stopping ? std::stop_token() : stop);
      if (!stopping && stop.stop_requested()) {
        stopping = true;
        EndTerm();
        input = LeaderElector::Stop{.release = release_};
      }
    }
  }

  LeaderElector::Now Now() const { return {clock_.Monotonic(), clock_.Now()}; }

  LeaderElector::Input Perform(LeaderElector::Action action, std::stop_token stop) {
    if (auto* send = std::get_if<LeaderElector::Send>(&action)) {
      return LeaderElector::Answer{client_.Send(send->request, std::move(stop))};
    }
    const MonotonicTime when = std::get<LeaderElector::WaitUntil>(action).when;
    MutexLock lock(mu_);
    stopped_.Wait(mu_, std::move(stop), when - clock_.Monotonic(), [] { return false; });
    return LeaderElector::Elapsed{};
  }

  void Apply(const LeaderElector::Change& change) {
    if (const auto* won = std::get_if<LeaderElector::Won>(&change)) {
      const WritePermit::Term term{.holder = config_.identity,
                                   .lease_transitions = won->transitions,
                                   .unreleased_takeover = won->unreleased_takeover};
      permit_.Begin(term, won->request_started, clock_.Monotonic());
      leading_ = true;
      metrics_.leader.Set(1);
      log::Info("Became the leader", {{"lease", config_.lease.ToString()},
                                      {"transitions", std::to_string(won->transitions)}});
      if (callbacks_.on_started) callbacks_.on_started(term);
    } else if (const auto* renewed = std::get_if<LeaderElector::Renewed>(&change)) {
      permit_.Renew(renewed->request_started);
      metrics_.renewals.Increment();
    } else if (const auto* lost = std::get_if<LeaderElector::Lost>(&change)) {
      EndTerm();
      log::Error("Lost the leader lease",
                 {{"lease", config_.lease.ToString()}, {"why", lost->why}});
      if (callbacks_.on_lost) callbacks_.on_lost(lost->why);
    }
  }

  void EndTerm() {
    permit_.End();
    leading_ = false;
    metrics_.leader.Set(0);
  }

  // An outage repeats the same problem every few seconds: each is counted, the first is logged.
  void Report(const LeaderElector::Result& result) {
    if (result.problem.ok()) {
      // A wait without a problem ends an attempt that went well.
      if (std::holds_alternative<LeaderElector::WaitUntil>(result.action)) last_problem_.clear();
      return;
    }
    metrics_.failures.Increment();
    if (last_problem_ == Message(result.problem)) return;
    last_problem_ = Message(result.problem);
    log::Warning("Leader election attempt went wrong",
                 {{"lease", config_.lease.ToString()}, {"error", last_problem_}});
  }

  // Constant after construction.
  const LeaderElectionConfig config_;
  kube::Client& client_;
  WritePermit& permit_;
  Clock& clock_;
  const LeaderMetrics metrics_;
  const Callbacks callbacks_;

  // Election thread only.
  LeaderElector elector_;
  std::string last_problem_;

  std::atomic<bool> leading_ = false;
  std::atomic<bool> release_ = false;
  Mutex mu_;
  CondVar stopped_;
  std::jthread thread_;
};

LeaderElection::LeaderElection(LeaderElectionConfig config, kube::Client& client,
                               WritePermit& permit, Clock& clock, Random& random,
                               LeaderMetrics metrics, Callbacks callbacks)
    : runner_(std::make_unique<Runner>(std::move(config), client, permit, clock, random, metrics,
                                       std::move(callbacks))) {}

LeaderElection::~LeaderElection() {
  Stop(false);
}

Status LeaderElection::Start() {
  return runner_->Start();
}
void LeaderElection::Stop(bool release) {
  runner_->Stop(release);
}
bool LeaderElection::leading() const {
  return runner_->leading();
}

}  // namespace kr::runtime
