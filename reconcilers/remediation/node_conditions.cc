#include "reconcilers/remediation/node_conditions.h"

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/drain_result.h"
#include "reconcilers/actions/registry.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/remediation/registry.h"

namespace kr::remediation {
namespace {

constexpr char kMaintenance[] = "MaintenanceInProgress";
constexpr char kDrain[] = "DrainInProgress";
constexpr char kDrained[] = "Drained";

// On the target itself, not on what applyTo chose.
bool IsOnTarget(const crds::StepProgress& step, const crds::ObjectReference& target) {
  return !step.object || SameTarget(*step.object, target);
}

bool IsComplete(const crds::StepProgress& step) {
  if (step.state != crds::StepState::kSucceeded || step.memo.empty()) return false;
  const nlohmann::json memo = step.memo.Parse();
  return memo.value(actions::kDrainResult, "") == actions::kDrainComplete;
}

}  // namespace

NodeConditions ConditionsOf(const crds::Remediation& remediation) {
  const crds::ObjectReference& target = remediation.spec.target_ref;
  if (target.api_version != "v1" || target.kind != "Node") return {};
  const crds::RemediationStatus& status = remediation.status;
  const std::string by =
      "policy " + remediation.spec.policy_ref.name + ", Remediation " + remediation.metadata.name;
  bool held = false, was_held = false, drains = false;
  const crds::StepProgress* drain = nullptr;
  for (const crds::StepProgress& step : status.steps) {
    if (!IsOnTarget(step, target)) continue;
    if (step.action == "drain" && step.state != crds::StepState::kPending) drain = &step;
    if (!actions::IsMitigation(step.action)) continue;
    was_held = was_held || !step.writes.empty();
    held = held || (!step.writes.empty() && !step.memo.empty());
  }
  drains = drain != nullptr && drain->state == crds::StepState::kRunning;
  NodeConditions conditions;
  if (was_held || drains) {
    const bool on = held || drains;
    conditions[kMaintenance] = {on, on ? "KubeRemedyRemediation" : "KubeRemedyReleased",
                                on ? "out of service by " + by : "given back by " + by};
  }
  if (drain != nullptr) {
    conditions[kDrain] = {drains, drains ? "KubeRemedyDrain" : "KubeRemedyDrainEnded",
                          drains ? "being drained by " + by : drain->message};
    const bool complete = held && IsComplete(*drain);
    conditions[kDrained] = {complete, complete ? "KubeRemedyDrained" : "KubeRemedyNotDrained",
                            complete ? "drained by " + by : ""};
  }
  return conditions;
}

kube::HttpRequest PatchNodeConditions(const std::string& node, const NodeConditions& conditions,
                                      absl::Time now, absl::Duration timeout) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [type, condition] : conditions) {
    list.push_back({{"type", type},
                    {"status", condition.holds ? "True" : "False"},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"lastHeartbeatTime", crds::FormatTime(now)},
                    {"lastTransitionTime", crds::FormatTime(now)}});
  }
  const nlohmann::json patch = {{"status", {{"conditions", std::move(list)}}}};
  // Conditions are merged by type.
  kube::HttpRequest request = kube::PatchObject(
      node::NodeResource(), {"", node}, "status", kube::PatchType::kStrategic, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = timeout});
  request.timeout = timeout;
  return request;
}

}  // namespace kr::remediation
