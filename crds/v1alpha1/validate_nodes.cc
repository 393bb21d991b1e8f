// What is dangerous by mistake on Nodes is refused before it can happen.
#include <algorithm>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crds/meta/nodes.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/validate_parts.h"

namespace kr::crds {
namespace {

constexpr char kOutOfService[] = "node.kubernetes.io/out-of-service";

template <typename Params>
bool Is(const Step& step) {
  return std::holds_alternative<Params>(step.action);
}

// Does by force what is safe only on a node that is off.
bool IsForced(const Step& step) {
  if (const auto* taint = std::get_if<Taint>(&step.action)) return taint->key == kOutOfService;
  const auto* pod = std::get_if<DeletePod>(&step.action);
  return pod != nullptr && pod->mode == DeletePodMode::kForce;
}

// Whether the policy is about nodes that somebody else has cordoned, or sets the field itself.
bool KnowsCordons(const RemediationPolicySpec& spec) {
  return absl::StrContains(ToJson(spec).dump(), "unschedulable");
}

// Whether every node that the selector finds is one of the control plane, by its label.
bool AsksForControlPlane(const LabelSelector& selector) {
  const auto is_role = [](const std::string& key) {
    return std::ranges::find(kControlPlaneLabels, key) != std::end(kControlPlaneLabels);
  };
  using Operator = LabelSelector::Operator;
  return std::ranges::any_of(selector.match_labels,
                             [&](const auto& label) { return is_role(label.first); }) ||
         std::ranges::any_of(selector.match_expressions, [&](const auto& requirement) {
           return is_role(requirement.key) &&
                  (requirement.op == Operator::kExists || requirement.op == Operator::kIn);
         });
}

// Nothing is done to nodes of the control plane unless the policy says that it means them; one that
// finds no others would wait for ever.
void ValidateControlPlane(const RemediationPolicySpec& spec, const FieldPath& path,
                          Problems& problems) {
  const Target& target = spec.target;
  if (target.include_control_plane || !target.selector) return;
  const bool only_tells = std::ranges::all_of(spec.remedies, [](const Remedy& remedy) {
    return std::ranges::all_of(remedy.steps, Is<Notify>);
  });
  const std::vector<TargetKind> kinds = target.Kinds();
  const bool nodes =
      std::ranges::any_of(kinds, [](const TargetKind& kind) { return kind.kind == "Node"; });
  if (only_tells || !nodes || !AsksForControlPlane(*target.selector)) return;
  problems.Add(path["target"]["selector"],
               "selects the nodes of the control plane, and nothing is done to those by mistake: "
               "expected spec.target.includeControlPlane: true, or a selector of others");
}

// Nobody knows here how many nodes there are: a number is believed up to so many, more than that is
// to be said as a share.
constexpr int64_t kMostNodes = 100;

bool IsNoLimit(const IntOrPercent& limit) {
  return limit.percent ? limit.value >= 100 : limit.value > kMostNodes;
}

}  // namespace

void ValidateNodeSteps(const RemediationPolicySpec& spec, const FieldPath& path,
                       Problems& problems) {
  ValidateControlPlane(spec, path, problems);
  const FieldPath remedies = path["remedies"];
  bool evidence = false, drained = false, empties = false;
  std::optional<bool> cordoned;  // by steps; nullopt: none of them has said
  for (size_t r = 0; r < spec.remedies.size(); ++r) {
    const std::vector<Step>& steps = spec.remedies[r].steps;
    const FieldPath remedy = remedies[r];
    const FieldPath step_list = remedy["steps"];
    for (size_t s = 0; s < steps.size(); ++s) {
      const FieldPath step = step_list[s];
      if (IsForced(steps[s]) && !evidence) {
        problems.Add(step,
                     "does by force what is safe only on a node that is off: expected a webhook "
                     "step before it that returns fencing evidence");
      }
      // The whole policy is searched only where that decides.
      if (Is<Drain>(steps[s]) && !(cordoned ? *cordoned : KnowsCordons(spec))) {
        problems.Add(step["drain"],
                     "expected a cordon step before it, as the pods would come back; or, for nodes "
                     "that somebody else cordons, an expression that reads "
                     "object.spec.unschedulable");
      }
      if (Is<DeleteNode>(steps[s]) && !evidence && !drained) {
        problems.Add(step["deleteNode"],
                     "expected a drain before it, or a webhook step that returns fencing evidence: "
                     "the pods of a Node that is deleted are forgotten while they may still run");
      }
      if (Is<Cordon>(steps[s]) || Is<Uncordon>(steps[s])) cordoned = Is<Cordon>(steps[s]);
      evidence = evidence || Is<Webhook>(steps[s]);
      drained = drained || Is<Drain>(steps[s]);
      empties = empties || Is<Drain>(steps[s]) || Is<DeleteNode>(steps[s]);
    }
    const bool deletes = std::any_of(steps.begin(), steps.end(), Is<DeleteNode>);
    if (deletes && r + 1 < spec.remedies.size()) {
      problems.Add(remedies[r + 1],
                   absl::StrCat("comes after remedy ", spec.remedies[r].name,
                                ", which deletes the Node: nothing is left for it to work on"));
    }
  }
  if (!spec.target.all || !empties) return;
  const FieldPath limits = path["limits"];
  for (const auto& [limit, name] : {std::pair{spec.limits.max_concurrent, "maxConcurrent"},
                                    std::pair{spec.limits.max_unhealthy, "maxUnhealthy"}}) {
    if (!IsNoLimit(limit)) continue;
    problems.Add(limits[name],
                 "is no limit, and spec.target.all with drain or deleteNode could empty every node "
                 "of the cluster at once: expected less than 100%, at most 100 nodes, or a target "
                 "that is narrower");
  }
}

}  // namespace kr::crds
