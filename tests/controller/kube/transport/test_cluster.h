#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/kube/config.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test_certificates.h"

namespace kr::kube {

// A scripted HTTPS API server with its own certificate authority, and how to reach it.
struct TestCluster {
  explicit TestCluster(std::vector<std::string> names = {"IP:127.0.0.1"},
                       std::string client_authority = "")
      : server({.certificate = authority.IssueServer(names),
                .client_authority = std::move(client_authority)}) {}

  ClusterConfig Config() const {
    ClusterConfig config;
    config.server = {.tls = true, .host = "127.0.0.1", .port = server.port()};
    config.ca.data = authority.certificate();
    return config;
  }

  testing::TestAuthority authority{"test cluster"};
  testing::ScriptedServer server;
};

inline ClusterConfig PlainConfig(const testing::ScriptedServer& server) {
  ClusterConfig config;
  config.server = {.tls = false, .host = "127.0.0.1", .port = server.port()};
  return config;
}

// Time that a test moves while other threads read it.
class SharedClock final : public Clock {
 public:
  absl::Time Now() const override { return real_.Now(); }
  MonotonicTime Monotonic() const override {
    MutexLock lock(mu_);
    return real_.Monotonic() + ahead_;
  }
  void Advance(absl::Duration d) {
    MutexLock lock(mu_);
    ahead_ += d;
  }

 private:
  RealClock real_;
  mutable Mutex mu_;
  absl::Duration ahead_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

}  // namespace kr::kube
