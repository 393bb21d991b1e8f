#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cmd/kubectl-remedy/cluster.h"
#include "controller/base/status.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/sandbox/sandbox.h"

// What `why`, `plan` and `test` say about a target under a policy: as JSON for programs, and from
// that as text for people.
namespace kr::cmd {

// A controller in this process that reads the cluster with the person's own rights and writes
// nothing there.
std::unique_ptr<sandbox::Sandbox> MirrorOf(Cluster& cluster, Clock& clock);

// Puts in what the controller of the cluster remembers of targets (TargetBaselines). An error says
// why it cannot be read: then nothing can be said of a policy that keeps_baseline.
Status AddBaselines(Cluster& cluster, sandbox::Sandbox& mirror);

// A policy as it is to be put into a sandbox: without status, in mode Observe when `observe`.
nlohmann::json ForSandbox(nlohmann::json policy, bool observe);

// Runs until all policies can be evaluated. Why `policy` cannot be: "you may not list pods"; ""
// when it can.
std::string Settle(sandbox::Sandbox& sandbox, const policy::CompiledPolicy& policy);

// {symptom, triggers: [{name, value, signals: [{name, value, since, cause, evidence}]}], healthy,
// notHealthy, healthUnknown}. `since` is there where the object or an Event tells it; signals after
// the first False one of a trigger were not asked.
nlohmann::json ExplainReading(const policy::CompiledPolicy& policy,
                              const sandbox::Sandbox::Reading& reading);

// The Remediation of a target under a policy that matters now: an open one, or the newest; or null.
const crds::Remediation* LastAbout(const std::string& policy, const crds::ObjectReference& target,
                                   const std::vector<crds::Remediation>& remediations);
// What that one has dealt with already.
sandbox::Sandbox::Answered AnsweredBy(const crds::Remediation& last);
// Adds answeredBy and the evidence to signals of `explanation` that would hold, as in `anew`, if
// `last` had not answered what they count.
void MarkAnswered(const nlohmann::json& anew, const crds::Remediation& last,
                  nlohmann::json& explanation);

// What the controller of the cluster says: {mode, paused, conditions, waiting, remediation,
// cooldownUntil}; of conditions only those that stop something, of an open remediation also the
// evidence that it began with.
nlohmann::json ExplainState(const crds::RemediationPolicy& policy,
                            const std::vector<crds::Remediation>& remediations,
                            const crds::ObjectReference& target);

// Both (or one) of them, merged into one object, as lines that begin with `indent`.
std::string FormatExplanation(const nlohmann::json& explanation, const std::string& indent);

}  // namespace kr::cmd
