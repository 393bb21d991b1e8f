#pragma once

#include <optional>
#include <string>

#include "controller/base/status.h"
#include "crds/v1alpha1/node_task.h"
#include "reconcilers/agent/host.h"

namespace kr::agent {

// What the host itself remembers of a task: it is on the disk before the first command, so that
// nothing is ever run twice, whatever happens to us, the API server or the machine.
struct TaskMarker {
  std::string boot_id;          // of the boot in which it was begun
  crds::NodeTaskStatus status;  // as far as it came
};

class TaskMarkers {
 public:
  // `folder` is one of the host.
  TaskMarkers(const HostFiles& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}

  // nullopt: the task was never begun here. A marker that cannot be read (half of the disk is gone)
  // is one of a task that was begun.
  std::optional<TaskMarker> Find(const std::string& task) const;
  // AlreadyExists when there is one.
  Status Begin(const std::string& task, const TaskMarker& marker) const;
  Status Update(const std::string& task, const TaskMarker& marker) const;
  // Those that nobody has written to since.
  void Forget(absl::Time before) const { files_.RemoveOlder(folder_, before); }

 private:
  std::string PathOf(const std::string& task) const { return folder_ + "/" + task + ".json"; }

  const HostFiles& files_;
  const std::string folder_;
};

}  // namespace kr::agent
