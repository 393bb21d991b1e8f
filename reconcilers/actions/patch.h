#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// patch: a merge or strategic merge patch, or a server-side apply of a part of the object, with
// values that `set` computes; type JSON is patch_json.h. The expressions are
// evaluated before the first write; what they gave is stored in the memo with it and used from then
// on, so that a factor is never applied twice.
//
// No write is made when the effect is there (patch_effect.h). What cannot be told from the object
// alone is asked of the server by a dry run: it spells values its own way and only it knows how a
// list is merged. A server that takes the patch and drops what it says ends in Failed(NotTaken).
//
// Refused at compile time, and again after `set`: what patch_rules.h lists, and more than 64 KiB.
// Of Secrets also `set` itself (policy/secrets.h), because its values would stand in the status.
// Without the effect, an object with a controller is reported and not patched. Failed(TargetGone),
// Failed(Conflict) with the managers of fields that are not to be taken from them (type Apply),
// Failed(ValueUnknown) when an expression has no value for a minute, Failed(InvalidPatch).
//
// Memo: {"patch": the patch with its values, "before": the same leaves as they were, in the shape
// of a patch}, or instead of before {"noUndo": why}: the content of Secrets is never stored, nor
// more than 16 KiB, and some strategic patches cannot be reversed.
StatusOr<std::unique_ptr<Action>> MakePatch(const crds::Patch& params, const cel::Scope& scope,
                                            std::string_view path);

inline constexpr size_t kMaxPatchBytes = 64 * 1024;

// Why `set` is refused on Secrets, when the policy is compiled and again when it runs.
inline constexpr std::string_view kNoSetOnSecret =
    "a computed value is written down in the Remediation before it is sent, and the content of a "
    "Secret must not be; write it out in patch";

}  // namespace kr::actions
