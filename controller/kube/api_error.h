#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/http.h"

namespace kr::kube {

// Why the API server refused: its metav1.Status, or what could be made of another answer (429 from
// priority and fairness is plain text).
struct ApiError {
  struct Cause {
    std::string reason, message, field;
  };
  int code = 0;
  std::string reason;  // "NotFound", "Conflict", "AlreadyExists", ...; "" when the body had none
  std::string message;
  std::vector<Cause> causes;
  std::optional<absl::Duration> retry_after;

  bool HasCause(std::string_view cause_reason) const;
};

// OK for 2xx. Otherwise a Status whose payload is the ApiError. Codes: 400, 413, 415, 422
// InvalidArgument; 401 Unauthenticated; 403 PermissionDenied; 404 NotFound; 409 AlreadyExists or
// (conflict) Aborted; 410 OutOfRange; 429 ResourceExhausted; 500 Internal; 502, 503 Unavailable;
// 504 DeadlineExceeded.
Status ToStatus(const HttpResponse& response);
// The same for a metav1.Status that came inside a watch (ERROR event), as JSON text.
Status StatusFromJson(std::string_view metav1_status);
// The failure that a 2xx may carry in its body: an eviction is answered with 201 whatever it says.
// OK when the body is no metav1.Status, or one of success.
Status FailureInside(const nlohmann::json& body);
// The ApiError inside a Status; nullopt when it did not come from an API server.
std::optional<ApiError> GetApiError(const Status& status);

// A resourceVersion that the server no longer has (410 Expired or Gone).
bool IsExpired(const Status& status);
// 504 with cause ResourceVersionTooLarge: asked for a version from the future.
bool IsTooLargeResourceVersion(const Status& status);

}  // namespace kr::kube
