#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// The nodes of the control plane besides the one that is to be worked on.
struct ControlPlaneView {
  int64_t others = 0;
  int64_t others_ready = 0;  // and in service
  // One that is being remediated or out of service, and why: "cp-2, which is cordoned"; "": none.
  std::string busy;
};

// One node of the control plane at a time, and only while the others alone are a quorum:
// floor(N/2)+1 of all N ready, so that the one may fail altogether. BudgetExhausted otherwise.
std::optional<Refusal> CheckControlPlane(const ControlPlaneView& view, const std::string& node);

}  // namespace kr::limits
