#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "crds/v1alpha1/progress.h"

namespace kr::remediation {

// What a person is asked to approve.
struct PlanIdentity {
  std::string_view target_uid;
  std::string_view remedy;
  int64_t attempt = 1;
  // Of the request: an approval is good for one request, so it cannot outlive it.
  absl::Time requested_at;
};

// SHA-256 in hex over the identity and over what each step would do: its action, its object, its
// description and the write as it would be sent. The precondition of a write (metadata
// resourceVersion) is left out: it changes with every heartbeat of the object and with it nothing
// that a person looked at. So are the answers of dry-runs. Pure.
std::string PlanHash(const PlanIdentity& identity, std::span<const crds::PlannedStep> plan);

}  // namespace kr::remediation
