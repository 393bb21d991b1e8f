#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/kube/http.h"
#include "crds/v1alpha1/remediation.h"

// What a Node itself tells of a remediation that takes it out of service, in the conditions of
// KEP-5683 (node lifecycle), so that `kubectl describe node` and other tools see it:
//
//   MaintenanceInProgress  from the first write to the Node until nothing of it is outstanding
//   DrainInProgress        while a drain step runs
//   Drained                from the end of a complete drain until the node is given back
//
// Their reasons begin with "KubeRemedy", by which we know our own (limits::kOwnConditionReason).
namespace kr::remediation {

struct NodeCondition {
  bool holds = false;
  std::string reason;  // "KubeRemedyDrain"
  std::string message;
  friend bool operator==(const NodeCondition&, const NodeCondition&) = default;
};
using NodeConditions = std::map<std::string, NodeCondition>;  // by type

// What its target should say now. Empty when the remediation has no Node as target, or does nothing
// that takes one out of service. Pure.
NodeConditions ConditionsOf(const crds::Remediation& remediation);

// Writes those conditions into the status of the Node with that name. Conditions of others stay.
kube::HttpRequest PatchNodeConditions(const std::string& node, const NodeConditions& conditions,
                                      absl::Time now, absl::Duration timeout);

}  // namespace kr::remediation
