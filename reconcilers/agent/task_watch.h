#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/kube/http.h"

namespace kr::agent {

// Watches the NodeTasks of one node, on a thread of its own.
class TaskWatch {
 public:
  // `on_task` hears the name of each task that is there, comes or changes, on that thread. All
  // outlive it.
  TaskWatch(const std::string& node, kube::StreamTransport& streams, Clock& clock,
            std::function<void(std::string)> on_task);
  ~TaskWatch();
  TaskWatch(const TaskWatch&) = delete;
  TaskWatch& operator=(const TaskWatch&) = delete;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kr::agent
