#include "cmd/kubectl-remedy/command.h"

#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/version.h"

namespace kr::cmd {
namespace {

constexpr char kFooter[] = R"(
Examples:
  kubectl remedy status                      every remediation, the open ones first
  kubectl remedy status NAME                 one of them, as a timeline
  kubectl remedy pause calico-felix-healthhost
  kubectl remedy cancel NAME
  kubectl remedy eval 'object.spec.replicas > 1' -f deployment.yaml

Exit status: 0 when it did what was asked, 1 with an error, 2 for a wrong command line.)";

std::vector<std::unique_ptr<Command>> AllCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(MakeStatusCommand());
  commands.push_back(MakePauseCommand());
  commands.push_back(MakeResumeCommand());
  commands.push_back(MakeCancelCommand());
  commands.push_back(MakeEvalCommand());
  return commands;
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, Console& console) {
  CLI::App app("Works with kube-remedy's policies and remediations.", "kubectl-remedy");
  app.set_version_flag("--version", "kubectl-remedy " + std::string(Version()),
                       "Print the version");
  app.require_subcommand(1);
  app.footer(kFooter);
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> commands;
  for (std::unique_ptr<Command>& command : AllCommands()) {
    CLI::App& declared = command->Declare(app);
    commands.emplace_back(&declared, std::move(command));
  }
  if (const auto exit = ParseArguments(app, argc, argv, console.out, console.err)) return *exit;
  for (const auto& [declared, command] : commands) {
    if (!declared->parsed()) continue;
    const Status status = command->Run(console);
    if (status.ok()) return kExitOk;
    console.err << "error: " << Message(status) << "\n";
    return kExitFailed;
  }
  return kExitUsage;
}

}  // namespace kr::cmd
