#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"
#include "controller/kube/exec_plugin.h"
#include "controller/kube/tls.h"

namespace kr::kube {

// Who we are, fresh enough: token, certificate and CA files are read again when they are older than
// kMaxAge, and at once after the server refused them. When a file cannot be read, or certificate
// and key do not belong together (rotated by half), what was read before stays. A credential plugin
// is run when its answer has expired, or was refused. Thread-safe; every transport to one cluster
// shares one. Reads small files, and runs the plugin, while it holds its lock.
class Credentials {
 public:
  // client-go re-reads token files as often.
  static constexpr absl::Duration kMaxAge = absl::Seconds(60);
  // A plugin that failed is not run again sooner, however many requests want to know who we are.
  static constexpr absl::Duration kPluginPause = absl::Seconds(5);

  // `clock` and `plugins` must outlive it.
  Credentials(ClusterConfig cluster, Clock& clock, PluginRunner& plugins = ProcessRunner());

  const ClusterConfig& cluster() const { return cluster_; }
  TlsPeer peer() const;

  // The value of the Authorization header, "" for none. To be asked for each request: a bound
  // token outlives no long-lived connection. Unavailable when no token could be read yet.
  StatusOr<std::string> Authorization();

  // Certificates for a new connection. The same pointer as before means that nothing rotated; a
  // connection made with another pointer is not used for new requests. Never null; Unavailable
  // when a file could not be read yet.
  StatusOr<std::shared_ptr<const TlsMaterial>> Tls();

  // The server did not accept us (401, or a failed handshake): the next call reads the files.
  void Invalidate();

 private:
  static constexpr MonotonicTime kNever = MonotonicTime(-absl::InfiniteDuration());

  // The plugin's answer, fresh enough; null without a plugin.
  StatusOr<const PluginCredential*> Plugin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StatusOr<std::string> ReadAuthorization() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  StatusOr<TlsMaterial> ReadMaterial() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const ClusterConfig cluster_;
  Clock& clock_;
  PluginRunner& plugins_;

  Mutex mu_;
  std::string authorization_ ABSL_GUARDED_BY(mu_);
  MonotonicTime token_read_at_ ABSL_GUARDED_BY(mu_) = kNever;
  std::shared_ptr<const TlsMaterial> tls_ ABSL_GUARDED_BY(mu_);
  MonotonicTime tls_read_at_ ABSL_GUARDED_BY(mu_) = kNever;
  std::optional<PluginCredential> plugin_ ABSL_GUARDED_BY(mu_);
  Status plugin_error_ ABSL_GUARDED_BY(mu_);
  MonotonicTime plugin_failed_at_ ABSL_GUARDED_BY(mu_) = kNever;
};

}  // namespace kr::kube
