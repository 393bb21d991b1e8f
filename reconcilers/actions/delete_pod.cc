#include "reconcilers/actions/delete_pod.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/duration.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/fencing.h"
#include "reconcilers/actions/removal.h"
#include "reconcilers/drain/request.h"

namespace kr::actions {
namespace {

using nlohmann::json;

class DeletePodAction final : public Action {
 public:
  explicit DeletePodAction(const crds::DeletePod& params) : params_(params) {}

  std::string_view kind() const override { return "deletePod"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    if (Evicts()) return {{"", "pods", "get"}, {"", "pods/eviction", "create"}};
    std::vector<RbacRule> rules = {{"", "pods", "get"}, {"", "pods", "delete"}};
    if (!NeedsFencing()) return rules;
    for (RbacRule& rule : FencingRules()) rules.push_back(std::move(rule));
    return rules;
  }

  std::string Describe() const override {
    std::string text = Evicts()         ? "evict the pod"
                       : NeedsFencing() ? "delete the pod by force once its node is fenced"
                                        : "delete the pod";
    if (params_.grace_period_seconds) {
      text += " with " + std::to_string(*params_.grace_period_seconds) + " s of grace";
    }
    return text + ", gone within " + crds::FormatDuration(params_.timeout);
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    const kube::GroupVersionKind& gvk = observed.ref.resource.gvk;
    if (!gvk.group.empty() || gvk.kind != "Pod") {
      return Failed{"NotAPod", "deletePod works on pods, not on " + ObjectText(observed.ref)};
    }
    if (!observed.live) return Read{};
    if (IsGone(observed)) return RemovedBy(memo, Evicts() ? "evicted" : "deleted", observed);
    const json& live = *observed.live;
    // What is going anyway is waited for; by force it need not be: its kubelet does not answer.
    if (Find(live, {"metadata", "deletionTimestamp"}) != nullptr &&
        (!NeedsFencing() || !memo.empty())) {
      return AwaitGone(observed, params_.timeout);
    }
    if (Find(live, {"metadata", "annotations", "kubernetes.io/config.mirror"}) != nullptr) {
      return Failed{"MirrorPod",
                    ObjectText(observed.ref) +
                        " mirrors a file on its node; its kubelet would make it again"};
    }
    if (!observed.refusal.empty() && observed.now >= observed.step_started + params_.timeout) {
      return Failed{
          "EvictionBlocked",
          "still blocked after " + crds::FormatDuration(params_.timeout) + ": " + observed.refusal};
    }
    if (NeedsFencing() && !observed.planning) {
      const std::string node = FindText(live, {"spec", "nodeName"});
      if (std::optional<Next> need = NeedFencing(observed, node)) return *std::move(need);
    }
    return Write{.request = Evicts() ? Eviction(observed) : DeleteRequest(observed, "", Grace()),
                 .verb = Evicts() ? "Evict" : "Delete",
                 .summary = (Evicts()         ? "evict "
                             : NeedsFencing() ? "delete by force "
                                              : "delete ") +
                            ObjectText(observed.ref),
                 .memo = {{"sent", true}}};
  }

  bool NeedsFencing() const override { return params_.mode == crds::DeletePodMode::kForce; }

 private:
  std::optional<int64_t> Grace() const {
    return NeedsFencing() ? std::optional<int64_t>(0) : params_.grace_period_seconds;
  }
  bool Evicts() const { return params_.mode == crds::DeletePodMode::kEvict; }

  kube::HttpRequest Eviction(const Observed& observed) const {
    return drain::EvictRequest(observed.ref.key, FindText(*observed.live, {"metadata", "uid"}),
                               params_.grace_period_seconds, observed.server_timeout);
  }

  const crds::DeletePod params_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeDeletePod(const crds::DeletePod& params, const cel::Scope&,
                                                std::string_view path) {
  if (params.mode == crds::DeletePodMode::kForce && params.grace_period_seconds) {
    return InvalidArgument(std::string(path) +
                           ".gracePeriodSeconds: mode Force knows no grace: nobody is there who "
                           "could keep to it");
  }
  return std::make_unique<DeletePodAction>(params);
}

}  // namespace kr::actions
