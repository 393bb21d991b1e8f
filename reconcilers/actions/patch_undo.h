#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "controller/base/status.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

// Taking a patch back: what its leaves were before, and the patch that restores those that still
// hold our value.
namespace kr::actions {

// The leaves of `patch` as they are in `object`, in the shape of a patch (null = absent). Error:
// why they cannot be restored later (a list that has no merge key, directives).
StatusOr<nlohmann::json> PreImage(crds::PatchType type, const nlohmann::json& patch,
                                  const nlohmann::json& object);

// Puts the pre-image into the memo of a write (change.h: kBefore), or why it is not kept (kNoUndo):
// of a Secret never, nor when it is too large.
void KeepPreImage(crds::PatchType type, const nlohmann::json& patch, const Observed& observed,
                  nlohmann::json& memo);

// The patch of the same type that puts `before` back wherever `object` still holds what `patch`
// wrote and our field manager owns it; nullopt when nothing is left to take back. An object that
// did not exist before is removed whole, with the defaults that the server put into it; labels,
// annotations and the like lose only our keys.
std::optional<nlohmann::json> UndoPatch(crds::PatchType type, const nlohmann::json& patch,
                                        const nlohmann::json& before, const nlohmann::json& object);

// The leaves that are not as `before` says, with who set them: "spec.replicas (set by kubectl)";
// "" when all are. To be asked when UndoPatch gives nullopt.
std::string NotRestored(crds::PatchType type, const nlohmann::json& patch,
                        const nlohmann::json& before, const nlohmann::json& object);

}  // namespace kr::actions
