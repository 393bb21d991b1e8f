#include "reconcilers/actions/delete_node.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/duration.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/drain_result.h"
#include "reconcilers/actions/fencing.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/actions/node_object.h"
#include "reconcilers/actions/removal.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// Whether this Remediation has drained the node to the last pod.
bool IsDrained(const Observed& observed) {
  const crds::Remediation& remediation = *observed.remediation;
  for (const crds::StepProgress& step : remediation.status.steps) {
    if (step.action != "drain" || step.state != crds::StepState::kSucceeded) continue;
    const crds::ObjectReference& node = step.object.value_or(remediation.spec.target_ref);
    if (node.uid != observed.ref.uid || step.memo.empty()) continue;
    if (FindText(step.memo.Parse(), {kDrainResult}) == kDrainComplete) return true;
  }
  return false;
}

class DeleteNodeAction final : public Action {
 public:
  explicit DeleteNodeAction(const crds::DeleteNode& params) : params_(params) {}

  std::string_view kind() const override { return "deleteNode"; }
  std::string Describe() const override {
    return "delete the Node object once it is drained or fenced, gone within " +
           crds::FormatDuration(params_.timeout);
  }
  Disruption disruption() const override { return Disruption::kNode; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    std::vector<RbacRule> rules = FencingRules();
    rules.push_back({"", "nodes", "delete"});
    return rules;
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (auto other = NotANode(observed, kind())) return *std::move(other);
    if (!observed.live) return Read{};
    if (IsGone(observed)) return RemovedBy(memo, "deleted", observed);
    const json& node = *observed.live;
    if (Find(node, {"metadata", "deletionTimestamp"}) != nullptr) {
      return AwaitGone(observed, params_.timeout);
    }
    if (IsControlPlane(node)) {
      return Failed{"Protected",
                    ObjectText(observed.ref) + " is of the control plane, which is never deleted"};
    }
    if (std::optional<Next> need = observed.planning ? std::nullopt : NeedEmpty(observed)) {
      return *std::move(need);
    }
    return Write{.request = DeleteRequest(observed, "", std::nullopt),
                 .verb = "Delete",
                 .summary = "delete " + ObjectText(observed.ref),
                 .memo = {{"sent", true}}};
  }

 private:
  static std::optional<Next> NeedEmpty(const Observed& observed) {
    if (IsDrained(observed)) {
      if (IsCordoned(*observed.live)) return std::nullopt;
      return Failed{
          "NotDrained",
          ObjectText(observed.ref) + " was uncordoned since it was drained: it may run pods again"};
    }
    std::optional<Next> fencing = NeedFencing(observed, observed.ref.key.name);
    const Failed* failed = fencing ? std::get_if<Failed>(&*fencing) : nullptr;
    if (failed == nullptr || failed->reason != "NotFenced") return fencing;
    return Failed{"NotDrained", ObjectText(observed.ref) +
                                    " was not drained completely by this Remediation, and " +
                                    failed->message};
  }

  const crds::DeleteNode params_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeDeleteNode(const crds::DeleteNode& params, const cel::Scope&,
                                                 std::string_view) {
  return std::make_unique<DeleteNodeAction>(params);
}

}  // namespace kr::actions
