#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reconcilers/sandbox/sandbox.h"

namespace kr::cmd {

// What policies would do about the objects of a sandbox, found out by letting them: they are in
// mode Observe, so that each ends in a plan.
//
// [{policy, target, result: Act | Wait | Unknown | Healthy, reason, message, trigger, after, plan,
//   phase, ...ExplainReading}], by policy, then target. Act: `plan` is what would be written,
// `after` how long the trigger's `for` made it wait. Error: a policy cannot be evaluated.
StatusOr<nlohmann::json> Rehearse(sandbox::Sandbox& sandbox);

// One target whatever its symptom, as `kubectl remedy run` would: the Remediation that came of it.
StatusOr<nlohmann::json> RehearseRun(sandbox::Sandbox& sandbox,
                                     const policy::CompiledPolicy& policy,
                                     const nlohmann::json& target_ref);

// As lines for people.
std::string FormatRehearsal(const nlohmann::json& results);

}  // namespace kr::cmd
