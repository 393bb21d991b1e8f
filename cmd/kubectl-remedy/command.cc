#include "cmd/kubectl-remedy/command.h"

#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/version.h"
#include "cmd/common/yaml_text.h"

namespace kr::cmd {
namespace {

constexpr char kFooter[] = R"(
Examples:
  kubectl remedy status                      every remediation, the open ones first
  kubectl remedy status NAME                 one of them, as a timeline
  kubectl remedy why node/worker-1           what policies see of it, and what stops them
  kubectl remedy plan POLICY                 what it would do now; nothing is written
  kubectl remedy approve NAME                let the next remedy begin, as its plan was shown
  kubectl remedy run POLICY node/worker-1    run a policy by hand
  kubectl remedy retry daemonset/calico-node -n kube-system
  kubectl remedy pause calico-felix-healthhost
  kubectl remedy cancel NAME
  kubectl remedy test -f policy.yaml -f objects.yaml
  kubectl remedy rbac -f policy.yaml | kubectl apply -f -
  kubectl remedy eval 'object.spec.replicas > 1' -f deployment.yaml

Exit status: 0 when it did what was asked, 1 with an error, 2 for a wrong command line, 3 when the
answer is no (what was waited for did not succeed, an expectation does not hold).)";

constexpr char kNo[] = "kube-remedy.io/answer-is-no";

std::vector<std::unique_ptr<Command>> AllCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(MakeStatusCommand());
  commands.push_back(MakeWhyCommand());
  commands.push_back(MakePlanCommand());
  commands.push_back(MakeRunCommand());
  commands.push_back(MakeApproveCommand());
  commands.push_back(MakeDenyCommand());
  commands.push_back(MakeRetryCommand());
  commands.push_back(MakePauseCommand());
  commands.push_back(MakeResumeCommand());
  commands.push_back(MakeCancelCommand());
  commands.push_back(MakeEvalCommand());
  commands.push_back(MakeTestCommand());
  commands.push_back(MakeRbacCommand());
  commands.push_back(MakeUninstallCommand());
  return commands;
}

}  // namespace

Status AnswerIsNo(std::string_view message) {
  Status status = FailedPrecondition(message);
  status.SetPayload(kNo, absl::Cord());
  return status;
}

void Print(Console& console, std::string_view output, const nlohmann::json& object,
           std::string_view text) {
  if (output == "json") {
    console.out << object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else if (output == "yaml") {
    console.out << ToYaml(object);
  } else {
    console.out << text;
  }
}

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
    const bool no = status.GetPayload(kNo).has_value();
    console.err << (no ? "" : "error: ") << Message(status) << "\n";
    return no ? kExitNo : kExitFailed;
  }
  return kExitUsage;
}

}  // namespace kr::cmd
