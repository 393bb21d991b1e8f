#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"
#include "controller/kube/http.h"

namespace kr::runtime {

// What a request needs of the write permit (write_permit.h) at the moment in which it is sent.
enum class PermitNeed {
  kNone,        // reads, events, the lease itself
  kWrite,       // the permit must outlast request.timeout
  kDisruptive,  // as kWrite, and the quiet time after an unreleased takeover must be over
};

// Which share of the workers may be taken. kAuto: GET is kRead, everything else kWrite.
enum class Lane { kAuto, kRead, kWrite, kBackground };

struct SendOptions {
  PermitNeed permit = PermitNeed::kNone;
  Lane lane = Lane::kAuto;
  // When there is more to send than workers, what comes to the lane within this time goes first.
  absl::Duration patience = absl::ZeroDuration();
};

// How the engine asks the API server something: the request goes out on a worker, the answer comes
// back as an input of the engine. Engine thread only; never blocks.
class ApiSender {
 public:
  using Callback = absl::AnyInvocable<void(StatusOr<kube::Reply>)>;
  virtual ~ApiSender() = default;

  // `done` runs on the engine thread, exactly once, never inside Send (unless the engine stops
  // first: then it is destroyed). Errors are those of kube::Client, or NotSent.
  virtual void Send(kube::HttpRequest request, Callback done, SendOptions options) = 0;
  void Send(kube::HttpRequest request, Callback done) {
    Send(std::move(request), std::move(done), SendOptions());
  }
};

// The request never left this process: no permit, or the sender was stopped first. So the outcome
// of a write is known, unlike after Cancelled, DeadlineExceeded or Unavailable.
Status NotSent(std::string_view why);
bool IsNotSent(const Status& status);

}  // namespace kr::runtime
