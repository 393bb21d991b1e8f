#pragma once

#include <string>
#include <string_view>

#include "controller/base/status.h"

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // OpenSSL's SSL_CTX

// The one TLS set-up that both transports use.
namespace kr::kube {

// What a handshake needs, as PEM text.
struct TlsMaterial {
  std::string ca;           // "" = the system's roots
  std::string extra_ca;     // trusted beside those; "" = none
  std::string certificate;  // ours, with its chain; "" = none
  std::string key;
  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

struct TlsPeer {
  std::string name;    // DNS name or IP address that the server's certificate must carry
  bool verify = true;  // false: insecure-skip-tls-verify
};

// Sets up a fresh client context: TLS 1.2 or newer; exactly the given CA is trusted (a certificate
// in it that is not self-signed is an anchor too, as in Go), and `extra_ca` beside it; the peer's
// name is looked for in the subject alternative names only, DNS or IP. The verification is wholly
// ours: a verify callback that a library puts on the connection later is not asked. Errors:
// InvalidArgument, says which of CA, certificate and key is wrong and why.
Status ConfigureTls(ssl_ctx_st* context, const TlsMaterial& material, const TlsPeer& peer);

// What ConfigureTls would say about `material`.
Status CheckTls(const TlsMaterial& material);

// The name for SNI: "" when the peer is an IP address (RFC 6066).
std::string_view SniName(const TlsPeer& peer);

// Why the last handshake refused the server's certificate; "" when it did not.
std::string CertificateProblem(const ssl_st* connection);

}  // namespace kr::kube
