#include "reconcilers/actions/action.h"

namespace kr::actions {

bool Action::EffectHolds(const nlohmann::json&, const nlohmann::json&) const { return true; }

std::optional<Write> Action::Undo(const nlohmann::json&, const Observed&) const {
  return std::nullopt;
}

}  // namespace kr::actions
