#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "reconcilers/agent/bounded_output.h"

namespace kr::agent {

void KillGroup(pid_t group);

// How a program ended.
struct ProcessEnd {
  std::optional<int> exit_code;  // absent: a signal ended it, or it was never there
  int signal = 0;
  bool timed_out = false;
  bool hangs = false;  // it was killed, and is still there
  std::string error;   // it could not be started, and why

  bool Succeeded() const { return exit_code == 0; }
  // "exited with status 3", "was killed, it was not done within 10s"
  std::string ToString(absl::Duration timeout) const;
};

struct Killing {
  absl::Duration patience = absl::Seconds(5);
  // SIGKILL to all of a process group.
  std::function<void(pid_t group)> kill = KillGroup;
};

// Runs argv[0] (an absolute path) with these very arguments: no shell, nothing interpreted, nothing
// on its standard input, a fixed environment, `/` as its directory. Both its outputs go to
// `output`. It leads a session of its own; when `timeout` is over or `stop` is requested it is
// killed with all of its process group, and what it left in that group is killed when it ends. In
// the namespaces of the calling thread (EnterHost). Blocks, but not for one that does not even die
// of that, because it waits in the kernel (for a disk, for a server of NFS): it is left behind
// after `killing.patience`, so that other things can be done on that host, its restart for one. Who
// runs a program later reaps it.
ProcessEnd RunProcess(const std::vector<std::string>& argv, absl::Duration timeout,
                      BoundedOutput& output, const Clock& clock, std::stop_token stop,
                      const Killing& killing = {});

}  // namespace kr::agent
