// `kubectl remedy cancel`: spec.cancel of a Remediation, and the wait for what becomes of it.
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/follow.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

constexpr char kFooter[] = R"(
Mitigations such as cordons are released, changes that were made stay. What must be finished first is
finished first.

Examples:
  kubectl remedy cancel NAME
  kubectl remedy cancel NAME --timeout 0     only ask for it

Exit status: 0 when it has ended (with --timeout 0: is asked to), 1 with an error, also when it has
not ended in time, 2 for a wrong command line.)";

class CancelCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("cancel", "End a remediation; changes it made stay");
    command->add_option("name", name_, "The Remediation")->required()->type_name("NAME");
    command
        ->add_option("--timeout", timeout_seconds_,
                     "How many seconds to wait for its end; 0 only asks for it")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(json object, cluster->Get(RemediationResource(), {"", name_}));
    KR_ASSIGN_OR_RETURN(crds::Remediation remediation, crds::FromJson<crds::Remediation>(object));
    const std::string who = "remediation/" + name_;
    if (!remediation::IsOpen(remediation)) {
      Print(console, output_, object, who + " had ended already: " + StateOf(remediation) + "\n");
      return OkStatus();
    }
    if (!remediation.spec.cancel) {
      KR_ASSIGN_OR_RETURN(
          object, cluster->Patch(RemediationResource(), object, {{"spec", {{"cancel", true}}}}));
    }
    if (timeout_seconds_ == 0) {
      Print(console, output_, object, who + " is asked to cancel\n");
      return OkStatus();
    }
    KR_ASSIGN_OR_RETURN(
        remediation,
        Follow(*cluster, console, name_, absl::Seconds(timeout_seconds_),
               [](const crds::Remediation& one) { return !remediation::IsOpen(one); }));
    Print(console, output_, crds::ToJson(remediation), who + ": " + StateOf(remediation) + "\n");
    return OkStatus();
  }

  std::string name_;
  int timeout_seconds_ = 60;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeCancelCommand() {
  return std::make_unique<CancelCommand>();
}

}  // namespace kr::cmd
