#include "controller/kube/tls.h"

#include <array>
#include <memory>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace kr::kube {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<&BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freer<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<&X509_STORE_free>>;

bool IsIpAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// The newest entry of OpenSSL's error queue of this thread, which is emptied.
std::string TakeError() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "not PEM" : reason;
}

Status Problem(std::string_view what) {
  return InvalidArgument(std::string(what) + ": " + TakeError());
}

BioPtr Reader(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Never asks for a passphrase on the terminal: an encrypted key is an error.
int NoPassphrase(char*, int, int, void*) {
  return -1;
}

X509Ptr NextCertificate(BIO* reader) {
  return X509Ptr(PEM_read_bio_X509(reader, nullptr, &NoPassphrase, nullptr));
}

// Adds every certificate in `pem`.
Status Trust(X509_STORE* store, const std::string& pem) {
  const BioPtr reader = Reader(pem);
  int count = 0;
  while (X509Ptr certificate = NextCertificate(reader.get())) {
    X509_STORE_add_cert(store, certificate.get());
    ++count;
  }
  if (count == 0) return Problem("the certificate authority holds no certificate");
  ERR_clear_error();  // the end of the text
  return OkStatus();
}

// A fresh store instead of adding to the context's: cpprestsdk has put the system's roots there
// before it asks us, and they would stay trusted.
Status TrustOnly(SSL_CTX* context, const std::string& pem) {
  StorePtr store(X509_STORE_new());
  KR_RETURN_IF_ERROR(Trust(store.get(), pem));
  SSL_CTX_set_cert_store(context, store.release());
  return OkStatus();
}

Status Present(SSL_CTX* context, const TlsMaterial& material) {
  const BioPtr certificates = Reader(material.certificate);
  const X509Ptr leaf = NextCertificate(certificates.get());
  if (leaf == nullptr || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Problem("the client certificate cannot be used");
  }
  while (X509Ptr issuer = NextCertificate(certificates.get())) {
    SSL_CTX_add1_chain_cert(context, issuer.get());
  }
  ERR_clear_error();  // the end of the text

  const BioPtr key_text = Reader(material.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, &NoPassphrase, nullptr));
  if (key == nullptr) return Problem("the client key cannot be read");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Problem("the client certificate and key do not belong together");
  }
  return OkStatus();
}

// In place of OpenSSL's call of X509_verify_cert. A callback that Boost or cpprestsdk installed
// would check the host once more by its own rules (subject names, no tls-server-name): replaced.
int VerifyChain(X509_STORE_CTX* store_context, void*) {
  X509_STORE_CTX_set_verify_cb(store_context, [](int ok, X509_STORE_CTX*) { return ok; });
  return X509_verify_cert(store_context);
}

void Verify(SSL_CTX* context, const TlsPeer& peer) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &VerifyChain, nullptr);
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IsIpAddress(peer.name)) {
    X509_VERIFY_PARAM_set1_ip_asc(param, peer.name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(param, peer.name.data(), peer.name.size());
  }
}

}  // namespace

Status ConfigureTls(ssl_ctx_st* context, const TlsMaterial& material, const TlsPeer& peer) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // A watch is idle most of the time: its record buffers need not be held meanwhile.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (!material.ca.empty()) {
    KR_RETURN_IF_ERROR(TrustOnly(context, material.ca));
  } else if (peer.verify) {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (!material.extra_ca.empty()) {
    KR_RETURN_IF_ERROR(Trust(SSL_CTX_get_cert_store(context), material.extra_ca));
  }
  if (!material.certificate.empty()) KR_RETURN_IF_ERROR(Present(context, material));
  if (peer.verify) {
    Verify(context, peer);
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  }
  return OkStatus();
}

Status CheckTls(const TlsMaterial& material) {
  const std::unique_ptr<SSL_CTX, Freer<&SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  return ConfigureTls(context.get(), material, {.name = "check", .verify = false});
}

std::string_view SniName(const TlsPeer& peer) {
  return IsIpAddress(peer.name) ? std::string_view() : std::string_view(peer.name);
}

std::string CertificateProblem(const ssl_st* connection) {
  const long result = SSL_get_verify_result(connection);
  return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

}  // namespace kr::kube
