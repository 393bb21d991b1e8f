#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// patch of type JSON (RFC 6902): a list of operations, all of it or nothing, under the version of
// the object that was read. `valueExpression` is evaluated once and stored.
//
// No write when the operations would change nothing. Operations need not be idempotent ("add to the
// end"), so an answer that got lost is settled by the object's version: unchanged, the patch is
// sent again; otherwise what it was to make has to be there as a whole, or the step fails
// (Failed(OutcomeUnknown)) instead of doing it twice. Failed(TestFailed) names the guard that does
// not hold; nothing was changed then. Failed(TargetGone), Failed(ValueUnknown),
// Failed(InvalidPatch); Report(ManagedByOther) for an object with a controller.
//
// Taken back place by place (patch_json_undo.h): a list into which something was inserted is put
// back only as long as nobody changed it since.
//
// Memo: {"operations": [...] with their values, "version": of the object that was patched,
// "before": the places} or instead of before {"noUndo": why}: of Secrets, and of more than 16 KiB.
StatusOr<std::unique_ptr<Action>> MakeJsonPatch(const crds::Patch& params, const cel::Scope& scope,
                                                std::string_view path);

}  // namespace kr::actions
