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

// "" when the configuration has no such thing.
StatusOr<std::string> ReadAuthorization(const ClusterConfig& cluster) {
  if (!cluster.token_file.empty()) {
    KR_ASSIGN_OR_RETURN(std::string text, ReadFile(cluster.token_file));
    absl::StripAsciiWhitespace(&text);
    if (text.empty()) return Unavailable("the token file " + cluster.token_file + " is empty");
    return "Bearer " + text;
  }
  if (!cluster.token.empty()) return "Bearer " + cluster.token;
  if (!cluster.username.empty()) {
    return "Basic " + absl::Base64Escape(cluster.username + ":" + cluster.password);
  }
  return std::string();
}

StatusOr<TlsMaterial> ReadMaterial(const ClusterConfig& cluster) {
  TlsMaterial material;
  KR_ASSIGN_OR_RETURN(material.ca, ReadPem(cluster.ca));
  KR_ASSIGN_OR_RETURN(material.certificate, ReadPem(cluster.client_certificate));
  KR_ASSIGN_OR_RETURN(material.key, ReadPem(cluster.client_key));
  KR_RETURN_IF_ERROR(CheckTls(material));
  return material;
}

}  // namespace

Credentials::Credentials(ClusterConfig cluster, Clock& clock)
    : cluster_(std::move(cluster)), clock_(clock) {
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
  if (now - token_read_at_ <= kMaxAge) return authorization_;
  StatusOr<std::string> fresh = ReadAuthorization(cluster_);
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
  if (now - tls_read_at_ <= kMaxAge) return tls_;
  StatusOr<TlsMaterial> fresh = ReadMaterial(cluster_);
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
}

}  // namespace kr::kube
