#pragma once

#include <string>
#include <string_view>

namespace kr {

// SHA-256 as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

// HMAC-SHA256 (RFC 2104) as 64 lower-case hex digits.
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);

}  // namespace kr
