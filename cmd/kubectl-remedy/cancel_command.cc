// `kubectl remedy cancel`: spec.cancel of a Remediation, and the wait for what becomes of it.
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

constexpr absl::Duration kPoll = absl::Milliseconds(200);

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
    AddClusterFlags(*command, flags_);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(json object, cluster->Get(RemediationResource(), {"", name_}));
    KR_ASSIGN_OR_RETURN(crds::Remediation remediation, crds::FromJson<crds::Remediation>(object));
    if (!remediation::IsOpen(remediation))
      return Tell(remediation, " had ended already: ", console);
    if (!remediation.spec.cancel) {
      KR_RETURN_IF_ERROR(
          cluster->Patch(RemediationResource(), object, {{"spec", {{"cancel", true}}}}).status());
    }
    if (timeout_seconds_ == 0) {
      console.out << "remediation/" << name_ << " is asked to cancel\n";
      return OkStatus();
    }
    return Await(*cluster, console);
  }

 private:
  Status Await(Cluster& cluster, Console& console) {
    const MonotonicTime deadline = console.clock.Monotonic() + absl::Seconds(timeout_seconds_);
    std::string last;
    while (true) {
      KR_ASSIGN_OR_RETURN(const json object, cluster.Get(RemediationResource(), {"", name_}));
      KR_ASSIGN_OR_RETURN(const auto remediation, crds::FromJson<crds::Remediation>(object));
      if (!remediation::IsOpen(remediation)) return Tell(remediation, ": ", console);
      if (remediation.status.message != last) {
        last = remediation.status.message;
        console.err << "waiting: " << last << "\n";
      }
      if (console.clock.Monotonic() >= deadline) {
        return DeadlineExceeded(
            "remediation/" + name_ + " has not ended within " + std::to_string(timeout_seconds_) +
            " s: is an operator running? What it does may have to be finished first: " + last);
      }
      console.wait(kPoll);
    }
  }

  Status Tell(const crds::Remediation& remediation, const char* how, Console& console) {
    console.out << "remediation/" << name_ << how << ToString(*remediation.status.phase) << ", "
                << remediation.status.message << "\n";
    return OkStatus();
  }

  std::string name_;
  int timeout_seconds_ = 60;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeCancelCommand() {
  return std::make_unique<CancelCommand>();
}

}  // namespace kr::cmd
