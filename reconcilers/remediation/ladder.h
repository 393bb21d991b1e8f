#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/policy/compiled_policy.h"

// Where a remediation stands on the escalation ladder. All of it is in the status, so that another
// process can go on after a crash; these functions read and change it. Pure.
namespace kr::remediation {

// Begins: one RemedyProgress per rung, all Pending.
void InitLadder(const policy::CompiledPolicy& policy, crds::RemediationStatus& status);

// The rung that runs or is to run next; nullopt at the end of the ladder.
std::optional<size_t> CurrentRung(const crds::RemediationStatus& status);

// Whether a remedy changes nothing and claims nothing: all of it are notices. It is no attempt at a
// cure, so it does not fail: it has told, and the next one begins when the symptom outlives it.
bool OnlyTells(const policy::Remedy& remedy);

// Starts the next attempt of rung `index`: its steps appear, all Pending.
void StartRung(const policy::CompiledPolicy& policy, size_t index, absl::Time now,
               crds::RemediationStatus& status);
void SkipRung(size_t index, std::string_view message, absl::Time now,
              crds::RemediationStatus& status);
// The running attempt did not help. With attempts left the rung is Pending again, otherwise Failed;
// Skipped when it only tells and has told.
void FailRung(const policy::CompiledPolicy& policy, size_t index, std::string_view reason,
              std::string_view message, absl::Time now, crds::RemediationStatus& status);

// The steps of the rung's current attempt, as indexes into status.steps.
std::vector<size_t> AttemptSteps(const crds::RemediationStatus& status, size_t rung);
// Puts one entry for each of `objects` in place of status.steps[index], a step whose objects were
// not chosen yet. Indexes behind it move.
void SetObjects(size_t index, const std::vector<crds::ObjectReference>& objects,
                crds::RemediationStatus& status);
// Whether the remediation has got rid of its target itself.
bool DeletedTarget(const crds::Remediation& remediation);
// status.remedy and status.step, the printer columns.
void Describe(const policy::CompiledPolicy& policy, crds::RemediationStatus& status);

// When the rung's current attempt last changed something; nullopt when it has not.
std::optional<absl::Time> LastWrite(const crds::RemediationStatus& status, size_t rung);
// Events up to then are answered by a remediation that is over: those that its last write could
// have been about, and when it had nothing to write and is cured, or only told, those until then.
absl::Time Answered(const crds::RemediationStatus& status);
// Whether anything was written (or may have been) by this remediation.
bool HasWritten(const crds::RemediationStatus& status);

}  // namespace kr::remediation
