#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/kube/client.h"
#include "crds/v1alpha1/node_task.h"
#include "reconcilers/agent/host.h"
#include "reconcilers/agent/process.h"

namespace kr::agent {

// What executing needs. All outlive the call.
struct HostContext {
  const HostFiles& files;
  const Clock& clock;
  kube::Waiter& waiter;
  // Where old contents of files are kept.
  std::string backup_folder = "/var/lib/kube-remedy/backups";
  // For so long a check must succeed without a break before a changed file stays.
  absl::Duration settle = absl::Seconds(10);
  absl::Duration check_interval = absl::Seconds(1);
  Killing killing = {};
};

struct Executed {
  bool succeeded = false;
  std::string message;  // what became of the whole
  std::vector<crds::CommandResult> results;
};

// Runs the commands of a task one after the other, until one fails that must not. `progress` hears
// the results after each command. To be called on a thread that sees the host. `name` is the
// task's. Commands that are under way when `stop` is requested are killed.
Executed ExecuteCommands(
    const std::string& name, const crds::NodeTaskSpec& spec, const HostContext& host,
    std::stop_token stop,
    const std::function<void(const std::vector<crds::CommandResult>&)>& progress);

}  // namespace kr::agent
