// The strings library of cel-go at the version of Kubernetes 1.34. All positions count code points.
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"
#include "controller/cel/text_search.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

// The text arguments of a call, paid for; strings of Documents may need the scratch space.
class Texts {
 public:
  explicit Texts(const Call& call) {
    size_t bytes = 0;
    for (size_t i = 0; i < call.args.size() && i < kMost; ++i) {
      if (const auto text = call.args[i].Text(scratch_[i])) texts_[i] = *text;
      bytes += texts_[i].size();
    }
    affordable_ = call.evaluation.ChargeText(bytes);
  }
  Texts(const Texts&) = delete;
  Texts& operator=(const Texts&) = delete;

  bool affordable() const { return affordable_; }
  std::string_view operator[](size_t i) const { return texts_[i]; }

 private:
  static constexpr size_t kMost = 3;
  std::string scratch_[kMost];
  std::string_view texts_[kMost];
  bool affordable_ = false;
};

Value OutOfRange(int64_t index) {
  return Fail("index out of range: " + std::to_string(index));
}

// The byte offset of a position in 0..length, npos for one outside.
size_t Place(std::string_view text, int64_t position) {
  if (position < 0) return std::string_view::npos;
  const size_t length = values::CodePoints(text);
  if (static_cast<uint64_t>(position) > length) return std::string_view::npos;
  return values::ByteOffset(text, static_cast<size_t>(position));
}

Value Contains(const Call& call) {
  const Texts text(call);
  if (!text.affordable()) return Evaluation::Exhausted();
  return Value::Bool(text[0].find(text[1]) != std::string_view::npos);
}

Value StartsWith(const Call& call) {
  const Texts text(call);
  return Value::Bool(text[0].substr(0, text[1].size()) == text[1]);
}

Value EndsWith(const Call& call) {
  const Texts text(call);
  return Value::Bool(text[0].size() >= text[1].size() &&
                     text[0].substr(text[0].size() - text[1].size()) == text[1]);
}

Value CharAt(const Call& call) {
  const Texts text(call);
  const int64_t index = *call.args[1].AsInt();
  const size_t begin = Place(text[0], index);
  if (begin == std::string_view::npos) return OutOfRange(index);
  const std::string_view rest = text[0].substr(begin);
  return Value::String(std::string(rest.substr(0, values::ByteOffset(rest, 1))));
}

Value Substring(const Call& call) {
  const Texts text(call);
  const int64_t first = *call.args[1].AsInt();
  const size_t begin = Place(text[0], first);
  size_t end = text[0].size();
  if (call.args.size() == 3) {
    const int64_t last = *call.args[2].AsInt();
    if (first > last) {
      return Fail("substring(" + std::to_string(first) + ", " + std::to_string(last) +
                  ") begins behind its end");
    }
    end = Place(text[0], last);
    if (end == std::string_view::npos) return OutOfRange(last);
  }
  if (begin == std::string_view::npos) return OutOfRange(first);
  return Value::String(std::string(text[0].substr(begin, end - begin)));
}

}  // namespace

// indexOf(x) and indexOf(x, from)
Value IndexOfText(const Call& call) {
  const Texts text(call);
  if (!text.affordable()) return Evaluation::Exhausted();
  const int64_t from = call.args.size() == 3 ? *call.args[2].AsInt() : 0;
  if (text[1].empty()) return Value::Int(from);
  if (from < 0) return OutOfRange(from);
  const size_t begin = Place(text[0], from);
  if (begin == std::string_view::npos) return Value::Int(-1);
  const size_t found = text[0].find(text[1], begin);
  if (found == std::string_view::npos) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(values::CodePoints(text[0].substr(0, found))));
}

// lastIndexOf(x) and lastIndexOf(x, to): the last match that begins at or before `to`.
Value LastIndexOfText(const Call& call) {
  const Texts text(call);
  if (!text.affordable()) return Evaluation::Exhausted();
  size_t latest = std::string_view::npos;
  if (call.args.size() == 3) {
    const int64_t to = *call.args[2].AsInt();
    if (text[1].empty()) return Value::Int(to);
    if (to < 0) return OutOfRange(to);
    latest = Place(text[0], to);
    if (latest == std::string_view::npos || latest == text[0].size()) return Value::Int(-1);
  } else if (text[1].empty()) {
    return Value::Int(static_cast<int64_t>(values::CodePoints(text[0])));
  }
  const size_t found = text[0].rfind(text[1], latest);
  if (found == std::string_view::npos) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(values::CodePoints(text[0].substr(0, found))));
}

