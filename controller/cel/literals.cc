#include "controller/cel/literals.h"

#include <cctype>

#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

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
      values::AppendUtf8(*code, out);
    }
    i += length;
  }
  return out;
}

}  // namespace kr::cel
