#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/kube/http.h"
#include "crds/v1alpha1/remediation.h"

// The finalizer of Remediations with effects that are to be taken back: it is there from before the
// first such effect until the remediation is over, and then none is outstanding. Whoever deletes
// the Remediation meanwhile cancels it, and it goes when that is done.
namespace kr::remediation {

bool HasEffectsFinalizer(const crds::Remediation& remediation);
// Whether a mitigation of it may still be in force.
bool HoldsMitigations(const crds::Remediation& remediation);

// Puts it on, or takes it off; finalizers of others stay. Refused (409) when the Remediation is
// not the one in that version any more.
kube::HttpRequest AddEffectsFinalizer(const crds::Remediation& remediation, absl::Duration timeout);
kube::HttpRequest RemoveEffectsFinalizer(const crds::Remediation& remediation,
                                         absl::Duration timeout);

}  // namespace kr::remediation
