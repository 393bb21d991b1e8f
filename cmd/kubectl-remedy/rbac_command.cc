// `kubectl remedy rbac`: the least ClusterRole with which the controller can carry out given
// policies, from what they watch and what their actions do, and count for given budgets.
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/yaml_text.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/manifests.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "reconcilers/policy/permissions.h"
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
    KR_ASSIGN_OR_RETURN(const auto permissions,
                        policy::PermissionsOf(policy, [&](const kube::GroupVersionKind& kind) {
                          return Find(kind, console);
                        }));
    for (const policy::Permission& needed : permissions) {
      const actions::RbacRule& rule = needed.rule;
      if (!rule.name_space.empty()) {
        const std::string note = "note: " + std::string(needed.action) +
                                 " also needs what config/node allows in namespace " +
                                 rule.name_space + ": kubectl apply -k config/node";
        if (notes_.insert(note).second) console.err << note << "\n";
      } else if (!rule.own_name.empty()) {
        own_[{rule.api_group, rule.resource, rule.verb}].insert(rule.own_name);
      } else if (!needed.only_name.empty()) {
        named_[{rule.api_group, rule.resource, needed.only_name}].insert(rule.verb);
      } else {
        verbs_[{rule.api_group, rule.resource}].insert(rule.verb);
      }
    }
    return OkStatus();
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
    for (const auto& [what, verbs] : named_) {
      const auto& [group, resource, name] = what;
      result.push_back({{"apiGroups", {group}},
                        {"resources", {resource}},
                        {"resourceNames", {name}},
                        {"verbs", verbs}});
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
  // Those of one object only, by API group, resource and its name.
  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> named_;
  // Names of objects in the operator's own namespace, by API group, resource and verb.
  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> own_;
  std::set<std::string> notes_;  // said already
  std::unique_ptr<Cluster> cluster_;
  bool asked_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeRbacCommand() {
  return std::make_unique<RbacCommand>();
}

}  // namespace kr::cmd
