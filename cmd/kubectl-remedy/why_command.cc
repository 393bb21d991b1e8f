// `kubectl remedy why`: what every policy that selects an object sees of it, and what it does about
// it or why not. The symptom is evaluated here, with the person's own rights; what stops it is what
// the controller says.
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/explain.h"
#include "cmd/kubectl-remedy/remediations.h"
#include "cmd/kubectl-remedy/target_argument.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::PolicyResource;

constexpr char kFooter[] = R"(
Shown for each policy that selects the object: which signal holds, what stops the policy with reason
and message, when it looks again, and its remediation of the object. Signals are read anew, as the
cluster is now; what only the controller remembers (alerts, how a number grew, how old a lease is) is
Unknown here and "known to the controller only": what came of it is what the policy's status says.
Events and times of a schedule that a remediation has answered do not count again: the signal says which
one that was.

Examples:
  kubectl remedy why node/worker-3
  kubectl remedy why daemonset/calico-node -n kube-system
  kubectl remedy why pod/web-0 -n shop -o yaml

Exit status: 0 when it was answered, 1 with an error, 2 for a wrong command line.)";

class WhyCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("why", "Say what policies see of an object, and what stops them");
    command->add_option("target", target_, "kind/name")->required()->type_name("TARGET");
    AddNamespaceFlag(*command, name_space_);
    AddOutputFlag(*command, output_);
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const TargetArgument argument, TargetArgument::Parse(target_));
    if (argument.kind.empty()) {
      return InvalidArgument("expected kind/name such as node/worker-3, found \"" + target_ + "\"");
    }
    KR_ASSIGN_OR_RETURN(const auto cluster, console.connect(flags_));
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects, cluster->List(PolicyResource()));
    KR_ASSIGN_OR_RETURN(const Remediations remediations, ListRemediations(*cluster, console));
    const auto mirror = MirrorOf(*cluster, console.clock);
    std::vector<crds::RemediationPolicy> policies;
    json answer = {{"policies", json::array()}};
    for (const json& object : objects) {
      auto policy = crds::FromJson<crds::RemediationPolicy>(object);
      if (!policy.ok()) {
        console.err << "warning: a RemediationPolicy cannot be read: " << Message(policy.status())
                    << "\n";
        continue;
      }
      bool about = false;
      for (const crds::TargetKind& kind : policy->spec.target.Kinds()) {
        about = about || argument.Means(kind.kind);
      }
      if (!about) continue;
      KR_RETURN_IF_ERROR(mirror->objects().Put(ForSandbox(object, /*observe=*/false)));
      policies.push_back(*std::move(policy));
    }
    if (policies.empty()) return NotFound("no policy is about a " + argument.kind);
    KR_ASSIGN_OR_RETURN(const crds::ObjectReference target,
                        FindTarget(*cluster, policies.front().spec.target, argument, name_space_));
    answer["target"] = target.ToString();
    const Status baselines = AddBaselines(*cluster, *mirror);
    mirror->Advance(absl::Seconds(1));
    for (const crds::RemediationPolicy& policy : policies) {
      json one = Explain(*mirror, baselines, policy, remediations.parsed, target);
      if (one.is_null()) continue;
      one.update(ExplainState(policy, remediations.parsed, target));
      one["name"] = policy.metadata.name;
      answer["policies"].push_back(std::move(one));
    }
    std::string text = target.ToString() + "\n";
    if (answer["policies"].empty()) text += "  no policy selects it\n";
    for (const json& one : answer["policies"]) {
      text += "\npolicy " + one["name"].get<std::string>() + " (" + one["mode"].get<std::string>() +
              "): the symptom is " + one.value("symptom", "Unknown") + "\n" +
              FormatExplanation(one, "  ");
    }
    Print(console, output_, answer, text);
    return OkStatus();
  }

 private:
  // Null when the policy does not select it.
  static json Explain(sandbox::Sandbox& mirror, const Status& baselines,
                      const crds::RemediationPolicy& policy,
                      const std::vector<crds::Remediation>& remediations,
                      const crds::ObjectReference& target) {
    const policy::PolicyEntry* entry = mirror.policies().FindByUid(policy.metadata.uid);
    if (entry == nullptr) return {{"unknown", "the policy could not be loaded"}};
    if (entry->kinds.empty()) return {{"unknown", std::string(Message(entry->problem()))}};
    const policy::CompiledPolicyPtr live = entry->For(target);
    if (!live) return json();
    if (live->keeps_baseline && !baselines.ok()) {
      return {{"unknown", std::string(Message(baselines))}};
    }
    const std::string why_not = Settle(mirror, *live);
    if (!why_not.empty()) return {{"unknown", why_not}};
    const kube::ObjectKey key{target.name_space, target.name};
    const auto anew = mirror.Read(*live, key);
    if (!anew) return json();
    json explanation = ExplainReading(*live, *anew);
    const crds::Remediation* last = LastAbout(policy.metadata.name, target, remediations);
    if (last == nullptr) return explanation;
    json answered = ExplainReading(*live, *mirror.Read(*live, key, AnsweredBy(*last)));
    MarkAnswered(explanation, *last, answered);
    return answered;
  }

  std::string target_;
  std::string name_space_;
  std::string output_;
  kube::ConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Command> MakeWhyCommand() {
  return std::make_unique<WhyCommand>();
}

}  // namespace kr::cmd
