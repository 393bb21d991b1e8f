#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Errors are values. Debian's Abseil keeps absl::string_view apart from std::string_view, so this
// header is the one place where the two meet: everything of ours speaks std::string_view.
namespace kr {

using absl::Status;
using absl::StatusOr;

inline Status OkStatus() {
  return Status();
}
Status MakeStatus(absl::StatusCode code, std::string_view message);
Status InvalidArgument(std::string_view message);
Status NotFound(std::string_view message);
Status AlreadyExists(std::string_view message);
Status FailedPrecondition(std::string_view message);
Status Aborted(std::string_view message);
Status Unavailable(std::string_view message);
Status DeadlineExceeded(std::string_view message);
Status Cancelled(std::string_view message);
Status PermissionDenied(std::string_view message);
Status ResourceExhausted(std::string_view message);
Status Unimplemented(std::string_view message);
Status Internal(std::string_view message);

// The message without the code. The view lives as long as `status`.
std::string_view Message(const Status& status);

// `status` with "context: " before its message; code and payloads stay. OK stays OK.
// The context says what was being done ("patching node n1"), never "failed to".
Status Annotate(const Status& status, std::string_view context);

}  // namespace kr

#define KR_CONCAT_INNER(a, b) a##b
#define KR_CONCAT(a, b) KR_CONCAT_INNER(a, b)

// Returns from the enclosing function when the expression is an error.
#define KR_RETURN_IF_ERROR(expr)                            \
  do {                                                      \
    if (::kr::Status kr_status = (expr); !kr_status.ok()) { \
      return kr_status;                                     \
    }                                                       \
  } while (false)

// KR_ASSIGN_OR_RETURN(auto x, F()): x becomes the value, or the error is returned.
#define KR_ASSIGN_OR_RETURN(lhs, expr) \
  KR_ASSIGN_OR_RETURN_INNER(KR_CONCAT(kr_statusor_, __LINE__), lhs, expr)
#define KR_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return std::move(tmp).status();  \
  lhs = *std::move(tmp)
