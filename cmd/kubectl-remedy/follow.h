#pragma once

#include <functional>
#include <string>

#include "cmd/kubectl-remedy/command.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::cmd {

// Watches one Remediation until `done` says so, and tells each new sentence of it on standard
// error. DeadlineExceeded, with the last sentence, after `timeout`; NotFound when it is deleted
// meanwhile.
StatusOr<crds::Remediation> Follow(Cluster& cluster, Console& console, const std::string& name,
                                   absl::Duration timeout,
                                   const std::function<bool(const crds::Remediation&)>& done);

// Until it has ended: prints how, in the form of -o; AnswerIsNo unless that is Succeeded, Reported
// or Observed.
Status AwaitEnd(Cluster& cluster, Console& console, const std::string& name, absl::Duration timeout,
                const std::string& output);

// "phase, message" of an open or ended one.
std::string StateOf(const crds::Remediation& remediation);

}  // namespace kr::cmd
