// string.format() as cel-go's strings library has it at version 2, locale en_US: grouped thousands
// in %f, "1.5×10⁰³" in %e.
#include "controller/cel/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "controller/cel/operations.h"
#include "controller/cel/text.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

constexpr int kDefaultPrecision = 6;
constexpr int kMaxPrecision = 1'000;
// Nested lists and maps come from objects, whose depth the API server bounds; this is only against
// what a program makes up.
constexpr int kMaxNesting = 64;

std::string Fixed(double d, int precision) {
  std::array<char, 1'400> buffer;
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, d);
  return std::string(buffer.data(), static_cast<size_t>(length));
}

std::string Grouped(double d, int precision) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "\u221e" : "-\u221e";
  std::string digits = Fixed(d, precision);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = std::min(digits.find('.'), digits.size()); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string Superscript(int exponent) {
  static constexpr std::array<std::string_view, 10> kDigits = {
      "\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
      "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  std::string out = exponent < 0 ? "\u207b" : "";
  std::string digits = std::to_string(std::abs(exponent));
  if (digits.size() < 2) digits.insert(0, "0");
  for (const char c : digits) out += kDigits[static_cast<size_t>(c - '0')];
  return out;
}

// The number of a clause %.Ne is the least width, not the precision: so does cel-go.
std::string Scientific(double d, int width) {
  std::string out;
  if (!std::isfinite(d)) {
    out = Grouped(d, 0);
  } else {
    std::array<char, 64> buffer;
    std::snprintf(buffer.data(), buffer.size(), "%.6e", d);
    const std::string text = buffer.data();
    const size_t e = text.find('e');
    out = text.substr(0, e) + "\u00d710" + Superscript(std::atoi(text.c_str() + e + 1));
  }
  const size_t length = values::CodePoints(out);
  if (length < static_cast<size_t>(width)) out.insert(0, static_cast<size_t>(width) - length, ' ');
  return out;
}

template <typename T>
std::string InBase(T number, int base) {
  std::array<char, 72> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, base).ptr;
  return std::string(buffer.data(), end);
}

