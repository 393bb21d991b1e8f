#include "controller/cel/literals.h"

#include <cctype>

namespace kr::cel {
namespace {

// The length of the code point that starts at `at`, 0 if none does.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first > 0xF4 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  if (first == 0xE0 && second < 0xA0) return 0;  // overlong
  if (first == 0xED && second > 0x9F) return 0;  // surrogate
  if (first == 0xF0 && second < 0x90) return 0;  // overlong
  if (first == 0xF4 && second > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

// Reads exactly `count` digits of `base` at `at`.
std::optional<uint32_t> Digits(std::string_view text, size_t at, size_t count, uint32_t base) {
  if (at + count > text.size()) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = at; i < at + count; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    uint32_t digit = 99;
    if (std::isdigit(c)) digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

char SimpleEscape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
    case '`':
    case '?':
      return c;
    default:
      return '\0';
  }
}

}  // namespace

void AppendUtf8(uint32_t c, std::string& out) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

size_t CodePoints(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

size_t ByteOffset(std::string_view text, size_t code_point) {
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (seen++ == code_point) return i;
  }
  return text.size();
}

StatusOr<std::string> Unescape(std::string_view body, bool bytes) {
  std::string out;
  out.reserve(body.size());
  for (size_t i = 0; i < body.size();) {
    if (body[i] != '\\') {
      out.push_back(body[i++]);
      continue;
    }
    if (i + 1 == body.size()) return InvalidArgument("the text ends inside an escape");
    const char c = body[i + 1];
    if (const char simple = SimpleEscape(c)) {
      out.push_back(simple);
      i += 2;
      continue;
    }
    std::optional<uint32_t> code;
    size_t length = 0;
    if (c == 'x' || c == 'X') {
      code = Digits(body, i + 2, 2, 16);
      length = 4;
    } else if (c >= '0' && c <= '3') {
      code = Digits(body, i + 1, 3, 8);
      length = 4;
    } else if (c == 'u' || c == 'U') {
      if (bytes) return InvalidArgument("\\u escapes are for strings; bytes take \\x and octal");
      const size_t digits = c == 'u' ? 4 : 8;
      code = Digits(body, i + 2, digits, 16);
      length = 2 + digits;
    }
    if (!code.has_value()) {
      return InvalidArgument("'" + std::string(body.substr(i, 2)) +
                             "...' is no escape; a backslash itself is written \\\\, and raw "
                             "strings r'...' need none");
    }
    if (bytes) {
      out.push_back(static_cast<char>(*code));
    } else if (*code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) {
      return InvalidArgument("the escape is no valid Unicode code point");
    } else {
      AppendUtf8(*code, out);
    }
    i += length;
  }
  return out;
}

}  // namespace kr::cel
