// `kubectl remedy plan`: what a policy would do now, from the cluster as it is. The controller's
// own code does it, in this process, with the person's rights; the API server checks the writes by
// dry-run, and nothing is written.
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/explain.h"
#include "cmd/kubectl-remedy/rehearsal.h"
#include "cmd/kubectl-remedy/remediations.h"
#include "cmd/kubectl-remedy/target_argument.h"
#include "cmd/kubectl-remedy/timeline.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::PolicyResource;

constexpr char kFooter[] = R"(
With a target: each remedy and step for it, whatever its symptom, with the writes as they would be
sent, checked by the API server where you may ask it, and what stops the policy now. Without one:
every target of the policy, and the plan for those on which it would act.

Examples:
  kubectl remedy plan calico-felix-healthhost
  kubectl remedy plan calico-felix-healthhost daemonset/calico-node -n kube-system
  kubectl remedy plan node-runtime-stuck worker-3 -o yaml

Exit status: 0 when it was answered, 1 with an error, 2 for a wrong command line.)";

class PlanCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("plan", "Show what a policy would do now, and write nothing");
    command->add_option("policy", policy_, "The RemediationPolicy")
        ->required()
        ->type_name("POLICY");
    command->add_option("target", target_, "[kind/]name of one of its targets")
        ->type_name("TARGET");
    AddNamespaceFlag(*command, name_space_);
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(const json object, cluster->Get(PolicyResource(), {"", policy_}));
    KR_ASSIGN_OR_RETURN(const auto policy, crds::FromJson<crds::RemediationPolicy>(object));
    const auto mirror = MirrorOf(*cluster, console.clock);
    KR_RETURN_IF_ERROR(mirror->objects().Put(ForSandbox(object, /*observe=*/true)));
    baselines_ = AddBaselines(*cluster, *mirror);
    return target_.empty() ? ShowAll(*mirror, console)
                           : ShowOne(*cluster, policy, *mirror, console);
  }

 private:
  // Whoever may not read what is remembered of targets can only ask about policies that need none.
  Status CheckMemory(const sandbox::Sandbox& mirror) const {
    for (const auto& [name, entry] : mirror.policies().by_name()) {
      for (const policy::CompiledPolicyPtr& kind : entry.kinds) {
        if (kind->keeps_baseline) return baselines_;
      }
    }
    return OkStatus();
  }

  Status ShowAll(sandbox::Sandbox& mirror, Console& console) const {
    KR_ASSIGN_OR_RETURN(json results, Rehearse(mirror));
    KR_RETURN_IF_ERROR(CheckMemory(mirror));
    std::string text = FormatRehearsal(results);
    if (results.empty()) text = "policy " + policy_ + " selects nothing\n";
    for (json& result : results) result.erase("text");
    Print(console, output_, results, text);
    return OkStatus();
  }

  Status ShowOne(Cluster& cluster, const crds::RemediationPolicy& policy, sandbox::Sandbox& mirror,
                 Console& console) const {
    KR_ASSIGN_OR_RETURN(const TargetArgument argument, TargetArgument::Parse(target_));
    KR_ASSIGN_OR_RETURN(const crds::ObjectReference target,
                        FindTarget(cluster, policy.spec.target, argument, name_space_));
    mirror.Lead();
    mirror.Advance(absl::Seconds(1));
    const policy::PolicyEntry* entry = mirror.policies().FindByUid(policy.metadata.uid);
    if (entry == nullptr) return Internal("the policy could not be loaded");
    KR_RETURN_IF_ERROR(entry->problem());
    const policy::CompiledPolicyPtr live = entry->For(target);
    if (!live) return FailedPrecondition("policy " + policy_ + " is not about " + target.kind);
    KR_RETURN_IF_ERROR(CheckMemory(mirror));
    const std::string why_not = Settle(mirror, *live);
    if (!why_not.empty()) return FailedPrecondition("policy " + policy_ + ": " + why_not);
    json ref = {{"apiVersion", target.api_version}, {"kind", target.kind}, {"name", target.name}};
    if (!target.name_space.empty()) ref["namespace"] = target.name_space;
    KR_ASSIGN_OR_RETURN(const json run, RehearseRun(mirror, *live, ref));
    KR_ASSIGN_OR_RETURN(const auto remediation, crds::FromJson<crds::Remediation>(run));
    if (remediation.status.phase != crds::Phase::kObserved &&
        remediation.status.phase != crds::Phase::kReported) {
      return FailedPrecondition(remediation.status.message.empty() ? "no plan came of it"
                                                                   : remediation.status.message);
    }
    json answer = {{"policy", policy_}, {"target", target.ToString()}};
    if (const auto reading = mirror.Read(*live, {target.name_space, target.name})) {
      answer.update(ExplainReading(*live, *reading));
    }
    // Whoever may not see what else goes on still gets the plan.
    const auto others = ListRemediations(cluster, console);
    answer.update(ExplainState(
        policy, others.ok() ? others->parsed : std::vector<crds::Remediation>(), target));
    answer["plan"] = run["status"].value("plan", json::array());
    const std::string text = target.ToString() + " under policy " + policy_ + " (" +
                             std::string(ToString(policy.spec.mode)) + "): the symptom is " +
                             answer.value("symptom", "Unknown") + "\n" +
                             FormatExplanation(answer, "  ") + "\n" + FormatPlan(remediation, "");
    Print(console, output_, answer, text);
    return OkStatus();
  }

  Status baselines_;
  std::string policy_;
  std::string target_;
  std::string name_space_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakePlanCommand() {
  return std::make_unique<PlanCommand>();
}

}  // namespace kr::cmd
