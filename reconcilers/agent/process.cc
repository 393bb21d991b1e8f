#include "reconcilers/agent/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crds/meta/duration.h"

namespace kr::agent {
namespace {

// How often a process that keeps its output open is asked whether it has ended.
constexpr absl::Duration kPoll = absl::Milliseconds(20);
// What is still in the pipe when the process has ended is read for so long: something that it left
// in the background may hold the pipe open for ever.
constexpr absl::Duration kDrain = absl::Milliseconds(200);

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    Close(read);
    Close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool ok() const { return read >= 0; }
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

// Of the child, between fork and exec: only what is safe there. Tells `errno` when there is no
// exec.
[[noreturn]] void Become(char* const* argv, char* const* environment, int output, int failure) {
  setsid();
  // Signals that we block or ignore are nothing that a program expects.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (chdir("/") == 0) execve(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(failure, &error, sizeof error);
  _exit(127);
}

// False: the pipe is closed.
bool ReadSome(int fd, BoundedOutput& output) {
  std::array<char, 8192> buffer;
  const ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got > 0) output.Add({buffer.data(), static_cast<size_t>(got)});
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

void AwaitOutput(int fd, absl::Duration longest) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  poll(&ready, fd >= 0 ? 1 : 0, static_cast<int>(absl::ToInt64Milliseconds(longest)));
}

// Children that were left behind, until they are reaped.
class LeftBehind {
 public:
  void Add(pid_t child) {
    const std::lock_guard lock(mutex_);
    children_.push_back(child);
  }
  void Reap() {
    const std::lock_guard lock(mutex_);
    std::erase_if(children_, [](pid_t child) { return waitpid(child, nullptr, WNOHANG) != 0; });
  }

 private:
  std::mutex mutex_;
  std::vector<pid_t> children_;
};

// Children are the process's, whoever in it has made them.
LeftBehind& Remains() {
  static LeftBehind remains;
  return remains;
}

}  // namespace

void KillGroup(pid_t group) {
  kill(-group, SIGKILL);
}

std::string ProcessEnd::ToString(absl::Duration timeout) const {
  if (!error.empty()) return "could not be started: " + error;
  const std::string remains =
      hangs ? ", and does not die of it: it hangs in the kernel, and was left behind" : "";
  if (timed_out) {
    return "was killed, it was not done within " + crds::FormatDuration(timeout) + remains;
  }
  if (hangs) return "was killed" + remains;
  if (exit_code) return "exited with status " + std::to_string(*exit_code);
  return "was ended by signal " + std::to_string(signal);
}

ProcessEnd RunProcess(const std::vector<std::string>& argv, absl::Duration timeout,
                      BoundedOutput& output, const Clock& clock, std::stop_token stop,
                      const Killing& killing) {
  Remains().Reap();
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<char*, 4> environment = {
      const_cast<char*>("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
      const_cast<char*>("LANG=C.UTF-8"), const_cast<char*>("HOME=/root"), nullptr};
  Pipe out, failure;
  if (!out.ok() || !failure.ok()) return {.error = std::strerror(errno)};

  const MonotonicTime deadline = clock.Monotonic() + timeout;
  const pid_t child = fork();
  if (child < 0) return {.error = std::strerror(errno)};
  if (child == 0) Become(arguments.data(), environment.data(), out.write, failure.write);
  Pipe::Close(out.write);
  Pipe::Close(failure.write);

  ProcessEnd end;
  fcntl(out.read, F_SETFL, O_NONBLOCK);
  fcntl(failure.read, F_SETFL, O_NONBLOCK);  // exec may hang, too
  bool open = true;
  int status = 0;
  std::optional<MonotonicTime> killed;
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) break;
    const MonotonicTime now = clock.Monotonic();
    if (!killed && (now >= deadline || stop.stop_requested())) {
      end.timed_out = !stop.stop_requested();
      killed = now;
    }
    if (killed) killing.kill(child);  // again and again: its group may only be made now
    if (killed && now >= *killed + killing.patience) {
      Remains().Add(child);
      end.hangs = true;
      return end;
    }
    AwaitOutput(open ? out.read : -1, kPoll);
    open = open && ReadSome(out.read, output);
  }
  killing.kill(child);  // the rest of its group
  const MonotonicTime drained = clock.Monotonic() + kDrain;
  while (open && clock.Monotonic() < drained) {
    AwaitOutput(out.read, kPoll);
    open = ReadSome(out.read, output);
  }
  int error = 0;
  if (read(failure.read, &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    end.error = argv[0] + ": " + std::strerror(error);
    return end;
  }
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

}  // namespace kr::agent
