#include "controller/base/status.h"

#include <string>

namespace kr {
namespace {

absl::string_view Absl(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Status MakeStatus(absl::StatusCode code, std::string_view message) {
  return Status(code, Absl(message));
}

Status InvalidArgument(std::string_view m) {
  return absl::InvalidArgumentError(Absl(m));
}
Status NotFound(std::string_view m) {
  return absl::NotFoundError(Absl(m));
}
Status AlreadyExists(std::string_view m) {
  return absl::AlreadyExistsError(Absl(m));
}
Status FailedPrecondition(std::string_view m) {
  return absl::FailedPreconditionError(Absl(m));
}
Status Aborted(std::string_view m) {
  return absl::AbortedError(Absl(m));
}
Status Unavailable(std::string_view m) {
  return absl::UnavailableError(Absl(m));
}
Status DeadlineExceeded(std::string_view m) {
  return absl::DeadlineExceededError(Absl(m));
}
Status Cancelled(std::string_view m) {
  return absl::CancelledError(Absl(m));
}
Status PermissionDenied(std::string_view m) {
  return absl::PermissionDeniedError(Absl(m));
}
Status ResourceExhausted(std::string_view m) {
  return absl::ResourceExhaustedError(Absl(m));
}
Status Unimplemented(std::string_view m) {
  return absl::UnimplementedError(Absl(m));
}
Status Internal(std::string_view m) {
  return absl::InternalError(Absl(m));
}

std::string_view Message(const Status& status) {
  return {status.message().data(), status.message().size()};
}

Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string message(context);
  message.append(": ").append(Message(status));
  Status annotated(status.code(), Absl(message));
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
    annotated.SetPayload(type, payload);
  });
  return annotated;
}

}  // namespace kr
