#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kr::document {

// Strings that end in a long lowercase hexadecimal number (container ids, digests) take half the
// room for it. Such strings differ from object to object, so the string pool cannot help.

// The digits at the end of `text` that are worth packing; 0 when they are too few.
size_t PackableHexDigits(std::string_view text);

// Appends `text`, of which the last `digits` are packed: length of the prefix, count of packed
// bytes (each in one byte), the prefix, the packed bytes.
void AppendPackedHex(std::string_view text, size_t digits, std::string& out);

// Writes the string that was packed at `packed` into `out`, replacing what it held.
void WritePackedHex(const char* packed, std::string& out);

}  // namespace kr::document
