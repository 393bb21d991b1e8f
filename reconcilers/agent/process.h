#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "reconcilers/agent/bounded_output.h"

namespace kr::agent {

// How a program ended.
struct ProcessEnd {
  std::optional<int> exit_code;  // absent: a signal ended it, or it was never there
  int signal = 0;
  bool timed_out = false;
  std::string error;  // it could not be started, and why

  bool Succeeded() const { return exit_code == 0; }
  // "exited with status 3", "was killed after 10s"
  std::string ToString(absl::Duration timeout) const;
};

// Runs argv[0] (an absolute path) with these very arguments: no shell, nothing interpreted, nothing
// on its standard input, a fixed environment, `/` as its directory. Both its outputs go to
// `output`. It leads a session of its own; when `timeout` is over or `stop` is requested it is
// killed with all of its process group, and what it left in that group is killed when it ends. In
// the namespaces of the calling thread (EnterHost). Blocks.
ProcessEnd RunProcess(const std::vector<std::string>& argv, absl::Duration timeout,
                      BoundedOutput& output, const Clock& clock, std::stop_token stop);

}  // namespace kr::agent
