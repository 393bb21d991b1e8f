#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/runtime/health_checks.h"
#include "controller/runtime/listen_address.h"
#include "controller/runtime/metrics.h"

namespace kr::runtime {

// Serves /healthz, /readyz (with ?verbose and ?exclude=name, and /readyz/name) and /metrics over
// plain HTTP, GET and HEAD only, on one thread of its own.
class HealthServer {
 public:
  struct Options {
    ListenAddress address{"0.0.0.0", 8080};
    size_t max_connections = 32;  // more are closed at once
    size_t max_header_bytes = 8 << 10;
    absl::Duration timeout = absl::Seconds(10);  // per request, and for an idle connection
  };

  // Binds and begins to serve. All must outlive the server. Unavailable when the address cannot
  // be bound.
  static StatusOr<std::unique_ptr<HealthServer>> Start(const Options& options,
                                                       const HealthChecks& healthz,
                                                       const HealthChecks& readyz,
                                                       const Metrics& metrics);
  // Closes all connections and joins.
  ~HealthServer();

  // The port that was bound.
  uint16_t port() const;

 private:
  class Impl;
  explicit HealthServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kr::runtime
