// What must not be touched now, asked again before every write: of the target and of what a step
// works on besides it.
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "crds/meta/json_find.h"
#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/protection.h"
#include "reconcilers/limits/windows.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/foreign_maintenance.h"
#include "reconcilers/remediation/ladder.h"
#include "reconcilers/remediation/resources.h"
#include "reconcilers/remediation/target_facts.h"

namespace kr::remediation {
namespace {

// The namespaces that the author of a policy has written down for its targets, or for what the step
// works on: whoever names kube-system means it.
std::vector<std::string> NamedNamespaces(const policy::CompiledPolicy& policy,
                                         const policy::Step& step) {
  std::vector<std::string> named = policy.spec.target.namespaces;
  if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
    named.push_back(crds::FindText(apply->object.Parse(), {"metadata", "namespace"}));
  }
  if (!step.spec.apply_to) return named;
  if (const auto& ref = step.spec.apply_to->ref) named.push_back(ref->name_space);
  for (const crds::Related& related : policy.spec.related) {
    if (related.name == step.spec.apply_to->related) named.push_back(related.name_space);
  }
  return named;
}

}  // namespace

policy::Watches::Extra Controller::OptedOut() {
  return {.gvk = {"", "v1", "Namespace"},
          .label_selector = std::string(crds::kExcludeLabel) + "=true",
          .paths = {*document::Path::Parse("metadata.labels['" + std::string(crds::kExcludeLabel) +
                                           "']")}};
}

std::optional<limits::Refusal> Controller::Paused() const {
  if (!options_.paused) return std::nullopt;
  return limits::Refusal{limits::Reason::kPaused, "the whole operator is paused"};
}

std::optional<limits::Refusal> Controller::Halted(const crds::Remediation& remediation) const {
  const auto refuse = [&](limits::Reason reason, std::string message) {
    return limits::Refusal{reason, std::move(message)};
  };
  if (auto paused = Paused()) return paused;
  const policy::PolicyEntry* entry = policies_.FindByUid(remediation.spec.policy_ref.uid);
  if (entry == nullptr) return std::nullopt;  // it is being cancelled
  const crds::RemediationPolicySpec& spec = entry->object.spec;
  if (spec.paused) return refuse(limits::Reason::kPaused, "the policy is paused (spec.paused)");
  if (spec.mode == crds::Mode::kObserve) {
    return refuse(limits::Reason::kPaused, "the policy's mode is Observe now");
  }
  const crds::ObjectReference& ref = remediation.spec.target_ref;
  const policy::CompiledPolicyPtr live = entry->For(ref);
  if (!live) {
    return refuse(
        limits::Reason::kPaused,
        !entry->problem().ok() && entry->accepted.ok() ? std::string(Message(entry->params))
        : entry->accepted.ok() ? "the policy was edited and is not about this kind any more"
                               : "the policy was edited and is not accepted any more");
  }
  const document::DocumentPtr target = watches_.Target(*live, {ref.name_space, ref.name});
  if (!target) return std::nullopt;
  auto facts = FactsOf(ref, *target, live->means_control_plane());
  if (!facts.ok()) return refuse(limits::Reason::kStaleView, std::string(Message(facts.status())));
  if (const Status known = AddNamespace(*facts); !known.ok()) {
    return refuse(limits::Reason::kStaleView, std::string(Message(known)));
  }
  return limits::CheckProtection(*facts, spec.target.namespaces, options_.limits.own_namespace);
}

