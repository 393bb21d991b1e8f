// `kubectl remedy pause` and `resume`: spec.paused of policies. Tightening acts at once, also on
// what is running.
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::PolicyResource;

constexpr char kFooter[] = R"(
Examples:
  kubectl remedy pause calico-felix-healthhost
  kubectl remedy resume calico-felix-healthhost node-runtime-stuck

Exit status: 0 when it is so, 1 with an error, 2 for a wrong command line.)";

bool IsPaused(const json& policy) {
  const json::json_pointer paused("/spec/paused");
  return policy.contains(paused) && policy[paused] == true;
}

class PauseCommand final : public Command {
 public:
  explicit PauseCommand(bool pause) : pause_(pause) {}

  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        pause_ ? app.add_subcommand("pause", "Stop policies: nothing new begins, what runs waits")
               : app.add_subcommand("resume", "Let paused policies go on");
    command->add_option("policies", policies_, "RemediationPolicies")
        ->required()
        ->type_name("POLICY");
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    json objects = json::array();
    std::string text;
    for (const std::string& name : policies_) {
      KR_ASSIGN_OR_RETURN(json policy, cluster->Get(PolicyResource(), {"", name}));
      const bool already = IsPaused(policy) == pause_;
      if (!already) {
        KR_ASSIGN_OR_RETURN(
            policy, cluster->Patch(PolicyResource(), policy, {{"spec", {{"paused", pause_}}}}));
      }
      text += "remediationpolicy/" + name + (already ? " was " : " is ") +
              (pause_ ? "paused" : "not paused") + (already ? " already\n" : "\n");
      objects.push_back(std::move(policy));
    }
    Print(console, output_, objects, text);
    return OkStatus();
  }

 private:
  const bool pause_;
  std::vector<std::string> policies_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakePauseCommand() {
  return std::make_unique<PauseCommand>(true);
}

std::unique_ptr<Command> MakeResumeCommand() {
  return std::make_unique<PauseCommand>(false);
}

}  // namespace kr::cmd
