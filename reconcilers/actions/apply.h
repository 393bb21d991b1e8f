#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// apply: makes an object as it is written, by server-side apply under our field manager. It works
// on the object that it names, in the target's namespace unless it says another; `set` is evaluated
// once, the name when the step starts and the rest before the first write, and stored.
//
// The server is asked first (dry run): nothing is written when it would change nothing. What there
// is already is changed only as long as it is the same object in the same version (UID and
// resourceVersion). Failed(Conflict) names the managers of fields that it will not take without
// `force`, Failed(Refused) what the server says otherwise, Failed(ValueUnknown) when an expression
// has no value for a minute.
//
// Memo: {"object": as it is sent, "created": true | "before": its fields as they were, or
// "noUndo": why they are not kept}.
StatusOr<std::unique_ptr<Action>> MakeApply(const crds::Apply& params, const cel::Scope& scope,
                                            std::string_view path);

}  // namespace kr::actions
