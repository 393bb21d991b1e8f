#include "controller/kube/credentials.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "controller/base/log.h"

namespace kr::kube {
namespace {

StatusOr<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file) {
    const char* why = errno != 0 ? std::strerror(errno) : "cannot be read";
    return Unavailable("reading " + path + ": " + why);
  }
  return std::move(content).str();
}

StatusOr<std::string> ReadPem(const PemSource& source) {
  if (!source.data.empty() || source.file.empty()) return source.data;
  return ReadFile(source.file);
}

}  // namespace

// "" when the configuration has no such thing.
StatusOr<std::string> Credentials::ReadAuthorization() {
  KR_ASSIGN_OR_RETURN(const PluginCredential* plugin, Plugin());
  if (plugin != nullptr) return plugin->token.empty() ? "" : "Bearer " + plugin->token;
  if (!cluster_.token_file.empty()) {
    KR_ASSIGN_OR_RETURN(std::string text, ReadFile(cluster_.token_file));
    absl::StripAsciiWhitespace(&text);
    if (text.empty()) return Unavailable("the token file " + cluster_.token_file + " is empty");
    return "Bearer " + text;
  }
  if (!cluster_.token.empty()) return "Bearer " + cluster_.token;
  if (!cluster_.username.empty()) {
    return "Basic " + absl::Base64Escape(cluster_.username + ":" + cluster_.password);
  }
  return std::string();
}

StatusOr<TlsMaterial> Credentials::ReadMaterial() {
  TlsMaterial material;
  KR_ASSIGN_OR_RETURN(material.ca, ReadPem(cluster_.ca));
  KR_ASSIGN_OR_RETURN(const PluginCredential* plugin, Plugin());
  if (plugin != nullptr) {
    material.certificate = plugin->certificate;
    material.key = plugin->key;
  } else {
    KR_ASSIGN_OR_RETURN(material.certificate, ReadPem(cluster_.client_certificate));
    KR_ASSIGN_OR_RETURN(material.key, ReadPem(cluster_.client_key));
  }
  KR_RETURN_IF_ERROR(CheckTls(material));
  return material;
}

StatusOr<const PluginCredential*> Credentials::Plugin() {
  if (!cluster_.exec) return nullptr;
  if (plugin_ && clock_.Now() < plugin_->expires) return &*plugin_;
  if (clock_.Monotonic() - plugin_failed_at_ < kPluginPause) return plugin_error_;
  StatusOr<PluginCredential> fresh = RunPlugin(cluster_, plugins_);
  if (!fresh.ok()) {
    plugin_failed_at_ = clock_.Monotonic();
    plugin_error_ = fresh.status();
    return plugin_error_;
  }
  plugin_ = *std::move(fresh);
  return &*plugin_;
}

Credentials::Credentials(ClusterConfig cluster, Clock& clock, PluginRunner& plugins)
    : cluster_(std::move(cluster)), clock_(clock), plugins_(plugins) {
  if (cluster_.insecure_skip_tls_verify && cluster_.server.tls) {
    log::Warning("Certificate of the API server is not verified",
                 {{"server", cluster_.server.host}, {"configuration", cluster_.origin}});
  }
}

TlsPeer Credentials::peer() const {
  return {
      .name = cluster_.tls_server_name.empty() ? cluster_.server.host : cluster_.tls_server_name,
      .verify = !cluster_.insecure_skip_tls_verify};
}

StatusOr<std::string> Credentials::Authorization() {
  MutexLock lock(mu_);
  const MonotonicTime now = clock_.Monotonic();
  // A plugin's answer says itself how long it holds, to the second.
  const bool expired = plugin_ && clock_.Now() >= plugin_->expires;
  if (now - token_read_at_ <= kMaxAge && !expired) return authorization_;
  StatusOr<std::string> fresh = ReadAuthorization();
  if (fresh.ok()) {
    authorization_ = *std::move(fresh);
  } else if (authorization_.empty()) {
    // The token file of the kubeconfig may be missing where a token is written down.
    if (cluster_.token.empty()) return std::move(fresh).status();
    authorization_ = "Bearer " + cluster_.token;
  } else {
    log::Warning("Token kept because its file was unreadable",
                 {{"reason", Message(fresh.status())}});
  }
  token_read_at_ = now;
  return authorization_;
}

StatusOr<std::shared_ptr<const TlsMaterial>> Credentials::Tls() {
  MutexLock lock(mu_);
  const MonotonicTime now = clock_.Monotonic();
  const bool expired = plugin_ && clock_.Now() >= plugin_->expires;
  if (now - tls_read_at_ <= kMaxAge && !expired) return tls_;
  StatusOr<TlsMaterial> fresh = ReadMaterial();
  if (fresh.ok()) {
    if (tls_ == nullptr || *tls_ != *fresh) {
      tls_ = std::make_shared<const TlsMaterial>(*std::move(fresh));
    }
  } else if (tls_ == nullptr) {
    return std::move(fresh).status();
  } else {
    log::Warning("Certificates kept because their files were unusable",
                 {{"reason", Message(fresh.status())}});
  }
  tls_read_at_ = now;
  return tls_;
}

void Credentials::Invalidate() {
  MutexLock lock(mu_);
  token_read_at_ = kNever;
  tls_read_at_ = kNever;
  plugin_.reset();
}

}  // namespace kr::kube
