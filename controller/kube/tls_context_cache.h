#pragma once

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/kube/credentials.h"
#include "controller/kube/tls.h"

namespace kr::kube {

// The OpenSSL context for new connections, built anew only when the certificates rotated: parsing
// a CA bundle per connection would cost more than the handshake. Thread-safe.
class TlsContextCache {
 public:
  // `credentials` must outlive it.
  explicit TlsContextCache(Credentials& credentials) : credentials_(credentials) {}

  // Null when the server speaks plain HTTP. The same pointer as long as nothing rotated.
  StatusOr<std::shared_ptr<boost::asio::ssl::context>> Current();

 private:
  Credentials& credentials_;

  Mutex mu_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<boost::asio::ssl::context> context_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::kube
