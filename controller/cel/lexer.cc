#include "controller/cel/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "controller/cel/literals.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

// Longest first: "<=" before "<".
constexpr std::array<std::string_view, 25> kSymbols = {
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "(", ")", "[", "]", "{",
    "}",  ".",  ",",  "-",  "!",  "?",  ":", "+", "*", "/", "%", "="};

bool IsIdentStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsIdent(char c) {
  return IsIdentStart(c) || IsDigit(c);
}

class Lexer {
 public:
  explicit Lexer(const Source& source) : source_(source), text_(source.text()) {}

  StatusOr<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    while (true) {
      SkipBlanks();
      KR_ASSIGN_OR_RETURN(Token token, Next());
      tokens.push_back(std::move(token));
      if (tokens.back().kind == Token::Kind::kEnd) return tokens;
    }
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Status Error(size_t offset, std::string_view message) const {
    return source_.ErrorAt(static_cast<uint32_t>(offset), message);
  }

  Token Take(Token::Kind kind, size_t begin) const {
    return {kind, static_cast<uint32_t>(begin), text_.substr(begin, at_ - begin), {}};
  }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      if (std::string_view(" \t\r\n\f").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else if (Peek() == '/' && Peek(1) == '/') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  StatusOr<Token> Next() {
    const size_t begin = at_;
    if (at_ == text_.size()) return Take(Token::Kind::kEnd, begin);
    const char c = text_[at_];
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (StringPrefix() != std::string_view::npos) return Text();
    if (IsIdentStart(c)) {
      while (IsIdent(Peek())) ++at_;
      Token token = Take(Token::Kind::kIdent, begin);
      if (token.text == "in" || token.text == "true" || token.text == "false" ||
          token.text == "null") {
        token.kind = Token::Kind::kSymbol;
      }
      return token;
    }
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) != symbol) continue;
      if (symbol == "=") return Error(begin, "'=' is no operator; equality is '=='");
      at_ += symbol.size();
      return Take(Token::Kind::kSymbol, begin);
    }
    if (c == '&' || c == '|') {
      return Error(begin, std::string("'") + c + "' is no operator; did you mean '" + c + c + "'?");
    }
    if (c == '`') {
      return Error(begin, "names in backquotes are not supported; write object['a.b/c']");
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t length = values::ByteOffset(text_.substr(at_), 1);
      return Error(begin, "unexpected character '" + std::string(text_.substr(at_, length)) +
                              "' outside of a string");
    }
    return Error(begin, std::string("unexpected character '") +
                            (std::isprint(static_cast<unsigned char>(c)) ? c : '?') + "'");
  }

  StatusOr<Token> Number() {
    const size_t begin = at_;
    const auto digits = [&] {
      while (IsDigit(Peek())) ++at_;
    };
    auto kind = Token::Kind::kInt;
    if (Peek() == '0' && Peek(1) == 'x' && std::isxdigit(static_cast<unsigned char>(Peek(2)))) {
      at_ += 2;
      while (std::isxdigit(static_cast<unsigned char>(Peek()))) ++at_;
    } else {
      digits();
      if (Peek() == '.' && IsDigit(Peek(1))) {
        kind = Token::Kind::kDouble;
        ++at_;
        digits();
      }
      const size_t sign = Peek(1) == '+' || Peek(1) == '-';
      if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(1 + sign))) {
        kind = Token::Kind::kDouble;
        at_ += 1 + sign;
        digits();
      }
    }
    if (kind == Token::Kind::kInt && (Peek() == 'u' || Peek() == 'U')) {
      kind = Token::Kind::kUint;
      ++at_;
    }
    if (IsIdent(Peek())) {
      while (IsIdent(Peek())) ++at_;
      return Error(begin, "'" + std::string(text_.substr(begin, at_ - begin)) + "' is no number");
    }
    return Take(kind, begin);
  }

  // How many letters (r, b, in either order and case) stand before a quote at the current place;
  // npos if none opens here.
  size_t StringPrefix() const {
    size_t n = 0;
    bool raw = false;
    bool bytes = false;
    while (true) {
      const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(Peek(n))));
      if (c == '"' || c == '\'') return n;
      // b comes before r: br'..' is bytes, rb'..' is none.
      if (c == 'r' && !raw) {
        raw = true;
      } else if (c == 'b' && !bytes && !raw) {
        bytes = true;
      } else {
        return std::string_view::npos;
      }
      ++n;
    }
  }

  StatusOr<Token> Text() {
    const size_t begin = at_;
    const size_t prefix = StringPrefix();
    bool raw = false;
    bool bytes = false;
    for (size_t i = 0; i < prefix; ++i) {
      (std::tolower(static_cast<unsigned char>(Peek(i))) == 'r' ? raw : bytes) = true;
    }
    at_ += prefix;
    const char quote = Peek();
    const std::string triple(3, quote);
    const std::string close = text_.substr(at_, 3) == triple ? triple : std::string(1, quote);
    at_ += close.size();
    const size_t body = at_;
    while (text_.substr(at_, close.size()) != close) {
      if (at_ >= text_.size() || (close.size() == 1 && (Peek() == '\n' || Peek() == '\r'))) {
        return Error(begin, "the string has no closing " + close);
      }
      // The text may end with a backslash.
      at_ = std::min(at_ + (!raw && Peek() == '\\' ? 2 : 1), text_.size());
    }
    const std::string_view inside = text_.substr(body, at_ - body);
    at_ += close.size();
    Token token = Take(bytes ? Token::Kind::kBytes : Token::Kind::kString, begin);
    if (raw) {
      token.value = std::string(inside);
      return token;
    }
    auto value = Unescape(inside, bytes);
    if (!value.ok()) return Error(begin, Message(value.status()));
    token.value = *std::move(value);
    return token;
  }

  const Source& source_;
  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

StatusOr<std::vector<Token>> Tokenize(const Source& source) {
  return Lexer(source).Run();
}

}  // namespace kr::cel
