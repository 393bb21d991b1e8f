#include "controller/base/digest.h"

#include <array>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace kr {
namespace {

constexpr size_t kSize = 32;
using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string Hex(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * kSize);
  for (size_t i = 0; i < kSize; ++i) {
    hex.push_back(kDigits[digest[i] >> 4]);
    hex.push_back(kDigits[digest[i] & 15]);
  }
  return hex;
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  Digest digest{};
  unsigned int size = 0;
  // Fails only without memory or without the algorithm: then the digest stays zeros, and names
  // collide, which the check of what already exists finds.
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return Hex(digest);
}

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  Digest digest{};
  unsigned int size = 0;
  // As above: a signature of zeros is refused by whoever verifies it.
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(bytes), bytes.size(),
       digest.data(), &size);
  return Hex(digest);
}

}  // namespace kr
