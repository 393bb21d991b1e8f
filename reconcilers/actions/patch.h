#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// patch: a merge or strategic merge patch with values that `set` computes. The expressions are
// evaluated once, before the first write; what they gave is stored in the memo and used from then
// on, so that a factor is never applied twice.
//
// No write is made when the effect is there: for a merge patch when every leaf equals the live
// object (null = absent); for a strategic one when in addition lists of objects have an element
// that contains each of the patch's. A strategic patch with directives ($patch, ...) is compared
// by a dry run.
//
// Refused at compile time, and again after `set`: apiVersion, kind, status, the parts of metadata
// that identify an object or tie it to others, templates over 64 KiB. An object with a controller
// is reported and not patched. Failed(TargetGone), Failed(ValueUnknown) when an expression has an
// error, Failed(InvalidPatch).
//
// Memo: {"patch": the patch as sent, "before": the same leaves as they were (null = absent)} or
// instead of before {"noUndo": why}: Secrets are never stored, nor more than 16 KiB, nor the leaves
// of directives.
StatusOr<std::unique_ptr<Action>> MakePatch(const crds::Patch& params, const cel::Scope& scope,
                                            std::string_view path);

inline constexpr size_t kMaxPatchBytes = 64 * 1024;
inline constexpr size_t kMaxPreImageBytes = 16 * 1024;

}  // namespace kr::actions
