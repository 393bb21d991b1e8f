#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"
#include "controller/kube/connection_pool.h"
#include "controller/kube/response_parser.h"

namespace kr::kube {

// One request on one connection, driven by the calling thread until it is answered, its time is
// over or it is stopped: Open (unless the connection is open), Run, Conclude. Not thread-safe.
class Exchange final : public ResponseParser::Sink {
 public:
  struct Limits {
    MonotonicTime deadline;
    std::size_t max_body_bytes = 0;  // a longer answer is ResourceExhausted
  };

  struct Outcome {
    Status status;
    HttpResponse response;  // as far as it came; code 0: not at all
    bool answer_began = false;
    bool reusable = false;
  };

  // `line` and `clock` must outlive it.
  Exchange(PooledConnection& line, const ServerAddress& server, const Limits& limits, Clock& clock,
           std::stop_token stop);

  // Unavailable, DeadlineExceeded, Cancelled.
  Status Open(Endpoints endpoints, std::string_view sni);
  // The same, and ResourceExhausted. `request`: the bytes of it.
  Status Run(std::string_view request);
  // To be called once, at the end, with what came of it.
  Outcome Conclude(Status status);

  void OnHeaders(HttpResponse headers) override;
  bool OnBody(std::string_view bytes) override;

 private:
  static constexpr std::size_t kReadSize = 16 * 1024;
  struct Result {
    ErrorCode error;
    std::size_t bytes = 0;
  };

  Status ReadAnswer();
  template <typename Start>
  Result Await(Start start);
  Status Explain(const ErrorCode& error, std::string_view doing) const;

  PooledConnection& line_;
  const std::string peer_;
  const Limits limits_;
  Clock& clock_;
  const std::stop_token stop_;
  bool expired_ = false;
  bool too_large_ = false;
  HttpResponse response_;
  ResponseParser parser_{*this};
  std::array<char, kReadSize> buffer_;
  std::size_t filled_ = 0;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace kr::kube
