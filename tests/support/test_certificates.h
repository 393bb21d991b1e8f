#pragma once

#include <memory>
#include <string>
#include <vector>

namespace kr::testing {

// A certificate and its key, as PEM text.
struct Certificate {
  std::string certificate;
  std::string key;
};

// A certificate authority that lives as long as a test. Keys are P-256: made in a millisecond.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string certificate() const;  // PEM

  // `subject_alternative_names` as OpenSSL writes them: "IP:127.0.0.1", "DNS:kubernetes".
  Certificate IssueServer(const std::vector<std::string>& subject_alternative_names) const;
  // A user, as the API server reads it: the common name.
  Certificate IssueClient(const std::string& user) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kr::testing
