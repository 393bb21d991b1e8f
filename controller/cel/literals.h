#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::cel {

// Resolves the escapes of CEL in what stands between the quotes of a string literal, or of a bytes
// literal, where \x and octal escapes are single bytes and \u is refused. The error is a sentence
// without place.
StatusOr<std::string> Unescape(std::string_view body, bool bytes);

// Appends a code point as UTF-8.
void AppendUtf8(uint32_t code_point, std::string& out);

// False for text that is not UTF-8 (overlong forms and surrogates included).
bool IsUtf8(std::string_view text);

// The number of code points.
size_t CodePoints(std::string_view text);
// The byte offset of the n-th code point; text.size() when there are not so many.
size_t ByteOffset(std::string_view text, size_t code_point);

}  // namespace kr::cel
