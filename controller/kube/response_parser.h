#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/kube/http.h"

namespace kr::kube {

// One HTTP/1.1 answer out of the bytes that arrive, however they are cut. Does no I/O. The body is
// handed on piece by piece, its transfer coding removed, without a limit. Interim answers (1xx)
// are skipped. Not thread-safe.
class ResponseParser {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnHeaders(HttpResponse headers) = 0;  // body empty
    // False when it cannot take `bytes` now: the same bytes are offered again by the next Feed.
    virtual bool OnBody(std::string_view bytes) = 0;
  };

  // `sink` must outlive it.
  explicit ResponseParser(Sink& sink);
  ~ResponseParser();

  // Returns how many of `bytes` were used up; the rest must begin the next Feed, with more behind
  // it (unless the sink did not take them). Unavailable when this is not HTTP.
  StatusOr<std::size_t> Feed(std::string_view bytes);

  // The peer closed the connection. Unavailable when that cuts the answer.
  Status Finish();

  bool started() const;  // a byte of the answer was seen
  bool done() const;     // the whole answer was seen
  // Done, and both sides may use the connection for another request.
  bool reusable() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kr::kube
