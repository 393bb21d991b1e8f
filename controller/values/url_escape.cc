#include "controller/values/url_escape.h"

#include "absl/strings/ascii.h"

namespace kr::values {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool OneOf(char c, std::string_view set) {
  return set.find(c) != set.npos;
}

Status BadEscape(std::string_view escape) {
  return InvalidArgument("invalid URL escape \"" + std::string(escape.substr(0, 3)) + "\"");
}

}  // namespace

bool MustEscape(unsigned char byte, UrlPart part) {
  const auto c = static_cast<char>(byte);
  if (absl::ascii_isalnum(byte) || OneOf(c, "-_.~")) return false;
  const bool host = part == UrlPart::kHost || part == UrlPart::kZone;
  if (host && OneOf(c, "!$&'()*+,;=:[]<>\"")) return false;
  if (OneOf(c, "$&+,/:;=?@")) {
    switch (part) {
      case UrlPart::kPath:
        return c == '?';
      case UrlPart::kUser:
        return OneOf(c, "@/?:");
      case UrlPart::kFragment:
        return false;
      default:
        return true;
    }
  }
  return !(part == UrlPart::kFragment && OneOf(c, "!()*"));
}

std::string Escape(std::string_view text, UrlPart part) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (MustEscape(byte, part)) {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out;
}

StatusOr<std::string> Unescape(std::string_view text, UrlPart part) {
  const bool host = part == UrlPart::kHost || part == UrlPart::kZone;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return BadEscape(text.substr(i));
      const auto byte = static_cast<unsigned char>(high << 4 | low);
      // Only bytes beyond ASCII may be escaped in a host, in a zone also spaces and what need not
      // be escaped; "%25" is how a zone begins.
      if (part == UrlPart::kHost && high < 8 && byte != '%') return BadEscape(text.substr(i));
      if (part == UrlPart::kZone && byte != '%' && byte != ' ' &&
          MustEscape(byte, UrlPart::kHost)) {
        return BadEscape(text.substr(i));
      }
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else if (c == '+' && part == UrlPart::kQuery) {
      out.push_back(' ');
    } else {
      const auto byte = static_cast<unsigned char>(c);
      if (host && byte < 0x80 && MustEscape(byte, part)) {
        return InvalidArgument("invalid character \"" +
                               std::string(c == '"' || c == '\\' ? "\\" : "") + c +
                               "\" in host name");
      }
      out.push_back(c);
    }
  }
  return out;
}

bool IsEscaped(std::string_view text, UrlPart part) {
  for (const char c : text) {
    if (!OneOf(c, "!$&'()*+,;=:@[]%") && MustEscape(static_cast<unsigned char>(c), part)) {
      return false;
    }
  }
  return true;
}

}  // namespace kr::values