std::string HexBytes(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

// A quoted string as Go writes it.
std::string Quoted(std::string_view text) {
  static constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
  static constexpr std::string_view kLetters = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const size_t special = kSpecial.find(c);
    if (special != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kLetters[special]);
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x" + HexBytes(std::string_view(&c, 1));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

Status CannotFormat(const Value& value, char verb) {
  if (value.kind() == Kind::kUnread) return Unread("an argument of format()").error();
  return InvalidArgument(std::string("format(): %") + verb + " takes " +
                         std::string(ClauseTakes(verb)) + ", not " +
                         std::string(TypeNameOf(value)));
}

StatusOr<std::string> Text(const Value& value, int nesting);

// A value inside of a list or a map, as a CEL literal.
StatusOr<std::string> Nested(const Value& value, int nesting) {
  switch (value.kind()) {
    case Kind::kString: {
      std::string scratch;
      return Quoted(*value.Text(scratch));
    }
    case Kind::kBytes:
      return "b" + Quoted(*value.AsBytes());
    case Kind::kDouble: {
      const double d = *value.AsDouble();
      return std::isfinite(d) ? Fixed(d, kDefaultPrecision) : Quoted(DoubleText(d));
    }
    case Kind::kTimestamp:
      return "timestamp(" + Quoted(PlainText(value)) + ")";
    case Kind::kDuration:
      return "duration(" + Quoted(PlainText(value)) + ")";
    default:
      return Text(value, nesting + 1);
  }
}

StatusOr<std::string> List(const Value& value, int nesting) {
  std::string out = "[";
  for (size_t i = 0; i < value.size(); ++i) {
    KR_ASSIGN_OR_RETURN(const std::string element, Nested(value.At(i), nesting));
    out += (i == 0 ? "" : ", ") + element;
  }
  return out + "]";
}

StatusOr<std::string> Map(const Value& value, int nesting) {
  if (!Readable(value)) return Unread("an argument of format()").error();
  std::vector<std::pair<std::string, std::string>> entries;
  for (size_t i = 0; i < value.size(); ++i) {
    const Value key = value.KeyAt(i);
    const Kind kind = key.kind();
    if (kind != Kind::kString && kind != Kind::kBool && kind != Kind::kInt && kind != Kind::kUint) {
      return InvalidArgument("format(): a map with keys of type " + std::string(KindName(kind)) +
                             " cannot be formatted");
    }
    KR_ASSIGN_OR_RETURN(std::string name, Nested(key, nesting));
    KR_ASSIGN_OR_RETURN(std::string text, Nested(value.ValueAt(i), nesting));
    entries.emplace_back(std::move(name), std::move(text));
  }
  std::sort(entries.begin(), entries.end());
  std::string out = "{";
  for (const auto& [name, text] : entries) out += (out.size() == 1 ? "" : ", ") + name + ":" + text;
  return out + "}";
}

StatusOr<std::string> Text(const Value& value, int nesting) {
  if (nesting > kMaxNesting) return InvalidArgument("format(): the value is nested too deeply");
  switch (value.kind()) {
    case Kind::kNull:
      return std::string("null");
    case Kind::kList:
      return List(value, nesting);
    case Kind::kMap:
      return Map(value, nesting);
    case Kind::kBytes:
      if (!values::IsUtf8(*value.AsBytes()))
        return InvalidArgument("format(): the bytes are not UTF-8");
      return *value.AsBytes();
    case Kind::kOptional:
    case Kind::kOpaque:
    case Kind::kUnread:
    case Kind::kError:
      return CannotFormat(value, 's');
    default:
      return PlainText(value);
  }
}

StatusOr<std::string> Integer(const FormatPiece& piece, const Value& value, int base) {
  if (const int64_t* i = value.AsInt()) return InBase(*i, base);
  if (const uint64_t* u = value.AsUint()) return InBase(*u, base);
  return CannotFormat(value, piece.verb);
}

StatusOr<std::string> Hex(const FormatPiece& piece, const Value& value) {
  std::string scratch;
  std::string out;
  if (const auto text = value.Text(scratch)) {
    out = HexBytes(*text);
  } else if (const std::string* bytes = value.AsBytes()) {
    out = HexBytes(*bytes);
  } else {
    KR_ASSIGN_OR_RETURN(out, Integer(piece, value, 16));
  }
  if (piece.verb == 'X') {
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
  return out;
}

StatusOr<std::string> Real(const FormatPiece& piece, const Value& value) {
  std::string scratch;
  double d = 0;
  if (const double* number = value.AsDouble()) {
    d = *number;
  } else {
    // The names of what has no literal are taken as well.
    const auto text = value.Text(scratch);
    if (text != "NaN" && text != "Infinity" && text != "-Infinity") {
      return CannotFormat(value, piece.verb);
    }
    d = *ParseDouble(*text);
  }
  const int number = piece.precision.value_or(kDefaultPrecision);
  return piece.verb == 'f' ? Grouped(d, number) : Scientific(d, number);
}

}  // namespace

std::string_view ClauseTakes(char verb) {
  switch (verb) {
    case 'd':
    case 'o':
      return "ints and uints";
    case 'f':
    case 'e':
      return "doubles";
    case 'b':
      return "ints, uints and bools";
    case 'x':
    case 'X':
      return "ints, uints, strings and bytes";
    default:
      return "text, numbers, bools, times, types, lists and maps";
  }
}

StatusOr<std::vector<FormatPiece>> ParseFormat(std::string_view format) {
  std::vector<FormatPiece> pieces(1);
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      pieces.back().text.push_back(format[i]);
      continue;
    }
    if (++i < format.size() && format[i] == '%') {
      pieces.back().text.push_back('%');
      continue;
    }
    if (i < format.size() && format[i] == '.') {
      int precision = 0;
      const char* begin = format.data() + i + 1;
      const auto [end, error] = std::from_chars(begin, format.data() + format.size(), precision);
      if (error != std::errc() || *begin == '-') {
        return InvalidArgument("a '.' in a format clause wants a number behind it");
      }
      if (precision > kMaxPrecision) {
        return InvalidArgument("a format clause may ask for at most 1000 digits");
      }
      pieces.back().precision = precision;
      i = static_cast<size_t>(end - format.data());
    }
    if (i >= format.size()) return InvalidArgument("the format string ends inside a clause");
    if (std::string_view("sdfebxXo").find(format[i]) == std::string_view::npos) {
      return InvalidArgument(std::string("'%") + format[i] +
                             "' is no format clause; there are %s %d %f %e %b %x %X %o and %%");
    }
    pieces.back().verb = format[i];
    pieces.emplace_back();
  }
  return pieces;
}

StatusOr<std::string> FormatValue(const FormatPiece& piece, const Value& value) {
  switch (piece.verb) {
    case 'd':
      return Integer(piece, value, 10);
    case 'o':
      return Integer(piece, value, 8);
    case 'b':
      if (const bool* b = value.AsBool()) return std::string(*b ? "1" : "0");
      return Integer(piece, value, 2);
    case 'x':
    case 'X':
      return Hex(piece, value);
    case 'f':
    case 'e':
      return Real(piece, value);
    default:
      return Text(value, 0);
  }
}

}  // namespace kr::cel
