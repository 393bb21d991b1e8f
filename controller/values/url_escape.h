#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::values {

// The parts of a URL, each with its own set of characters that stand for themselves.
enum class UrlPart : uint8_t { kPath, kHost, kZone, kUser, kQuery, kFragment };

// Whether the byte must be written as %XX in that part.
bool MustEscape(unsigned char c, UrlPart part);
std::string Escape(std::string_view text, UrlPart part);
// InvalidArgument for a '%' without two hexadecimal digits and, in a host, for what cannot stand
// in one.
StatusOr<std::string> Unescape(std::string_view text, UrlPart part);
// True for text as a person may have escaped it, not more and not less than necessary.
bool IsEscaped(std::string_view text, UrlPart part);

}  // namespace kr::values
