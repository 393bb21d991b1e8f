#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/status.h"
#include "controller/kube/config.h"
#include "controller/kube/http.h"

namespace kr::kube {

// Headers besides those that every request has, in this order.
using Headers = std::vector<std::pair<std::string, std::string>>;

// InvalidArgument when a part of the request would break out of its line: a target or header value
// with a control character, or a space in the first line.
Status CheckRequest(const HttpRequest& request, std::string_view authorization);

// The bytes of a request as HTTP/1.1, after CheckRequest.
StatusOr<std::string> WireRequest(const HttpRequest& request, const ServerAddress& server,
                                  std::string_view authorization, std::string_view user_agent,
                                  const Headers& headers = {});

}  // namespace kr::kube
