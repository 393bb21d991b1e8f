#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// webhook: calls a service outside of the cluster until it says what became of it. The parameters
// are evaluated once; the whole body is stored before the first call and never made again, so that
// every try is the same (webhook_call.h).
//
// Tried again until `deadline`: what could not be reached or is not configured, and the answers
// that webhook_answer.h calls open. Then Failed(WebhookUnready, WebhookUnreachable, WebhookBusy or
// WebhookPending) with the last of it; at once Failed(WebhookFailed, WebhookRefused or
// WebhookInvalid). Failed(ValueUnknown) when an expression has no value for a minute,
// Failed(InvalidValue) when the body would be too large, Failed(TargetGone) when an expression
// reads an object that is gone. Done with the evidence of the answer.
//
// Memo: {"body": the text that is sent}.
StatusOr<std::unique_ptr<Action>> MakeWebhook(const crds::Webhook& params, const cel::Scope& scope,
                                              std::string_view path);

}  // namespace kr::actions