namespace {

template <char first, char last, int shift>
Value ShiftCase(const Call& call) {
  const Texts text(call);
  std::string out(text[0]);
  for (char& c : out) {
    if (c >= first && c <= last) c = static_cast<char>(c + shift);
  }
  return Value::String(std::move(out));
}

// How many matches replace() or split() may use; Go reads a negative number as "all".
size_t Most(const Call& call, size_t argument) {
  if (call.args.size() <= argument) return std::string_view::npos;
  const int64_t n = *call.args[argument].AsInt();
  return n < 0 ? std::string_view::npos : static_cast<size_t>(n);
}

Value Replace(const Call& call) {
  const Texts text(call);
  if (!text.affordable()) return Evaluation::Exhausted();
  const size_t most = Most(call, 3);
  std::string out;
  size_t at = 0;
  for (size_t count = 0; count < most; ++count) {
    // An empty pattern matches before every code point and at the end.
    size_t found = at;
    if (!text[1].empty()) {
      found = text[0].find(text[1], at);
    } else if (count > 0) {
      if (at >= text[0].size()) break;
      found = at + values::ByteOffset(text[0].substr(at), 1);
    }
    if (found == std::string_view::npos) break;
    if (!call.evaluation.ChargeText(found - at + text[2].size())) return Evaluation::Exhausted();
    out.append(text[0].substr(at, found - at)).append(text[2]);
    at = found + text[1].size();
  }
  return Value::String(out.append(text[0].substr(at)));
}

Value Split(const Call& call) {
  const Texts text(call);
  const size_t most = Most(call, 2);
  List parts;
  if (most == 0 || (text[0].empty() && text[1].empty())) return Value::FromList({});
  size_t at = 0;
  while (parts.size() + 1 < most) {
    const size_t found = text[1].empty() ? at + values::ByteOffset(text[0].substr(at), 1)
                                         : text[0].find(text[1], at);
    if (found == std::string_view::npos || (text[1].empty() && found >= text[0].size())) break;
    if (!call.evaluation.Charge(1)) return Evaluation::Exhausted();
    parts.push_back(Value::String(std::string(text[0].substr(at, found - at))));
    at = found + text[1].size();
  }
  parts.push_back(Value::String(std::string(text[0].substr(at))));
  return Value::FromList(std::move(parts));
}

// The length of the white space of Unicode that `text` begins with.
size_t LeadingSpace(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first == ' ' || (first >= '\t' && first <= '\r')) return 1;
  for (const std::string_view two : {"\u0085", "\u00a0"}) {
    if (text.substr(0, 2) == two) return 2;
  }
  for (const std::string_view three :
       {"\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
        "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"}) {
    if (text.substr(0, 3) == three) return 3;
  }
  return 0;
}

Value Trim(const Call& call) {
  const Texts text(call);
  std::string_view rest = text[0];
  while (!rest.empty()) {
    const size_t space = LeadingSpace(rest);
    if (space == 0) break;
    rest.remove_prefix(space);
  }
  while (!rest.empty()) {
    size_t last = rest.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(rest[last]) & 0xC0) == 0x80) --last;
    if (LeadingSpace(rest.substr(last)) == 0) break;
    rest.remove_suffix(rest.size() - last);
  }
  return Value::String(std::string(rest));
}

Value Join(const Call& call) {
  const Value& list = call.args[0];
  std::string scratch;
  const std::string separator =
      call.args.size() == 2 ? std::string(*call.args[1].Text(scratch)) : "";
  std::string out;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string element_scratch;
    const Value element = list.At(i);
    const auto text = element.Text(element_scratch);
    if (!text.has_value()) {
      if (element.kind() == Value::Kind::kUnread) return Unread("an element of the list");
      return Fail("join() takes strings, element " + std::to_string(i) + " is " +
                  std::string(TypeNameOf(element)));
    }
    if (!call.evaluation.ChargeText(text->size() + separator.size())) {
      return Evaluation::Exhausted();
    }
    if (i > 0) out += separator;
    out += *text;
  }
  return Value::String(std::move(out));
}

Value Quote(const Call& call) {
  const Texts text(call);
  std::string out = "\"";
  for (const char c : text[0]) {
    static constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
    static constexpr std::string_view kLetters = "abfnrtv\\\"";
    const size_t special = kSpecial.find(c);
    if (special == std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('\\');
      out.push_back(kLetters[special]);
    }
  }
  return Value::String(out + "\"");
}

}  // namespace

std::vector<FunctionSpec> StringFunctions() {
  return {
      {.name = "charAt", .overloads = {".(string, int) string"}, .run = CharAt},
      {.name = "contains", .overloads = {".(string, string) bool"}, .run = Contains},
      {.name = "endsWith", .overloads = {".(string, string) bool"}, .run = EndsWith},
      {.name = "startsWith", .overloads = {".(string, string) bool"}, .run = StartsWith},
      {.name = "join",
       .overloads = {".(list(string)) string", ".(list(string), string) string"},
       .run = Join},
      {.name = "lowerAscii",
       .overloads = {".(string) string"},
       .run = ShiftCase<'A', 'Z', 'a' - 'A'>},
      {.name = "upperAscii",
       .overloads = {".(string) string"},
       .run = ShiftCase<'a', 'z', 'A' - 'a'>},
      {.name = "replace",
       .overloads = {".(string, string, string) string", ".(string, string, string, int) string"},
       .run = Replace},
      {.name = "split",
       .overloads = {".(string, string) list(string)", ".(string, string, int) list(string)"},
       .run = Split},
      {.name = "strings.quote", .overloads = {"(string) string"}, .run = Quote},
      {.name = "substring",
       .overloads = {".(string, int) string", ".(string, int, int) string"},
       .run = Substring},
      {.name = "trim", .overloads = {".(string) string"}, .run = Trim},
  };
}

}  // namespace kr::cel
