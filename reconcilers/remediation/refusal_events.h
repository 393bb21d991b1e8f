#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/runtime/event_series.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::remediation {

// A target that has just begun to wait, or waits for something else than before.
struct NewRefusal {
  crds::Waiting waiting;
  bool first = false;  // no other target of the policy waited for that before
};

// What `kubectl describe` of the policy and of the targets tells of it: on the policy each reason
// once, on the targets the first ten. Not what is in the ordinary course of things and passes by
// itself (slots, locks, cooldown, watches that are listing): status.waiting has it.
std::vector<runtime::Event> RefusalEvents(const crds::RemediationPolicy& policy,
                                          std::span<const NewRefusal> refusals);

// That a policy is not understood.
runtime::Event NotAcceptedEvent(const crds::RemediationPolicy& policy, std::string why);

}  // namespace kr::remediation
