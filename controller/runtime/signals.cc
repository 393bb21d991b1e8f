#include "controller/runtime/signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace kr::runtime {
namespace {

Status Failure(std::string_view what) {
  return Unavailable(std::string(what) + ": " + std::strerror(errno));
}

void Exit1() {
  _exit(1);
}

}  // namespace

StatusOr<std::unique_ptr<SignalWatcher>> SignalWatcher::Start(std::function<void()> on_first,
                                                              std::function<void()> on_second) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return Failure("pthread_sigmask");
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Failure("signal");
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  if (signal_fd < 0) return Failure("signalfd");
  const int stop_fd = eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) {
    Status status = Failure("eventfd");
    close(signal_fd);
    return status;
  }
  if (!on_second) on_second = Exit1;
  return std::unique_ptr<SignalWatcher>(
      new SignalWatcher(signal_fd, stop_fd, std::move(on_first), std::move(on_second)));
}

SignalWatcher::SignalWatcher(int signal_fd, int stop_fd, std::function<void()> on_first,
                             std::function<void()> on_second)
    : signal_fd_(signal_fd),
      stop_fd_(stop_fd),
      thread_([this, first = std::move(on_first), second = std::move(on_second)] {
        Watch(first, second);
      }) {}

SignalWatcher::~SignalWatcher() {
  const uint64_t one = 1;
  // An eventfd that nobody wrote to before takes this.
  [[maybe_unused]] const ssize_t written = write(stop_fd_, &one, sizeof(one));
  thread_.join();
  close(stop_fd_);
  close(signal_fd_);
}

void SignalWatcher::Watch(const std::function<void()>& on_first,
                          const std::function<void()>& on_second) const {
  int seen = 0;
  for (;;) {
    std::array<pollfd, 2> fds{{{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if (fds[0].revents == 0) continue;
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof(info)) != sizeof(info)) return;
    ++seen;
    if (seen == 1) on_first();
    if (seen == 2) on_second();
  }
}

}  // namespace kr::runtime
