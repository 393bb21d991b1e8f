#include "reconcilers/actions/rollout_restart.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/time.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/pod_template.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kAnnotation[] = "kube-remedy.io/restartedAt";
constexpr char kAt[] = "at";

// "2 of 3 pods are of the newest template" while a rollout is under way; pods that are sick do not
// make one. "" otherwise.
std::string UnderWay(std::string_view kind, const json& live) {
  if (crds::FindNumber(live, {"status", "observedGeneration"}) <
      crds::FindNumber(live, {"metadata", "generation"})) {
    return "its controller has not looked at the last change yet";
  }
  int64_t updated = 0;
  int64_t wanted = 0;
  if (kind == "DaemonSet") {
    updated = crds::FindNumber(live, {"status", "updatedNumberScheduled"});
    wanted = crds::FindNumber(live, {"status", "desiredNumberScheduled"});
  } else {
    updated = crds::FindNumber(live, {"status", "updatedReplicas"});
    wanted = crds::FindNumber(live, {"spec", "replicas"}, 1);
    if (kind == "StatefulSet") {
      if (FindText(live, {"status", "currentRevision"}) ==
          FindText(live, {"status", "updateRevision"})) {
        return "";
      }
      wanted -= crds::FindNumber(live, {"spec", "updateStrategy", "rollingUpdate", "partition"});
    } else {
      wanted = std::max(wanted, crds::FindNumber(live, {"status", "replicas"}));
    }
  }
  if (updated >= wanted) return "";
  return std::to_string(updated) + " of " + std::to_string(wanted) +
         " pods are of the newest template";
}

class RolloutRestartAction final : public Action {
 public:
  std::string_view kind() const override { return "rolloutRestart"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return PatchRules(resource);
  }
  std::string Describe() const override { return "restart the rollout"; }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    const json& live = *observed.live;
    if (!HasPodTemplate(observed.ref.resource.gvk)) {
      return Failed{"KindNotSupported",
                    "rolloutRestart works on DaemonSets, Deployments and StatefulSets of group "
                    "apps, not on " +
                        ObjectText(observed.ref)};
    }
    const std::string asked = FindText(memo, {kAt});
    const std::string at = asked.empty() ? crds::FormatTime(observed.step_started) : asked;
    if (FindText(live, {"spec", "template", "metadata", "annotations", kAnnotation}) == at) {
      return Done{.message = "restarted the rollout of " + ObjectText(observed.ref)};
    }
    if (std::optional<Next> owned = RefuseOwned(observed, "restart the rollout")) {
      return *std::move(owned);
    }
    if (std::optional<Failed> fault = Check(observed)) return *std::move(fault);
    json patch;
    patch["spec"]["template"]["metadata"]["annotations"][kAnnotation] = at;
    return Write{.request = ConditionalPatch(observed, kube::PatchType::kMerge, std::move(patch)),
                 .verb = "patch",
                 .summary = "restart the rollout of " + ObjectText(observed.ref),
                 .memo = {{kAt, at}}};
  }

 private:
  static std::optional<Failed> Check(const Observed& observed) {
    const json& live = *observed.live;
    const std::string object = ObjectText(observed.ref);
    const json* paused = Find(live, {"spec", "paused"});
    if (paused != nullptr && *paused == true) {
      return Failed{"RolloutPaused", "the rollout of " + object + " is paused"};
    }
    if (FindText(live, {"spec", "updateStrategy", "type"}) == "OnDelete") {
      return Failed{"OnDelete", object +
                                    " replaces a pod only when somebody deletes it (strategy "
                                    "OnDelete); use deletePod"};
    }
    const std::string why = UnderWay(observed.ref.resource.gvk.kind, live);
    if (why.empty()) return std::nullopt;
    return Failed{"RolloutInProgress", "a rollout of " + object + " is under way: " + why};
  }
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeRolloutRestart(const crds::RolloutRestart&, const cel::Scope&,
                                                     std::string_view) {
  return std::make_unique<RolloutRestartAction>();
}

}  // namespace kr::actions
