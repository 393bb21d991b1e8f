// `kubectl remedy run`: a Remediation made by a person. Trigger, `for`, cooldown and rate are
// skipped; mode, budgets, breaker and windows hold, and the controller checks that the policy
// selects the target.
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/yaml_json.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/follow.h"
#include "cmd/kubectl-remedy/target_argument.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::PolicyResource;
using remediation::RemediationResource;

constexpr char kFooter[] = R"(
Examples:
  kubectl remedy run node-runtime-stuck worker-3
  kubectl remedy run calico-felix-healthhost daemonset/calico-node -n kube-system --wait
  kubectl remedy run node-runtime-stuck worker-3 --mode Observe --wait -o yaml
  kubectl remedy run restart-web web --param minReady=2

Exit status: 0 when it was made (with --wait: when it ended well), 1 with an error, 2 for a wrong
command line, 3 when it was waited for and did not succeed.)";

constexpr size_t kMaxPrefix = 200;

class RunCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("run", "Run a policy by hand on one target");
    command->add_option("policy", policy_, "The RemediationPolicy")
        ->required()
        ->type_name("POLICY");
    command->add_option("target", target_, "[kind/]name of an object that the policy selects")
        ->required()
        ->type_name("TARGET");
    command->add_option("--param", params_, "A parameter for this run: name=value; repeatable")
        ->type_name("NAME=VALUE");
    command
        ->add_option("--mode", mode_,
                     "Approve asks before each remedy, Observe only plans; a stricter mode of the "
                     "policy holds in any case")
        ->check(CLI::IsMember({"Enforce", "Approve", "Observe"}))
        ->capture_default_str();
    command->add_flag("--wait", wait_, "Wait until it has ended");
    command->add_option("--timeout", timeout_seconds_, "How many seconds to wait")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    AddNamespaceFlag(*command, name_space_);
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const TargetArgument argument, TargetArgument::Parse(target_));
    KR_ASSIGN_OR_RETURN(const json params, Params());
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(const json object, cluster->Get(PolicyResource(), {"", policy_}));
    KR_ASSIGN_OR_RETURN(const auto policy, crds::FromJson<crds::RemediationPolicy>(object));
    KR_ASSIGN_OR_RETURN(const crds::ObjectReference target,
                        FindTarget(*cluster, policy.spec.target, argument, name_space_));
    crds::Remediation remediation;
    remediation.spec = {.policy_ref = {policy.metadata.name, policy.metadata.uid},
                        .target_ref = target};
    KR_ASSIGN_OR_RETURN(remediation.spec.requested_by, cluster->WhoAmI());
    json wanted = crds::ToJson(remediation);
    wanted["spec"]["mode"] = mode_;
    if (!params.empty()) wanted["spec"]["params"] = params;
    wanted["metadata"]["generateName"] = policy_.substr(0, kMaxPrefix) + "-run-";
    KR_ASSIGN_OR_RETURN(const json made, cluster->Create(RemediationResource(), wanted));
    const std::string name = made["metadata"].value("name", "");
    if (!wait_) {
      Print(console, output_, made, "remediation/" + name + " created\n");
      return OkStatus();
    }
    console.err << "remediation/" << name << " created\n";
    return AwaitEnd(*cluster, console, name, absl::Seconds(timeout_seconds_), output_);
  }

 private:
  // Values are read as YAML: 3 is a number, "3" in quotes is text.
  StatusOr<json> Params() const {
    json params = json::object();
    for (const std::string& param : params_) {
      const size_t equals = param.find('=');
      if (equals == 0 || equals == std::string::npos) {
        return InvalidArgument("--param: expected name=value, found \"" + param + "\"");
      }
      auto value = ParseManifest(param.substr(equals + 1));
      if (!value.ok() || value->size() > 1) {
        return InvalidArgument("--param " + param.substr(0, equals) + ": is not one YAML value");
      }
      params[param.substr(0, equals)] = value->empty() ? json("") : std::move(value->front());
    }
    return params;
  }

  std::string policy_;
  std::string target_;
  std::vector<std::string> params_;
  std::string mode_ = "Enforce";
  bool wait_ = false;
  int timeout_seconds_ = 3600;
  std::string name_space_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeRunCommand() {
  return std::make_unique<RunCommand>();
}

}  // namespace kr::cmd