std::optional<limits::Refusal> Controller::Forbidden(const crds::Remediation& remediation) const {
  if (auto halted = Halted(remediation)) return halted;
  const policy::PolicyEntry* entry = policies_.FindByUid(remediation.spec.policy_ref.uid);
  if (entry == nullptr) return std::nullopt;  // it is being cancelled
  const crds::ObjectReference& ref = remediation.spec.target_ref;
  const policy::CompiledPolicyPtr live = entry->For(ref);
  // A rung begins inside a window; once it has written it goes on, as half a remedy is none.
  const auto rung = CurrentRung(remediation.status);
  if (!rung || !LastWrite(remediation.status, *rung)) {
    const absl::Time now = engine_.clock().Now();
    if (auto outside = limits::CheckWindows(live->windows, now)) return outside;
  }
  const auto state = states_.find(remediation.spec.policy_ref.uid);
  if (state != states_.end()) {
    if (auto open = state->second.breaker.Check(BreakerLimit(entry->object.spec), 0)) return open;
  }
  const document::DocumentPtr target = watches_.Target(*live, {ref.name_space, ref.name});
  if (!target) return std::nullopt;
  for (const limits::GroupView& group : state == states_.end()
                                            ? std::vector<limits::GroupView>()
                                            : ViewGroups(*live, *target, state->second)) {
    if (!group.max_unhealthy) continue;
    const limits::Breaker::Limit limit{*group.max_unhealthy, options_.limits.breaker_calm};
    if (auto open = group.breaker.Check(limit, 0)) {
      open->message = "in " + group.name + ": " + open->message;
      return open;
    }
  }
  const auto foreign = ForeignTo(*live, ref, *target);
  if (!foreign.ok()) {
    return limits::Refusal{limits::Reason::kStaleView, std::string(Message(foreign.status()))};
  }
  return *foreign;
}

Status Controller::AddNamespace(limits::TargetFacts& facts) const {
  if (facts.ref.name_space.empty()) return OkStatus();
  const policy::Watches::ExtraView excluded = watches_.Find(OptedOut());
  using State = policy::Watches::Readiness::State;
  if (excluded.readiness.state == State::kInactive) return OkStatus();  // a rehearsal without any
  if (excluded.readiness.state != State::kReady) {
    return Unavailable("it is not known which namespaces have the label " +
                       std::string(crds::kExcludeLabel) + ": " + excluded.readiness.message);
  }
  const document::DocumentPtr found = excluded.view.Find("", facts.ref.name_space);
  facts.namespace_excluded =
      found && found->At("metadata.labels").Field(crds::kExcludeLabel).StringOr("") == "true";
  return OkStatus();
}

StatusOr<std::optional<limits::Refusal>> Controller::ForeignTo(
    const policy::CompiledPolicy& policy, const crds::ObjectReference& ref,
    const document::Document& target) const {
  if (policy.only_notifies) return std::nullopt;
  KR_ASSIGN_OR_RETURN(auto marked, FindForeignMaintenance(ref, target));
  if (marked || ref.kind != "Node" || ref.api_version != "v1") return marked;
  return claims_.Find(watches_, ref.name, engine_.clock().Now());
}

std::optional<limits::Refusal> Controller::Untouchable(const policy::CompiledPolicy& policy,
                                                       const policy::Step& step,
                                                       const crds::ObjectReference& object,
                                                       const nlohmann::json& live) const {
  const auto stale = [](const Status& status) {
    return limits::Refusal{limits::Reason::kStaleView, std::string(Message(status))};
  };
  limits::TargetFacts facts{.ref = object};
  std::optional<limits::Refusal> foreign;
  if (!live.is_null()) {
    const auto read =
        services_.decoder.DecodeObject(live.dump(), document::Projection::Everything());
    if (!read.ok()) return stale(read.status());
    auto found = FactsOf(object, **read, policy.means_control_plane());
    if (!found.ok()) return stale(found.status());
    facts = *std::move(found);
    auto other = ForeignTo(policy, object, **read);
    if (!other.ok()) return stale(other.status());
    foreign = *std::move(other);
  }
  // What is going is what some steps are about: pods on a node that is off, finalizers.
  facts.deleting = false;
  if (const Status known = AddNamespace(facts); !known.ok()) return stale(known);
  const std::vector<std::string> named = NamedNamespaces(policy, step);
  if (auto refusal = limits::CheckProtection(facts, named, options_.limits.own_namespace)) {
    return refusal;
  }
  return foreign;
}

}  // namespace kr::remediation
