#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "controller/base/status.h"
#include "controller/kube/client.h"

// What has to be there before anything is executed: without it, any node could report for any
// other, and the result of a task would prove nothing.
namespace kr::agent {

// The name of the node that a service account token was given to (its claim
// kubernetes.io.node.name), "" when it has none. The API server has verified the token; this only
// reads it. InvalidArgument when it is no such token.
StatusOr<std::string> NodeClaim(std::string_view token);

// Whether the admission policy that binds results to that claim is in force. FailedPrecondition
// when it is not installed.
Status CheckAdmission(kube::Client& client, absl::Duration timeout, std::stop_token stop);

}  // namespace kr::agent
