#include "tests/support/test_certificates.h"

#include <atomic>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace kr::testing {
namespace {

constexpr long kLifetimeSeconds = 24 * 60 * 60;

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Freer<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<&BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<&X509_EXTENSION_free>>;

KeyPtr NewKey() {
  return KeyPtr(EVP_EC_gen("P-256"));
}

template <typename Write>
std::string ToPem(Write write) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  write(memory.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string CertificatePem(X509* certificate) {
  return ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

std::string KeyPem(EVP_PKEY* key) {
  return ToPem(
      [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

X509Ptr NewCertificate(const std::string& common_name, EVP_PKEY* key, const X509* issuer) {
  static std::atomic<long> serial = 1;
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifetimeSeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(),
                       issuer == nullptr ? subject : X509_get_subject_name(issuer));
  return certificate;
}

void Extend(X509* certificate, int nid, const std::string& value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

struct TestAuthority::Parts {
  KeyPtr key;
  X509Ptr certificate;

  Certificate Issue(const std::string& common_name, const std::string& usage,
                    const std::string& alternative_names) const {
    const KeyPtr leaf_key = NewKey();
    const X509Ptr leaf = NewCertificate(common_name, leaf_key.get(), certificate.get());
    Extend(leaf.get(), NID_ext_key_usage, usage);
    if (!alternative_names.empty()) {
      Extend(leaf.get(), NID_subject_alt_name, alternative_names);
    }
    X509_sign(leaf.get(), key.get(), EVP_sha256());
    return {.certificate = CertificatePem(leaf.get()), .key = KeyPem(leaf_key.get())};
  }
};

TestAuthority::TestAuthority(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->key = NewKey();
  parts_->certificate = NewCertificate(name, parts_->key.get(), nullptr);
  Extend(parts_->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(parts_->certificate.get(), parts_->key.get(), EVP_sha256());
}

TestAuthority::~TestAuthority() = default;

std::string TestAuthority::certificate() const {
  return CertificatePem(parts_->certificate.get());
}

Certificate TestAuthority::IssueServer(
    const std::vector<std::string>& subject_alternative_names) const {
  std::string joined;
  for (const std::string& name : subject_alternative_names) {
    joined.append(joined.empty() ? "" : ",").append(name);
  }
  return parts_->Issue("test server", "serverAuth", joined);
}

Certificate TestAuthority::IssueClient(const std::string& user) const {
  return parts_->Issue(user, "clientAuth", "");
}

}  // namespace kr::testing
