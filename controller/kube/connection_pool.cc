#include "controller/kube/connection_pool.h"

namespace kr::kube {

std::unique_ptr<PooledConnection> ConnectionPool::Take(const PooledConnection::TlsContext& tls) {
  MutexLock lock(mu_);
  std::erase_if(idle_, [&](const auto& pooled) { return !Usable(*pooled, tls); });
  if (idle_.empty()) return nullptr;
  std::unique_ptr<PooledConnection> taken = std::move(idle_.back());
  idle_.pop_back();
  return taken;
}

void ConnectionPool::Put(std::unique_ptr<PooledConnection> connection) {
  connection->idle_since = clock_.Monotonic();
  MutexLock lock(mu_);
  idle_.push_back(std::move(connection));
  if (idle_.size() > options_.max_idle_connections) idle_.erase(idle_.begin());
}

bool ConnectionPool::Usable(PooledConnection& pooled,
                            const PooledConnection::TlsContext& tls) const {
  const MonotonicTime now = clock_.Monotonic();
  return pooled.tls == tls && now - pooled.idle_since <= options_.max_idle_time &&
         now - pooled.opened_at <= options_.max_connection_age && pooled.connection.IsIdle();
}

}  // namespace kr::kube
