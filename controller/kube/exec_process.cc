// Runs a credential plugin as a process: a pipe for its output, a deadline, and a kill.
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "controller/kube/exec_plugin.h"

extern char** environ;

namespace kr::kube {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// posix_spawn wants arrays of pointers; the texts live in the argument.
std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const PluginCall& call) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : call.environment) variables[name] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

Status Ended(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OkStatus();
  if (WIFEXITED(status)) {
    return Unavailable("it ended with exit status " + std::to_string(WEXITSTATUS(status)));
  }
  return Unavailable("it was ended by signal " + std::to_string(WTERMSIG(status)));
}

class Processes final : public PluginRunner {
 public:
  bool AtTerminal() const override { return ::isatty(STDIN_FILENO) == 1; }

  StatusOr<std::string> Run(const PluginCall& call) override {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
      return Unavailable(std::string("no pipe: ") + std::strerror(errno));
    }
    Fd out(pipe[0]);
    Fd in(pipe[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
    if (!call.interactive) {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    // Its own process group, so that what it starts is killed with it; but who reads the terminal
    // stays in ours.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    if (!call.interactive) {
      posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
      posix_spawnattr_setpgroup(&attributes, 0);
    }
    std::vector<std::string> arguments = call.argv;
    std::vector<std::string> environment = Environment(call);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, call.argv[0].c_str(), &actions, &attributes,
                                     Pointers(arguments).data(), Pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) return NotFound("it cannot be run: " + std::string(std::strerror(error)));
    in.Close();
    const StatusOr<std::string> output = Collect(call, out.get());
    if (!output.ok()) ::kill(call.interactive ? child : -child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!output.ok()) return output;
    KR_RETURN_IF_ERROR(Ended(status));
    return output;
  }

 private:
  // Until the plugin closes its output.
  static StatusOr<std::string> Collect(const PluginCall& call, int fd) {
    const RealClock clock;
    const MonotonicTime deadline = clock.Monotonic() + call.timeout;
    std::string output;
    std::array<char, 4096> buffer;
    while (true) {
      const int64_t left = absl::ToInt64Milliseconds(deadline - clock.Monotonic());
      if (left <= 0) {
        return DeadlineExceeded("it did not answer within " + absl::FormatDuration(call.timeout));
      }
      pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(left));
      if (ready < 0 && errno != EINTR) {
        return Unavailable(std::string("poll: ") + std::strerror(errno));
      }
      if (ready <= 0) continue;
      const ssize_t count = ::read(fd, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Unavailable(std::string("read: ") + std::strerror(errno));
      if (count == 0) return output;
      output.append(buffer.data(), static_cast<size_t>(count));
      if (output.size() > call.max_output) {
        return ResourceExhausted("it printed more than " + std::to_string(call.max_output) +
                                 " bytes");
      }
    }
  }
};

}  // namespace

PluginRunner& ProcessRunner() {
  static Processes processes;
  return processes;
}

}  // namespace kr::kube
