#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"
#include "crds/v1alpha1/node_task.h"
#include "reconcilers/agent/execute.h"
#include "reconcilers/agent/host_thread.h"
#include "reconcilers/agent/task_marker.h"
#include "reconcilers/node/task.h"

namespace kr::agent {

// Carries one NodeTask through on this host: is it what it says, has it been begun before, then the
// marker, the word to the API server, the commands, the result. What is said to the API server is
// said until it has heard it, or stop. Not thread-safe.
class TaskWorker {
 public:
  struct Options {
    std::string node_name;
    crds::TaskVia via = crds::TaskVia::kJob;  // others are left alone
    std::string state_folder = "/var/lib/kube-remedy/tasks";
    absl::Duration retry = absl::Seconds(1);  // between two tries to tell, doubling...
    absl::Duration retry_max = absl::Seconds(30);
    absl::Duration request_timeout = absl::Seconds(10);
    // What the host still knows of tasks that ended so long ago is forgotten.
    absl::Duration memory = absl::Hours(30 * 24);
  };

  // All outlive it. `thread` has entered the host.
  TaskWorker(Options options, kube::Client& client, HostThread& thread, const HostContext& host,
             kube::Waiter& waiter);

  // How the task stands when nothing more can be done about it now: final, or Rebooting. An error
  // when the API server does not answer (ask again), NotFound when there is no such task.
  StatusOr<crds::NodeTaskStatus> Run(const std::string& name, std::stop_token stop);

  // A task of the Job path that this host began in an earlier boot: nobody else is left to say what
  // became of it. Does nothing for all others.
  Status Settle(const std::string& name, std::stop_token stop);

 private:
  struct Found {
    crds::NodeTask task;
    std::string resource_version;
    absl::Time now;  // of the API server
  };
  StatusOr<Found> Get(const std::string& name, std::stop_token stop);
  // Null: there is no such object.
  StatusOr<nlohmann::json> Read(const kube::HttpRequest& request, std::stop_token stop);
  StatusOr<node::HostIdentity> Identity();
  // What follows from a marker that is there.
  crds::NodeTaskStatus Resume(const crds::NodeTask& task, TaskMarker marker,
                              const std::string& boot_id);
  StatusOr<std::optional<node::Refusal>> Check(const Found& found, const node::HostIdentity& host,
                                               std::stop_token stop);
  // Says Running, if the task is still there and nobody has said anything yet. False: it was
  // withdrawn, or taken.
  StatusOr<bool> Claim(Found found, const crds::NodeTaskStatus& running, std::stop_token stop);
  Status Patch(const std::string& name, const crds::NodeTaskStatus& status,
               const std::string& resource_version, std::stop_token stop);
  StatusOr<crds::NodeTaskStatus> Tell(const std::string& name, crds::NodeTaskStatus status,
                                      std::stop_token stop);
  StatusOr<crds::NodeTaskStatus> Execute(Found found, const node::HostIdentity& host,
                                         std::stop_token stop);
  std::optional<TaskMarker> FindMarker(const std::string& name);

  const Options options_;
  kube::Client& client_;
  HostThread& thread_;
  const HostContext& host_;
  kube::Waiter& waiter_;
  const TaskMarkers markers_;
};

}  // namespace kr::agent
