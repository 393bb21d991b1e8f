#include "reconcilers/limits/control_plane.h"

namespace kr::limits {

std::optional<Refusal> CheckControlPlane(const ControlPlaneView& view, const std::string& node) {
  if (!view.busy.empty()) {
    return Refusal{.reason = Reason::kBudgetExhausted,
                   .message = "one node of the control plane at a time: before " + node +
                              " comes " + view.busy};
  }
  const int64_t all = view.others + 1;
  const int64_t quorum = all / 2 + 1;
  if (view.others_ready >= quorum) return std::nullopt;
  return Refusal{.reason = Reason::kBudgetExhausted,
                 .message = "of the " + std::to_string(all) + " nodes of the control plane " +
                            std::to_string(view.others_ready) + " besides " + node +
                            " are ready and in service, expected at least " +
                            std::to_string(quorum) + " (a quorum without it)"};
}

}  // namespace kr::limits
