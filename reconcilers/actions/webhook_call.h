#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/action.h"
#include "reconcilers/actions/webhook_answer.h"

// What a webhook is told. docs/webhooks.md is written for those who receive it.
namespace kr::actions {

inline constexpr char kWebhookApiVersion[] = "webhook.kube-remedy.io/v1alpha1";
inline constexpr size_t kMaxCallBytes = 32 * 1024;

// The same for every try of a step on an object in one attempt of its remedy, and another one for
// each of these: 64 hex digits.
std::string IdempotencyKey(const Observed& observed);

// The body of a call: what it is about, and `parameters`. Without the time of the call, so that it
// is always the same.
nlohmann::json Envelope(const Observed& observed, nlohmann::json parameters);

// InvalidArgument when it is larger than kMaxCallBytes.
Status CheckCallSize(const nlohmann::json& envelope);

struct CallLimits {
  absl::Duration timeout;  // of one try
  absl::Time deadline;     // of all of them
};
// Makes a call until it is over: Call, Wait for the next try, or nullopt; then `last` is what came
// of it, which is still open (webhook_answer.h) when the deadline is over. `memo` keeps `body`.
std::optional<Next> Pursue(const std::string& webhook, const std::string& body,
                           const nlohmann::json& memo, const CallLimits& limits,
                           const Observed& observed, Judgement& last);

// The Secret, in the operator's own namespace, that says where the webhook is and has its keys.
std::string WebhookSecret(std::string_view webhook);

}  // namespace kr::actions
