#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::cmd {

// One line each, the open ones first, then the youngest.
std::string FormatRemediations(std::span<const crds::Remediation> remediations, absl::Time now);

// One remediation as a story: what it is, the sentence to read first, then what happened when, from
// the symptom to now. Times are UTC.
std::string FormatTimeline(const crds::Remediation& remediation);

// The plan of one remedy ("" = of all), step by step, with the writes as they would be sent.
std::string FormatPlan(const crds::Remediation& remediation, std::string_view remedy);

}  // namespace kr::cmd
