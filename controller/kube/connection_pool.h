#pragma once

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/connection.h"

namespace kr::kube {

// A connection with an event loop of its own, which the thread that sends over it runs.
struct PooledConnection {
  using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

  PooledConnection(TlsContext tls_context, MonotonicTime now)
      : tls(std::move(tls_context)), connection(io, tls), opened_at(now) {}

  boost::asio::io_context io{1};
  TlsContext tls;
  Connection connection;
  MonotonicTime opened_at;
  MonotonicTime idle_since;
};

// Idle connections, the last used on top. Thread-safe.
class ConnectionPool {
 public:
  // `clock` must outlive it.
  ConnectionPool(const TransportOptions& options, Clock& clock)
      : options_(options), clock_(clock) {}

  // One that was made with `tls`, is young enough and that the server has not closed; null when
  // there is none. What does not qualify is closed.
  std::unique_ptr<PooledConnection> Take(const PooledConnection::TlsContext& tls);
  void Put(std::unique_ptr<PooledConnection> connection);

 private:
  bool Usable(PooledConnection& pooled, const PooledConnection::TlsContext& tls) const;

  const TransportOptions options_;
  Clock& clock_;

  Mutex mu_;
  std::vector<std::unique_ptr<PooledConnection>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::kube
