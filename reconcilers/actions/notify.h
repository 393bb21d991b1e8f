#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// notify: tells people, as an Event on the target; touches nothing. The text is `message`, or what
// `messageExpression` gives (an error is told in its place: a notice must not get lost), or a
// sentence about the step's object; cut to what an Event can hold. With `webhook` that is called,
// too, for at most a minute; when it cannot be told, the Event says so and the step is done all the
// same.
//
// Memo, only with `webhook`: {"text": what is told, "body": what is sent}.
StatusOr<std::unique_ptr<Action>> MakeNotify(const crds::Notify& params, const cel::Scope& scope,
                                             std::string_view path);

// The limit of an Event's note.
inline constexpr size_t kMaxAnnouncementBytes = 1024;

}  // namespace kr::actions
