#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"

namespace kr::kube {

// A request as data: built by request.h, sent by a Transport, compared in tests.
struct HttpRequest {
  std::string method = "GET";
  std::string target;        // path and query, escaped
  std::string content_type;  // of the body
  std::string accept = "application/json";
  std::string body;
  // From sending to the last byte of the answer; for a stream: to the headers.
  absl::Duration timeout = absl::Seconds(30);
};

struct HttpResponse {
  int code = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Sends single requests to the one API server it was made for. Thread-safe; blocks at most for
// request.timeout. Any HTTP answer is OK here, also 500. Errors: Unavailable (not connected, or
// the connection broke: for a write the outcome is unknown), DeadlineExceeded, Cancelled (stop).
// Redirects are never followed. Credentials are added here, per request.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual StatusOr<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) = 0;
};

// Receives one stream, on the stream thread: OnHeaders, then OnData any number of times, then
// OnEnd once (always, unless the Stream was destroyed). Must not block.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void OnHeaders(const HttpResponse& headers) = 0;  // body empty
  virtual void OnData(std::string_view bytes) = 0;
  // OK: the server ended the answer cleanly. Otherwise as for Transport::Send; DeadlineExceeded
  // also when the hard stop passed.
  virtual void OnEnd(const Status& status) = 0;
};

// An open stream. Destroying it cancels: no call to the handler happens afterwards. To be used on
// the stream thread only.
class Stream {
 public:
  virtual ~Stream() = default;
  // Back-pressure: stops reading from the socket until Resume.
  virtual void Pause() = 0;
  virtual void Resume() = 0;
};

// Opens long answers (watches, lists) on one io thread of its own.
class StreamTransport {
 public:
  virtual ~StreamTransport() = default;
  // `hard_stop` bounds the whole stream. A silent stream is healthy: dead peers are found by TCP
  // keepalive. Stream thread only (see Post).
  virtual std::unique_ptr<Stream> Open(const HttpRequest& request, absl::Duration hard_stop,
                                       StreamHandler& handler) = 0;
  // Runs `task` on the stream thread, now or after `delay`. Thread-safe.
  virtual void Post(std::function<void()> task, absl::Duration delay = absl::ZeroDuration()) = 0;
};

}  // namespace kr::kube
