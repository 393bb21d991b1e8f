#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "cmd/kubectl-remedy/cluster.h"
#include "controller/base/clock.h"
#include "controller/base/status.h"

namespace CLI {
class App;
}

namespace kr::cmd {

// What a command works with; tests give their own.
struct Console {
  std::ostream& out;
  std::ostream& err;
  Clock& clock;
  std::function<void(absl::Duration)> wait;  // between two looks at something
  // The cluster of the kubeconfig; asked only by commands that need one.
  std::function<StatusOr<std::unique_ptr<Cluster>>(const kube::ConfigFlags&)> connect;
};

// One word behind `kubectl remedy`. Declares its arguments, then runs with what was given.
class Command {
 public:
  virtual ~Command() = default;
  virtual CLI::App& Declare(CLI::App& app) = 0;
  // Prints its result to console.out. An error is printed by the caller, to standard error.
  virtual Status Run(Console& console) = 0;
};

// The error of a question that was answered with no: exit status kExitNo.
Status AnswerIsNo(std::string_view message);

// `object` in the form of -o; in form "table" `text` instead.
void Print(Console& console, std::string_view output, const nlohmann::json& object,
           std::string_view text);

std::unique_ptr<Command> MakeApproveCommand();
std::unique_ptr<Command> MakeDenyCommand();
std::unique_ptr<Command> MakeEvalCommand();
std::unique_ptr<Command> MakePlanCommand();
std::unique_ptr<Command> MakeRbacCommand();
std::unique_ptr<Command> MakeRetryCommand();
std::unique_ptr<Command> MakeRunCommand();
std::unique_ptr<Command> MakeStatusCommand();
std::unique_ptr<Command> MakeTestCommand();
std::unique_ptr<Command> MakeUninstallCommand();
std::unique_ptr<Command> MakeWhyCommand();
std::unique_ptr<Command> MakePauseCommand();
std::unique_ptr<Command> MakeResumeCommand();
std::unique_ptr<Command> MakeCancelCommand();

// The whole program: parses, runs the command that was named, and gives the exit status of
// command_line.h.
int RunCommandLine(int argc, const char* const* argv, Console& console);

}  // namespace kr::cmd
