#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "controller/base/status.h"

namespace kr::runtime {

// Turns SIGTERM and SIGINT into calls on a thread of its own (by signalfd, so nothing ever runs in
// a signal handler), and ignores SIGPIPE. Make it before any other thread: threads inherit the
// blocked signals. One per process.
class SignalWatcher {
 public:
  // `on_first` begins the graceful stop. `on_second`: somebody is impatient; empty ends the process
  // at once with status 1.
  static StatusOr<std::unique_ptr<SignalWatcher>> Start(std::function<void()> on_first,
                                                        std::function<void()> on_second = {});
  // Joins the thread. The signals stay blocked.
  ~SignalWatcher();

 private:
  SignalWatcher(int signal_fd, int stop_fd, std::function<void()> on_first,
                std::function<void()> on_second);
  void Watch(const std::function<void()>& on_first, const std::function<void()>& on_second) const;

  const int signal_fd_;
  const int stop_fd_;
  std::jthread thread_;
};

}  // namespace kr::runtime
