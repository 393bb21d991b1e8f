#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// delete: deletes one object, with its UID as precondition, and is done when it is gone: 404, or
// another UID under its name. Failed(Timeout) names the finalizers that hold it.
//
// Memo: {"sent": true} once a request may have been sent.
StatusOr<std::unique_ptr<Action>> MakeDelete(const crds::Delete& params, const cel::Scope& scope,
                                             std::string_view path);

}  // namespace kr::actions
