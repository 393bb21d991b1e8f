#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/kube/credentials.h"
#include "controller/kube/http.h"

// HTTP/1.1 over Boost.Asio and Boost.Beast's parser.
namespace kr::kube {

// "kube-remedy/<version>". The API server takes what stands before the slash as field manager of
// writes that name none.
std::string DefaultUserAgent();

struct TransportOptions {
  std::string user_agent = DefaultUserAgent();
  // Idle connections kept for the next request, and for how long. API servers behind a load
  // balancer are spread again by connections that end.
  std::size_t max_idle_connections = 8;
  absl::Duration max_idle_time = absl::Seconds(90);
  // Age at which a connection is not used for another request.
  absl::Duration max_connection_age = absl::Minutes(5);
  // Longest answer of a single request; a longer one is ResourceExhausted.
  std::size_t max_body_bytes = std::size_t{64} << 20;
};

// Single requests. The calling thread itself drives its connection: no threads of its own (but one
// for names that need DNS). Besides what Transport promises: a request is sent again only when it
// is a GET, its connection was a reused one and not one byte of an answer came; any other request
// that a dead connection swallowed is Unavailable, because it may have been executed.
// `credentials` and `clock` must outlive it; no Send may be running when it is destroyed.
std::unique_ptr<Transport> MakeBeastTransport(Credentials& credentials, Clock& clock,
                                              TransportOptions options = {});

// Streams, on one thread that lives as long as the transport. Bytes are handed on as they arrive,
// at most 32 KiB at a time, without a limit for the whole. Open returns at once, handlers are
// called later. Destroying the transport (from any other thread) ends its thread and all streams;
// no handler is called and no posted task runs from then on, their Stream objects may be destroyed
// before or after.
// `credentials` must outlive it.
std::unique_ptr<StreamTransport> MakeBeastStreamTransport(Credentials& credentials,
                                                          TransportOptions options = {});

}  // namespace kr::kube
