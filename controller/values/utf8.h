#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kr::values {

// Appends a code point as UTF-8.
void AppendUtf8(uint32_t code_point, std::string& out);

// False for text that is not UTF-8 (overlong forms and surrogates included).
bool IsUtf8(std::string_view text);
// With U+FFFD in place of each byte that belongs to no code point.
std::string ValidUtf8(std::string_view text);

// The number of code points.
size_t CodePoints(std::string_view text);
// The byte offset of the n-th code point; text.size() when there are not so many.
size_t ByteOffset(std::string_view text, size_t code_point);

}  // namespace kr::values
