#include "controller/kube/api_error.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "crds/meta/json_find.h"

namespace kr::kube {
namespace {

using crds::Find;
using crds::FindText;
using nlohmann::json;

constexpr char kPayload[] = "kube-remedy.io/api-error";
// Of a body that is no metav1.Status: enough to recognise a proxy's error page by.
constexpr std::size_t kMaxQuotedBody = 256;

absl::StatusCode CodeOf(int http_code, std::string_view reason) {
  using absl::StatusCode;
  switch (http_code) {
    case 401:
      return StatusCode::kUnauthenticated;
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kNotFound;
    case 405:
      return StatusCode::kUnimplemented;
    case 408:
    case 504:
      return StatusCode::kDeadlineExceeded;
    case 409:
      return reason == "AlreadyExists" ? StatusCode::kAlreadyExists : StatusCode::kAborted;
    case 410:
      return StatusCode::kOutOfRange;
    case 429:
      return StatusCode::kResourceExhausted;
    case 502:
    case 503:
      return StatusCode::kUnavailable;
    default:
      if (http_code >= 400 && http_code < 500) return StatusCode::kInvalidArgument;
      return http_code >= 500 ? StatusCode::kInternal : StatusCode::kUnknown;
  }
}

int Number(const json& object, std::string_view key) {
  return static_cast<int>(crds::FindNumber(object, {key}));
}

bool IsApiStatus(const json& object) {
  return Find(object, {"status"}) != nullptr && FindText(object, {"kind"}) == "Status";
}

void ReadApiStatus(const json& status, ApiError& error) {
  if (error.code == 0) error.code = Number(status, "code");
  error.reason = FindText(status, {"reason"});
  error.message = FindText(status, {"message"});
  const json* details = Find(status, {"details"});
  if (details == nullptr) return;
  if (const int seconds = Number(*details, "retryAfterSeconds"); seconds > 0) {
    error.retry_after = absl::Seconds(seconds);
  }
  const json* causes = Find(*details, {"causes"});
  if (causes == nullptr || !causes->is_array()) return;
  for (const json& cause : *causes) {
    error.causes.push_back({.reason = FindText(cause, {"reason"}),
                            .message = FindText(cause, {"message"}),
                            .field = FindText(cause, {"field"})});
  }
}

std::string Header(const HttpResponse& response, const char* name) {
  const auto it = response.headers.find(name);
  return it == response.headers.end() ? "" : it->second;
}

std::string QuoteBody(std::string_view body) {
  std::string quoted(body.substr(0, kMaxQuotedBody));
  std::replace_if(
      quoted.begin(), quoted.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  while (!quoted.empty() && quoted.back() == ' ') quoted.pop_back();
  return quoted;
}

std::string Encode(const ApiError& error) {
  json causes = json::array();
  for (const ApiError::Cause& cause : error.causes) {
    causes.push_back(
        {{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
  }
  json encoded = {{"code", error.code},
                  {"reason", error.reason},
                  {"message", error.message},
                  {"details", {{"causes", std::move(causes)}}}};
  if (error.retry_after) {
    encoded["details"]["retryAfterSeconds"] = absl::ToInt64Seconds(*error.retry_after);
  }
  return encoded.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status MakeError(const ApiError& error) {
  std::string message = error.message;
  if (message.empty()) message = "HTTP " + std::to_string(error.code);
  Status status = MakeStatus(CodeOf(error.code, error.reason), message);
  status.SetPayload(kPayload, absl::Cord(Encode(error)));
  return status;
}

// Of one that no HTTP code came with.
Status MakeInnerError(ApiError error) {
  if (error.code < 300) {
    const bool expired = error.reason == "Expired" || error.reason == "Gone";
    error.code = expired ? 410 : 500;
  }
  return MakeError(error);
}

}  // namespace

bool ApiError::HasCause(std::string_view cause_reason) const {
  return std::any_of(causes.begin(), causes.end(),
                     [&](const Cause& cause) { return cause.reason == cause_reason; });
}

Status ToStatus(const HttpResponse& response) {
  if (response.code >= 200 && response.code < 300) return OkStatus();
  ApiError error{.code = response.code};
  const json body = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (IsApiStatus(body)) {
    ReadApiStatus(body, error);
  } else {
    error.message = QuoteBody(response.body);
  }
  // Retry-After may also be a date; API servers only ever send seconds.
  int seconds = 0;
  if (absl::SimpleAtoi(Header(response, "retry-after"), &seconds) && seconds >= 0) {
    error.retry_after = absl::Seconds(seconds);
  }
  return MakeError(error);
}

Status StatusFromJson(std::string_view metav1_status) {
  const json body = json::parse(metav1_status, nullptr, /*allow_exceptions=*/false);
  ApiError error;
  if (body.is_object()) {
    ReadApiStatus(body, error);
  } else {
    error.message = QuoteBody(metav1_status);
  }
  return MakeInnerError(std::move(error));
}

Status FailureInside(const json& body) {
  if (!IsApiStatus(body) || FindText(body, {"status"}) == "Success") return OkStatus();
  ApiError error;
  ReadApiStatus(body, error);
  return MakeInnerError(std::move(error));
}

std::optional<ApiError> GetApiError(const Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const json encoded = json::parse(std::string(*payload), nullptr, /*allow_exceptions=*/false);
  ApiError error;
  ReadApiStatus(encoded, error);
  // Zero is a value here ("again at once"), unlike in details of the server.
  if (const json* details = Find(encoded, {"details"});
      details != nullptr && Find(*details, {"retryAfterSeconds"}) != nullptr) {
    error.retry_after = absl::Seconds(Number(*details, "retryAfterSeconds"));
  }
  return error;
}

bool IsExpired(const Status& status) {
  const std::optional<ApiError> error = GetApiError(status);
  // Servers up to 1.17 said Gone.
  return error && (error->code == 410 || error->reason == "Expired" || error->reason == "Gone");
}

bool IsTooLargeResourceVersion(const Status& status) {
  const std::optional<ApiError> error = GetApiError(status);
  if (!error) return false;
  // Old servers carry it in the message only.
  return error->HasCause("ResourceVersionTooLarge") ||
         error->message.find("Too large resource version") != std::string::npos;
}

}  // namespace kr::kube
