#pragma once

#include <memory>

#include "controller/base/clock.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/credentials.h"
#include "controller/kube/http.h"

namespace kr::kube {

// Single requests over cpprestsdk, in a build with KR_CPPREST. Besides what Transport promises:
// - The library sends a request again on its own, POST included, when the server closed a reused
//   connection before it answered: our own success may come back as 409. Every write must carry a
//   precondition or a deterministic name.
// - It keeps idle connections as it likes; of `options` only the user agent and the body limit
//   are honoured.
// The process-wide thread pool is set to two threads by the first call.
// `credentials` must outlive it; no Send may be running when it is destroyed.
std::unique_ptr<Transport> MakeCpprestTransport(Credentials& credentials,
                                                TransportOptions options = {});

}  // namespace kr::kube
