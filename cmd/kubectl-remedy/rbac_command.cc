// `kubectl remedy rbac`: the least ClusterRole with which the controller can carry out given
// policies, from what they watch and what their actions do, and count for given budgets.
#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/yaml_text.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/manifests.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/compile.h"
#include "reconcilers/policy/needs.h"
#include "reconcilers/sandbox/object_store.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

constexpr char kFooter[] = R"(
The role has the label with which it becomes part of what the controller may do (config/rbac). It
comes on top of kube-remedy-controller, which every installation needs. Of budgets it holds what
they count; a budget whose kinds may not be read stops every policy that it is about. Policies that call webhooks
need a Role for their Secrets beside it: then a List of both and the RoleBinding is printed. Where
kinds of custom resources live is asked of the cluster; without one it is guessed, with a warning.

Examples:
  kubectl remedy rbac -f policies/ds.yaml | kubectl apply -f -
  kubectl remedy rbac -f policy.yaml --name shop-policies

Exit status: 0 when it is printed, 1 with an error, 2 for a wrong command line.)";

// Kinds whose place everybody knows.
bool IsBuiltIn(const kube::GroupVersionKind& kind) {
  return kind.group.find('.') == std::string::npos || kind.group.ends_with(".k8s.io");
}

class RbacCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("rbac", "Print the least ClusterRole for policies and budgets in files");
    command
        ->add_option("-f,--filename", files_,
                     "RemediationPolicies, RemediationBudgets; - is standard input")
        ->required()
        ->type_name("FILE");
    command->add_option("--name", name_, "Name of the ClusterRole")
        ->type_name("NAME")
        ->capture_default_str();
    command
        ->add_option("--operator-namespace", operator_namespace_,
                     "Namespace of the operator and of its ServiceAccount kube-remedy")
        ->type_name("NAMESPACE")
        ->capture_default_str();
    command->add_option("-o,--output", output_, "Form: yaml or json")
        ->check(CLI::IsMember({"yaml", "json"}))
        ->capture_default_str();
    AddClusterFlags(*command, flags_);
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    KR_ASSIGN_OR_RETURN(const std::vector<json> objects, ReadManifests(files_));
    size_t found = 0;
    for (const json& object : objects) {
      if (IsBudget(object)) {
        ++found;
        KR_RETURN_IF_ERROR(CollectBudget(object, console));
      }
      if (!IsPolicy(object)) continue;
      ++found;
      KR_ASSIGN_OR_RETURN(const auto policy, crds::FromJson<crds::RemediationPolicy>(object));
      auto compiled = policy::CompileKinds(policy);
      if (!compiled.ok()) return Annotate(compiled.status(), "policy " + policy.metadata.name);
      for (const policy::CompiledPolicyPtr& kind : *compiled) {
        KR_RETURN_IF_ERROR(Collect(*kind, console));
      }
    }
    if (found == 0) {
      return InvalidArgument("the files hold neither a RemediationPolicy nor a RemediationBudget");
    }
    const json role = {
        {"apiVersion", "rbac.authorization.k8s.io/v1"},
        {"kind", "ClusterRole"},
        {"metadata",
         {{"name", name_}, {"labels", {{"kube-remedy.io/aggregate-to-controller", "true"}}}}},
        {"rules", Rules()}};
    Print(console, output_, own_.empty() ? role : WithOwn(role), "");
    return OkStatus();
  }

 private:
  // What a budget counts is watched, whether a policy reads it or not.
  Status CollectBudget(const json& object, Console& console) {
    KR_ASSIGN_OR_RETURN(const auto budget, crds::FromJson<crds::RemediationBudget>(object));
    for (const crds::BudgetKind& kind : budget.spec.objects.kinds) {
      const auto gvk = kube::GroupVersionKind::FromApiVersion(kind.api_version, kind.kind);
      KR_ASSIGN_OR_RETURN(const kube::Resource resource, Find(gvk, console));
      for (const char* verb : {"list", "watch"}) Add(resource, verb);
    }
    return OkStatus();
  }

  Status Collect(const policy::CompiledPolicy& policy, Console& console) {
    const auto watch = [this](const kube::Resource& resource) {
      for (const char* verb : {"list", "watch"}) Add(resource, verb);
    };
    KR_ASSIGN_OR_RETURN(const kube::Resource target, Find(policy.target, console));
    watch(target);
    Add(target, "get");  // read live before anything is done about it; the others are listed
    for (const policy::RelatedJoin& join : policy.related) {
      KR_ASSIGN_OR_RETURN(const kube::Resource resource, Find(join.gvk, console));
      watch(resource);
    }
    if (policy.watches_events()) watch(policy::EventResource());
    for (const signals::LeaseRead& lease : policy.leases) {
      watch(node::LeaseResource());
      if (lease.decides) Add(node::LeaseResource(), "get");
    }
    if (policy.spec.target.namespace_selector) watch(policy::NamespaceNeed().resource);
    if (policy.spec.param_ref) watch(policy::ParamNeed({}).resource);
    if (policy.target.group.empty() && policy.target.kind == "Pod") {
      // What a pod belongs to is its lineage.
      Add({{"", "v1", "ReplicationController"}, "replicationcontrollers"}, "get");
      Add({{"apps", "v1", "ReplicaSet"}, "replicasets"}, "get");
      Add({{"batch", "v1", "Job"}, "jobs"}, "get");
    }
    if (!policy.only_notifies) WatchClaims(policy.target);
    for (const policy::Remedy& remedy : policy.remedies) {
      const bool takes_back =
          policy.spec.recovery.revert ||
          std::any_of(remedy.steps.begin(), remedy.steps.end(), [](const policy::Step& step) {
            return step.spec.on_failure == crds::OnFailure::kRollback;
          });
      for (const policy::Step& step : remedy.steps) {
        if (!policy.only_notifies) WatchClaims(KindOf(policy, step));
        KR_ASSIGN_OR_RETURN(const kube::Resource resource, Find(KindOf(policy, step), console));
        if (step.apply_to) Add(resource, "get");  // what the step works on is read when it begins
        const bool change = step.action->reversal() == actions::Reversal::kChange;
        for (const actions::RbacRule& rule : step.action->RequiredRules(resource)) {
          if (!rule.name_space.empty()) {
            const std::string note = "note: " + std::string(step.action->kind()) +
                                     " also needs what config/node allows in namespace " +
                                     rule.name_space + ": kubectl apply -k config/node";
            if (notes_.insert(note).second) console.err << note << "\n";
            continue;
          }
          if (!rule.own_name.empty()) {
            own_[{rule.api_group, rule.resource, rule.verb}].insert(rule.own_name);
            continue;
          }
          // What a change has made is removed again only where changes are taken back.
          if (change && !takes_back && rule.verb == "delete") continue;
          verbs_[{rule.api_group, rule.resource}].insert(rule.verb);
        }
      }
    }
    return OkStatus();
  }

  // What other tools say of nodes in objects of their own (config/rbac/roles/watch_claims.yaml).
  void WatchClaims(const kube::GroupVersionKind& kind) {
    if (!kind.group.empty() || kind.kind != "Node") return;
    claims_ = true;
    for (const char* verb : {"list", "watch"}) {
      Add({{"coordination.k8s.io", "v1", "Lease"}, "leases"}, verb);
      Add({{"nodemaintenance.medik8s.io", "v1beta1", "NodeMaintenance"}, "nodemaintenances"}, verb);
    }
  }

  // Of the objects that a step works on.
  static kube::GroupVersionKind KindOf(const policy::CompiledPolicy& policy,
                                       const policy::Step& step) {
    if (step.apply_to) return step.apply_to->gvk;
    if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
      const nlohmann::json object = apply->object.Parse();
      return kube::GroupVersionKind::FromApiVersion(object.value("apiVersion", ""),
                                                    object.value("kind", ""));
    }
    return policy.target;
  }

  StatusOr<kube::Resource> Find(const kube::GroupVersionKind& kind, Console& console) {
    const kube::Resource guess = sandbox::ObjectStore(console.clock, nullptr).ResourceOf(kind);
    if (IsBuiltIn(kind)) return guess;
    if (!cluster_ && !asked_) {
      asked_ = true;
      auto cluster = console.connect(flags_);
      if (cluster.ok()) cluster_ = *std::move(cluster);
    }
    if (cluster_) {
      auto found = cluster_->Resolve(kind);
      if (found.ok()) return found;
    }
    console.err << "warning: no cluster says where " << kind.kind << " (" << kind.ApiVersion()
                << ") lives; taken for " << guess.plural << "\n";
    return guess;
  }

  void Add(const kube::Resource& resource, const char* verb) {
    verbs_[{resource.gvk.group, resource.plural}].insert(verb);
  }

  // Resources of one group with the same verbs share a rule.
  json Rules() const {
    std::map<std::pair<std::string, std::set<std::string>>, std::vector<std::string>> rules;
    for (const auto& [resource, verbs] : verbs_) {
      rules[{resource.first, verbs}].push_back(resource.second);
    }
    json result = json::array();
    for (const auto& [key, resources] : rules) {
      result.push_back(
          {{"apiGroups", {key.first}}, {"resources", resources}, {"verbs", key.second}});
    }
    if (claims_) {
      result.push_back({{"apiGroups", {"apps"}},
                        {"resources", {"daemonsets"}},
                        {"resourceNames", {"kured"}},
                        {"verbs", {"list", "watch"}}});
    }
    return result;
  }

  // With what only the operator's own namespace needs to grant.
  json WithOwn(const json& role) const {
    const json metadata = {{"name", name_}, {"namespace", operator_namespace_}};
    json rules = json::array();
    for (const auto& [what, names] : own_) {
      const auto& [group, resource, verb] = what;
      json rule = {{"apiGroups", {group}}, {"resources", {resource}}, {"verbs", {verb}}};
      if (!names.contains("*")) rule["resourceNames"] = names;
      rules.push_back(std::move(rule));
    }
    const json own_role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                           {"kind", "Role"},
                           {"metadata", metadata},
                           {"rules", rules}};
    const json binding = {
        {"apiVersion", "rbac.authorization.k8s.io/v1"},
        {"kind", "RoleBinding"},
        {"metadata", metadata},
        {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", name_}}},
        {"subjects",
         {{{"kind", "ServiceAccount"},
           {"name", "kube-remedy"},
           {"namespace", operator_namespace_}}}}};
    return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", {role, own_role, binding}}};
  }

  std::vector<std::string> files_;
  std::string operator_namespace_ = "kube-remedy";
  std::string name_ = "kube-remedy-policies";
  std::string output_ = "yaml";
  kube::ConfigFlags flags_;
  // By API group and resource.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> verbs_;
  // Names of objects in the operator's own namespace, by API group, resource and verb.
  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> own_;
  std::set<std::string> notes_;  // said already
  std::unique_ptr<Cluster> cluster_;
  bool asked_ = false;
  bool claims_ = false;  // some policy acts on Nodes
};

}  // namespace

std::unique_ptr<Command> MakeRbacCommand() {
  return std::make_unique<RbacCommand>();
}

}  // namespace kr::cmd
