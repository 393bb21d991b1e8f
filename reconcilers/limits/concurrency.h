#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "crds/meta/int_or_percent.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// Who holds a slot.
struct SlotHolder {
  std::string remediation;
  std::string target;  // "DaemonSet kube-system/calico-node"
};

// A slot is taken when a Remediation is made and held until it is finished and none of its effects
// is outstanding (the effects finalizer), whatever the phase. One that waits for a person's
// approval holds none, nor does one made by hand before it is admitted: they take theirs later.
bool HoldsSlot(const crds::Remediation& remediation);

// How many slots there are. A percentage is of the selected targets, rounded down, at least 1; a
// plain 0 means none.
int64_t Slots(const crds::IntOrPercent& limit, int64_t selected);

// MaxConcurrent when all slots are taken; names up to three holders.
std::optional<Refusal> CheckConcurrency(const crds::IntOrPercent& limit, int64_t selected,
                                        std::span<const SlotHolder> holders);

}  // namespace kr::limits
