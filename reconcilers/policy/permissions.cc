#include "reconcilers/policy/permissions.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "reconcilers/node/resources.h"
#include "reconcilers/policy/needs.h"

namespace kr::policy {
namespace {

class Collector {
 public:
  std::vector<Permission> all;

  void Add(const kube::Resource& resource, const char* verb, Permission more = {}) {
    more.rule = {resource.gvk.group, resource.plural, verb};
    all.push_back(std::move(more));
  }
  void Watch(const kube::Resource& resource, const std::string& only_name = "") {
    for (const char* verb : {"list", "watch"}) {
      Add(resource, verb, {.only_name = only_name, .watched = true});
    }
  }
  // What other tools say of nodes in objects of their own (config/rbac/roles/watch_claims.yaml).
  void WatchClaims(const kube::GroupVersionKind& kind) {
    if (!kind.group.empty() || kind.kind != "Node") return;
    Watch(node::LeaseResource());
    Watch({{"nodemaintenance.medik8s.io", "v1beta1", "NodeMaintenance"}, "nodemaintenances"});
    Watch({{"apps", "v1", "DaemonSet"}, "daemonsets"}, "kured");
  }
};

// Of the objects that a step works on.
kube::GroupVersionKind KindOf(const CompiledPolicy& policy, const Step& step) {
  if (step.apply_to) return step.apply_to->gvk;
  if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
    const nlohmann::json object = apply->object.Parse();
    return kube::GroupVersionKind::FromApiVersion(object.value("apiVersion", ""),
                                                  object.value("kind", ""));
  }
  return policy.target;
}

bool TakesBack(const CompiledPolicy& policy, const Remedy& remedy) {
  return policy.spec.recovery.revert ||
         std::any_of(remedy.steps.begin(), remedy.steps.end(), [](const Step& step) {
           return step.spec.on_failure == crds::OnFailure::kRollback;
         });
}

}  // namespace

StatusOr<std::vector<Permission>> PermissionsOf(
    const CompiledPolicy& policy,
    absl::FunctionRef<StatusOr<kube::Resource>(const kube::GroupVersionKind&)> find) {
  Collector needs;
  KR_ASSIGN_OR_RETURN(const kube::Resource target, find(policy.target));
  needs.Watch(target);
  // Read live before anything is done about it; the others are listed.
  needs.Add(target, "get", {.of_target = true});
  for (const RelatedJoin& join : policy.related) {
    KR_ASSIGN_OR_RETURN(const kube::Resource resource, find(join.gvk));
    needs.Watch(resource);
  }
  if (policy.watches_events()) needs.Watch(EventResource());
  for (const signals::LeaseRead& lease : policy.leases) {
    needs.Watch(node::LeaseResource());
    if (lease.decides) needs.Add(node::LeaseResource(), "get");
  }
  if (policy.spec.target.namespace_selector) needs.Watch(NamespaceNeed().resource);
  if (policy.spec.param_ref) needs.Watch(ParamNeed({}).resource);
  if (policy.target.group.empty() && policy.target.kind == "Pod") {
    // What a pod belongs to is its lineage.
    needs.Add({{"", "v1", "ReplicationController"}, "replicationcontrollers"}, "get");
    needs.Add({{"apps", "v1", "ReplicaSet"}, "replicasets"}, "get");
    needs.Add({{"batch", "v1", "Job"}, "jobs"}, "get");
  }
  if (!policy.only_notifies) needs.WatchClaims(policy.target);
  for (const Remedy& remedy : policy.remedies) {
    const bool takes_back = TakesBack(policy, remedy);
    for (const Step& step : remedy.steps) {
      const kube::GroupVersionKind kind = KindOf(policy, step);
      if (!policy.only_notifies) needs.WatchClaims(kind);
      KR_ASSIGN_OR_RETURN(const kube::Resource resource, find(kind));
      Permission about{.action = step.action->kind()};
      // What `apply` makes is an object of its own, of whatever kind.
      const bool applies = std::holds_alternative<crds::Apply>(step.spec.action);
      about.of_target = !step.apply_to && !applies;
      if (step.spec.apply_to && step.spec.apply_to->ref) {
        about.name_space = step.spec.apply_to->ref->name_space;
        about.name = step.spec.apply_to->ref->name;
      }
      // What the step works on is read when it begins.
      if (step.apply_to) needs.Add(resource, "get", about);
      const bool change = step.action->reversal() == actions::Reversal::kChange;
      for (actions::RbacRule& rule : step.action->RequiredRules(resource)) {
        if (change && !takes_back && rule.verb == "delete") continue;
        // Some of what an action asks for is about something else than its object.
        const bool own =
            rule.api_group == resource.gvk.group &&
            (rule.resource == resource.plural || rule.resource.starts_with(resource.plural + "/"));
        Permission needed = own ? about : Permission{.action = step.action->kind()};
        needed.rule = std::move(rule);
        needs.all.push_back(std::move(needed));
      }
    }
  }
  return std::move(needs.all);
}

}  // namespace kr::policy
