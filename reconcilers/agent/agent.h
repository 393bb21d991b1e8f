#pragma once

#include <set>
#include <stop_token>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/kube/client.h"
#include "controller/kube/http.h"
#include "reconcilers/agent/task_worker.h"

namespace kr::agent {

// The agent of one node: renews its lease, which proves that host and network live whatever the
// kubelet says, and carries the NodeTasks of its node through, one after the other. After a start
// it finishes what an earlier process, or an earlier boot, has left.
class Agent {
 public:
  struct Options {
    std::string node_name;
    std::string name_space;                             // of the lease
    std::string identity;                               // of this process
    absl::Duration lease_duration = absl::Seconds(40);  // as kubelets'
    absl::Duration renew_interval = absl::Seconds(10);
    absl::Duration request_timeout = absl::Seconds(5);
    absl::Duration retry = absl::Seconds(5);
  };

  // All outlive it. `lease_client` has connections of its own, so that a task's requests never
  // stand before a renewal.
  Agent(Options options, kube::Client& lease_client, kube::StreamTransport& streams,
        TaskWorker& worker, Clock& clock);

  // Until `stop`: then no new task is begun, and the one under way is finished (or killed by
  // whoever loses patience; the host remembers).
  void Run(std::stop_token stop);

 private:
  void RenewLoop(std::stop_token stop);
  Status Renew(std::stop_token stop);
  void WorkLoop(const std::stop_token& stop);
  // What is to be looked at next; "" when stopping.
  std::string Next(std::stop_token stop);
  void Add(std::string task);

  const Options options_;
  kube::Client& client_;
  kube::StreamTransport& streams_;
  TaskWorker& worker_;
  Clock& clock_;

  Mutex mu_;
  CondVar changed_;
  std::set<std::string> tasks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::agent
