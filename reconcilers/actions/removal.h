#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "reconcilers/actions/action.h"

// What the actions that get rid of an object have in common: the right one, and only done when it
// is really gone.
namespace kr::actions {

// Whether the object that is meant is gone; another one of its name is none of our business.
bool IsGone(const Observed& observed);

// What is to be said about an object that is on its way out: how long it has been, and which
// finalizers hold it.
std::string GoingText(const Observed& observed);

// Waits for it (reading it again and again), or Failed(Timeout) after `timeout` since the step
// began.
Next AwaitGone(const Observed& observed, absl::Duration timeout);

// DELETE of exactly this object, refused (409) when it was replaced meanwhile.
kube::HttpRequest DeleteRequest(const Observed& observed, std::string_view propagation,
                                std::optional<int64_t> grace_period_seconds);

// `text` after what was deleted: "deleted: Pod net/a".
Done RemovedBy(const nlohmann::json& memo, std::string_view verb, const Observed& observed);

}  // namespace kr::actions
