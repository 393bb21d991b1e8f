#include "controller/kube/wire.h"

#include <algorithm>

namespace kr::kube {
namespace {

bool HasOnly(std::string_view text, unsigned char lowest) {
  return std::all_of(text.begin(), text.end(),
                     [&](unsigned char c) { return c >= lowest && c != 0x7f; });
}

// Writes of length zero say so; a GET without a body says nothing (RFC 9110, 8.6).
bool NeedsLength(const HttpRequest& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

}  // namespace

Status CheckRequest(const HttpRequest& request, std::string_view authorization) {
  if (request.method.empty() || !HasOnly(request.method, '!')) {
    return InvalidArgument("a request's method must be a word");
  }
  if (!request.target.starts_with('/') || !HasOnly(request.target, '!')) {
    return InvalidArgument("a request's target must begin with / and be escaped");
  }
  // The value may be a secret: the message names the header only.
  if (!HasOnly(authorization, ' ')) return InvalidArgument("control character in the credentials");
  if (!HasOnly(request.accept, ' ') || !HasOnly(request.content_type, ' ')) {
    return InvalidArgument("control character in a media type");
  }
  return OkStatus();
}

StatusOr<std::string> WireRequest(const HttpRequest& request, const ServerAddress& server,
                                  std::string_view authorization, std::string_view user_agent,
                                  const Headers& headers) {
  KR_RETURN_IF_ERROR(CheckRequest(request, authorization));
  for (const auto& [name, value] : headers) {
    if (!HasOnly(name, '!') || !HasOnly(value, ' ')) {
      return InvalidArgument("control character in header " + name);
    }
  }
  std::string wire;
  wire.reserve(512 + authorization.size() + request.target.size() + request.body.size());
  wire.append(request.method).append(" ").append(server.base_path).append(request.target);
  wire.append(" HTTP/1.1\r\n");
  const auto header = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) wire.append(name).append(": ").append(value).append("\r\n");
  };
  header("Host", server.HostHeader());
  header("User-Agent", user_agent);
  header("Accept", request.accept);
  header("Authorization", authorization);
  header("Content-Type", request.content_type);
  for (const auto& [name, value] : headers) header(name, value);
  if (NeedsLength(request)) header("Content-Length", std::to_string(request.body.size()));
  return wire.append("\r\n").append(request.body);
}

}  // namespace kr::kube
