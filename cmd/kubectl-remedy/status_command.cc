// `kubectl remedy status`: what is going on, as a table or as the story of one remediation.
#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/remediations.h"
#include "cmd/kubectl-remedy/timeline.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

constexpr char kFooter[] = R"(
Examples:
  kubectl remedy status
  kubectl remedy status --policy calico-felix-healthhost
  kubectl remedy status calico-felix-healthhost-calico-node-0a1b2c3d4e5f6071-1
  kubectl remedy status -o json

Exit status: 0 when it was shown, 1 with an error, 2 for a wrong command line.)";

class StatusCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("status", "Show remediations, or the story of one");
    command->add_option("name", name_, "A Remediation; without one all are listed")
        ->type_name("NAME");
    command->add_option("--policy", policy_, "Only those of this policy")->type_name("POLICY");
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    return name_.empty() ? ShowAll(*cluster, console) : ShowOne(*cluster, console);
  }

 private:
  Status ShowOne(Cluster& cluster, Console& console) {
    KR_ASSIGN_OR_RETURN(const json object, cluster.Get(RemediationResource(), {"", name_}));
    if (output_ != "table") {
      Print(console, output_, object, "");
      return OkStatus();
    }
    KR_ASSIGN_OR_RETURN(const auto remediation, crds::FromJson<crds::Remediation>(object));
    console.out << FormatTimeline(remediation);
    return OkStatus();
  }

  Status ShowAll(Cluster& cluster, Console& console) {
    KR_ASSIGN_OR_RETURN(Remediations all, ListRemediations(cluster, console));
    std::vector<crds::Remediation> remediations;
    json items = json::array();
    for (size_t i = 0; i < all.parsed.size(); ++i) {
      if (!policy_.empty() && all.parsed[i].spec.policy_ref.name != policy_) continue;
      remediations.push_back(std::move(all.parsed[i]));
      items.push_back(std::move(all.objects[i]));
    }
    if (output_ != "table") {
      Print(console, output_, items, "");
      return OkStatus();
    }
    if (remediations.empty()) {
      console.err << "No remediations" << (policy_.empty() ? "" : " of policy " + policy_) << ".\n";
      return OkStatus();
    }
    console.out << FormatRemediations(remediations, console.clock.Now());
    return OkStatus();
  }

  std::string name_;
  std::string policy_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeStatusCommand() {
  return std::make_unique<StatusCommand>();
}

}  // namespace kr::cmd
