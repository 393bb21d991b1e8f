// `kubectl remedy retry`: spec.retry of the last Remediation of a target, which makes the
// controller forget its failures, its cooldown and the mark Exhausted.
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/follow.h"
#include "cmd/kubectl-remedy/remediations.h"
#include "cmd/kubectl-remedy/target_argument.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

constexpr char kFooter[] = R"(
A change that somebody keeps setting back (Contended) is not tried again by this: the policy has to
change.

Examples:
  kubectl remedy retry daemonset/calico-node -n kube-system
  kubectl remedy retry node/worker-3 --policy node-runtime-stuck
  kubectl remedy retry calico-felix-healthhost-calico-node-0a1b2c3d4e5f6071-3

Exit status: 0 when it is written, 1 with an error, 2 for a wrong command line.)";

struct Known {
  json object;
  crds::Remediation remediation;
};

class RetryCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command = app.add_subcommand(
        "retry", "Try again what failed: forget failures and cooldown of a target");
    command->add_option("target", target_, "kind/name of a target, or the name of a Remediation")
        ->required()
        ->type_name("TARGET|REMEDIATION");
    command->add_option("--policy", policy_, "Only under this policy")->type_name("POLICY");
    AddNamespaceFlag(*command, name_space_);
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const TargetArgument argument, TargetArgument::Parse(target_));
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    std::vector<Known> chosen;
    if (argument.kind.empty()) {
      KR_ASSIGN_OR_RETURN(json object, cluster->Get(RemediationResource(), {"", argument.name}));
      KR_ASSIGN_OR_RETURN(auto remediation, crds::FromJson<crds::Remediation>(object));
      chosen.push_back({std::move(object), std::move(remediation)});
    } else {
      KR_ASSIGN_OR_RETURN(chosen, LastOf(*cluster, console, argument));
    }
    std::string text;
    json objects = json::array();
    for (const Known& known : chosen) {
      const std::string& name = known.remediation.metadata.name;
      if (remediation::IsOpen(known.remediation)) {
        return FailedPrecondition("remediation/" + name +
                                  " has not ended yet: " + StateOf(known.remediation));
      }
      KR_ASSIGN_OR_RETURN(json written, cluster->Patch(RemediationResource(), known.object,
                                                       {{"spec", {{"retry", true}}}}));
      text += "remediation/" + name + ": policy " + known.remediation.spec.policy_ref.name +
              " may try " + known.remediation.spec.target_ref.ToString() + " again\n";
      objects.push_back(std::move(written));
    }
    Print(console, output_, objects, text);
    return OkStatus();
  }

 private:
  // The last one of each policy about the target.
  StatusOr<std::vector<Known>> LastOf(Cluster& cluster, Console& console,
                                      const TargetArgument& argument) const {
    KR_ASSIGN_OR_RETURN(const Remediations all, ListRemediations(cluster, console));
    const std::string name_space = name_space_.empty() ? cluster.name_space() : name_space_;
    std::map<std::string, Known> last;
    for (size_t i = 0; i < all.parsed.size(); ++i) {
      const crds::Remediation& remediation = all.parsed[i];
      const crds::ObjectReference& ref = remediation.spec.target_ref;
      const bool here = ref.name_space.empty() || ref.name_space == name_space;
      if (!argument.Means(ref.kind) || ref.name != argument.name || !here) continue;
      const std::string policy = remediation.spec.policy_ref.name;
      if (!policy_.empty() && policy != policy_) continue;
      const auto n = [](const crds::Remediation& one) {
        return one.status.ledger ? one.status.ledger->n : 0;
      };
      const auto known = last.find(policy);
      if (known != last.end() && n(known->second.remediation) >= n(remediation)) continue;
      last.insert_or_assign(policy, Known{all.objects[i], remediation});
    }
    if (last.empty()) return NotFound("there is no remediation of " + target_);
    std::vector<Known> result;
    for (auto& [policy, known] : last) result.push_back(std::move(known));
    return result;
  }

  std::string target_;
  std::string policy_;
  std::string name_space_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeRetryCommand() {
  return std::make_unique<RetryCommand>();
}

}  // namespace kr::cmd
