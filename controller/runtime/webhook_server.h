#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/runtime/listen_address.h"

namespace kr::runtime {

// Takes what others post to one path, over TLS, from whoever brings the bearer token; HTTP/1.1, on
// one thread of its own. The files are read anew when they change, so that certificates and tokens
// can be rotated: a connection has those of when it was made. While one cannot be read, those of
// before serve.
class WebhookServer {
 public:
  struct Options {
    ListenAddress address;
    std::string path;       // "/api/v1/alerts"
    std::string cert_file;  // PEM, with the chain
    std::string key_file;
    std::string token_file;  // without it nobody is let in
    size_t max_body_bytes = 4 << 20;
    size_t max_connections = 32;  // more are closed at once
    size_t max_header_bytes = 8 << 10;
    absl::Duration timeout = absl::Seconds(10);  // for a request, a handshake, an idle connection
  };

  struct Answer {
    int code = 200;
    std::string message;  // for the sender's log
  };
  // On the server's thread; must be quick. Whatever code it gives, 503 makes the sender try again
  // on another connection.
  using Handler = std::function<Answer(std::string_view body)>;

  // Binds and begins to serve. InvalidArgument for files that cannot be read or do not fit,
  // Unavailable when the address cannot be bound.
  static StatusOr<std::unique_ptr<WebhookServer>> Start(Options options, Handler handler);
  // Closes all connections and joins.
  ~WebhookServer();

  uint16_t port() const;

 private:
  class Impl;
  explicit WebhookServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kr::runtime
