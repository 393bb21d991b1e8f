#include "controller/runtime/api_sender.h"

#include "absl/strings/cord.h"

namespace kr::runtime {
namespace {

constexpr char kPayload[] = "controller/not-sent";

}  // namespace

Status NotSent(std::string_view why) {
  Status status = FailedPrecondition(std::string("not sent: ").append(why));
  status.SetPayload(kPayload, absl::Cord("1"));
  return status;
}

bool IsNotSent(const Status& status) {
  return status.GetPayload(kPayload).has_value();
}

}  // namespace kr::runtime
