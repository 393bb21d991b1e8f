// A recreation that stopped with the Service still without its load balancer (the old one did not
// go, or the server did not take the type back or the deletion) is completed by the next one of the
// same Service: what it had stands in the log of the one that stopped.
#include <string>
#include <utility>

#include "controller/kube/request.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/load_balancer.h"

namespace kr::actions {
namespace {

using nlohmann::json;

kube::HttpRequest EarlierOnes(const Observed& observed) {
  const auto& labels = observed.remediation->metadata.labels;
  const std::string label(crds::kLineageLabel);
  const auto lineage = labels.find(label);
  return kube::ListObjects(
      {{std::string(crds::kGroup), std::string(crds::kVersion),
        std::string(crds::kRemediationKind)},
       std::string(crds::kRemediationPlural),
       false},
      {.label_selector = label + "=" + (lineage == labels.end() ? "" : lineage->second)});
}

// What the step of a Remediation left when it stopped on the way; null when it did not.
json StoppedIn(const json& remediation) {
  const json* steps = Find(remediation, {"status", "steps"});
  json memo;
  for (const json& step : steps != nullptr ? *steps : json::array()) {
    if (FindText(step, {"action"}) != "recreateService") continue;
    const std::string stage = FindText(step, {"memo", kStage});
    const bool stopped = FindText(step, {"state"}) == "Failed" &&
                         (stage == kTakeDown || stage == kBringBack || stage == kDelete) &&
                         Find(step, {"memo", kFields}) != nullptr;
    memo = stopped ? step["memo"] : json();
  }
  return memo;
}

}  // namespace

std::optional<Next> Resume(const crds::RecreateService& params, const Observed& observed) {
  // Whoever has set the type since wants it so.
  if (!service::TypeSetAt(*observed.live, kFieldManager)) return std::nullopt;
  const kube::HttpRequest request = EarlierOnes(observed);
  const json* found = FindFound(observed, request);
  if (found == nullptr) return LookAt(request);
  json stopped;
  std::string newest;
  for (const json& one : found->value("items", json::array())) {
    if (FindText(one, {"spec", "targetRef", "uid"}) != observed.ref.uid) continue;
    if (FindText(one, {"metadata", "uid"}) == observed.remediation->metadata.uid) continue;
    const std::string at = FindText(one, {"status", "finishedAt"});
    json memo = StoppedIn(one);
    if (at < newest || memo.is_null()) continue;
    newest = at;
    stopped = std::move(memo);
  }
  if (stopped.is_null()) return std::nullopt;
  stopped[kStage] = kTakeDown;
  stopped[kSince] = crds::FormatTime(observed.step_started);
  return AwaitOldGone({params, stopped, observed});
}

}  // namespace kr::actions
