// Recursive descent, one function per level of precedence:
//   expression = or ["?" or ":" expression];  or = and {"||" and};  and = relation {"&&" relation}
//   relation = sum {("<" "<=" ">=" ">" "==" "!=" "in") sum};  sum = product {("+" "-") product}
//   product = unary {("*" "/" "%") unary};  unary = {"!"} member | {"-"} member
//   member = primary {"." name | ".?" name | "." name "(" args ")" | "[" expression "]"}
// A chain of && or || is one node, so that only real nesting counts as depth.
#include "controller/cel/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/numbers.h"
#include "controller/cel/lexer.h"
#include "controller/cel/macros.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

using Kind = Expr::Kind;

constexpr std::array<std::string_view, 17> kReserved = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

bool IsReserved(std::string_view word) {
  return std::find(kReserved.begin(), kReserved.end(), word) != kReserved.end();
}

class Parser {
 public:
  Parser(const Source& source, std::vector<Token> tokens)
      : source_(source), tokens_(std::move(tokens)) {}

  StatusOr<ExprPtr> Run() {
    KR_ASSIGN_OR_RETURN(ExprPtr e, Expression());
    if (Current().kind != Token::Kind::kEnd) {
      return ErrorHere(std::string("unexpected ") + Describe(Current()) +
                       " after the end of the expression");
    }
    return e;
  }

 private:
  // Counts nested calls of Expression and the like; parentheses make no node.
  class Nesting {
   public:
    explicit Nesting(size_t& level) : level_(level) { ++level_; }
    ~Nesting() { --level_; }

   private:
    size_t& level_;
  };

  const Token& Current() const { return tokens_[at_]; }
  bool Is(std::string_view symbol) const {
    return Current().kind == Token::Kind::kSymbol && Current().text == symbol;
  }
  bool Accept(std::string_view symbol) {
    if (!Is(symbol)) return false;
    ++at_;
    return true;
  }
  static std::string Describe(const Token& token) {
    return token.kind == Token::Kind::kEnd ? "end of the expression"
                                           : "'" + std::string(token.text) + "'";
  }
  Status ErrorHere(std::string_view message) const {
    return source_.ErrorAt(Current().offset, message);
  }
  Status Expect(std::string_view symbol, std::string_view context) {
    if (Accept(symbol)) return OkStatus();
    return ErrorHere("expected '" + std::string(symbol) + "' " + std::string(context) + ", found " +
                     Describe(Current()));
  }

  ExprPtr Make(Kind kind, uint32_t offset) {
    auto e = std::make_unique<Expr>();
    e->kind = kind;
    e->offset = offset;
    return e;
  }
  Status TooDeep(uint32_t offset) const {
    return source_.ErrorAt(
        offset, "the expression is nested more than " + std::to_string(kMaxDepth) + " levels deep");
  }
  // Adds a child, keeping count of the depth.
  Status Adopt(Expr& parent, ExprPtr child) {
    parent.depth = std::max(parent.depth, static_cast<uint16_t>(child->depth + 1));
    parent.args.push_back(std::move(child));
    return parent.depth > kMaxDepth ? TooDeep(parent.offset) : OkStatus();
  }
  StatusOr<ExprPtr> Operator(std::string name, uint32_t offset, ExprPtr a, ExprPtr b = nullptr) {
    ExprPtr e = Make(Kind::kCall, offset);
    e->name = std::move(name);
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(a)));
    if (b != nullptr) KR_RETURN_IF_ERROR(Adopt(*e, std::move(b)));
    return e;
  }

  StatusOr<ExprPtr> Expression() {
    const Nesting nesting(level_);
    if (level_ > kMaxDepth) return TooDeep(Current().offset);
    KR_ASSIGN_OR_RETURN(ExprPtr condition, Logical("||"));
    const uint32_t offset = Current().offset;
    if (!Accept("?")) return condition;
    ExprPtr e = Make(Kind::kConditional, offset);
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(condition)));
    KR_ASSIGN_OR_RETURN(ExprPtr yes, Logical("||"));
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(yes)));
    KR_RETURN_IF_ERROR(Expect(":", "between the two results of '?'"));
    KR_ASSIGN_OR_RETURN(ExprPtr no, Expression());
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(no)));
    return e;
  }

  StatusOr<ExprPtr> Logical(std::string_view symbol) {
    const bool is_or = symbol == "||";
    KR_ASSIGN_OR_RETURN(ExprPtr first, is_or ? Logical("&&") : Relation());
    if (!Is(symbol)) return first;
    ExprPtr e = Make(is_or ? Kind::kOr : Kind::kAnd, Current().offset);
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(first)));
    while (Accept(symbol)) {
      KR_ASSIGN_OR_RETURN(ExprPtr next, is_or ? Logical("&&") : Relation());
      KR_RETURN_IF_ERROR(Adopt(*e, std::move(next)));
    }
    return e;
  }

  // A left-associative chain of the given operators.
  template <size_t n>
  StatusOr<ExprPtr> Chain(const std::array<std::string_view, n>& symbols,
                          StatusOr<ExprPtr> (Parser::*operand)()) {
    KR_ASSIGN_OR_RETURN(ExprPtr left, (this->*operand)());
    while (Current().kind == Token::Kind::kSymbol &&
           std::find(symbols.begin(), symbols.end(), Current().text) != symbols.end()) {
      const Token op = tokens_[at_++];
      KR_ASSIGN_OR_RETURN(ExprPtr right, (this->*operand)());
      const std::string name = op.text == "in" ? "@in" : "_" + std::string(op.text) + "_";
      KR_ASSIGN_OR_RETURN(left, Operator(name, op.offset, std::move(left), std::move(right)));
    }
    return left;
  }
  StatusOr<ExprPtr> Relation() {
    return Chain(std::array<std::string_view, 7>{"<", "<=", ">=", ">", "==", "!=", "in"},
                 &Parser::Sum);
  }
  StatusOr<ExprPtr> Sum() {
    return Chain(std::array<std::string_view, 2>{"+", "-"}, &Parser::Product);
  }
  StatusOr<ExprPtr> Product() {
    return Chain(std::array<std::string_view, 3>{"*", "/", "%"}, &Parser::Unary);
  }

  StatusOr<ExprPtr> Unary() {
    const size_t begin = at_;
    const std::string symbol = Is("!") ? "!" : "-";
    while (Accept(symbol)) {
      if (at_ - begin > kMaxDepth) return TooDeep(Current().offset);
    }
    // The last minus belongs to a number: -9223372036854775808 is one.
    const Token::Kind next = Current().kind;
    const bool signed_number =
        at_ > begin && symbol == "-" && (next == Token::Kind::kInt || next == Token::Kind::kDouble);
    if (signed_number) --at_;
    const size_t count = at_ - begin;
    KR_ASSIGN_OR_RETURN(ExprPtr e, Member());
    for (size_t i = count; i > 0; --i) {
      KR_ASSIGN_OR_RETURN(e, Operator(symbol + "_", tokens_[begin + i - 1].offset, std::move(e)));
    }
    return e;
  }

  StatusOr<ExprPtr> Member() {
    KR_ASSIGN_OR_RETURN(ExprPtr e, Primary());
    while (true) {
      if (Is(".")) {
        KR_ASSIGN_OR_RETURN(e, Dot(std::move(e)));
      } else if (Is("[")) {
        ExprPtr index = Make(Kind::kIndex, tokens_[at_++].offset);
        index->optional = Accept("?");
        KR_RETURN_IF_ERROR(Adopt(*index, std::move(e)));
        KR_ASSIGN_OR_RETURN(ExprPtr key, Expression());
        KR_RETURN_IF_ERROR(Adopt(*index, std::move(key)));
        KR_RETURN_IF_ERROR(Expect("]", "after the index"));
        e = std::move(index);
      } else if (Is("{")) {
        const std::string name = QualifiedName(*e);
        if (name.empty()) return e;
        return source_.ErrorAt(e->offset, "'" + name +
                                              "{...}' would build a message, and there are no "
                                              "message types here; maps are written {\"key\": "
                                              "value}");
      } else {
        return e;
      }
    }
  }

  StatusOr<ExprPtr> Dot(ExprPtr operand) {
    ++at_;
    const bool optional = Accept("?");
    if (Current().kind != Token::Kind::kIdent) {
      const bool word = Current().kind == Token::Kind::kSymbol && !Current().text.empty() &&
                        Current().text[0] >= 'a' && Current().text[0] <= 'z';
      return ErrorHere(
          "expected a field name after '.', found " + Describe(Current()) +
          (word ? "; a field of that name is read as x['" + std::string(Current().text) + "']"
                : ""));
    }
    const Token name = tokens_[at_++];
    if (!optional && Is("(")) {
      std::vector<ExprPtr> args;
      args.push_back(std::move(operand));
      return Call(name, std::move(args), /*member=*/true);
    }
    ExprPtr e = Make(Kind::kSelect, name.offset);
    e->name = std::string(name.text);
    e->optional = optional;
    KR_RETURN_IF_ERROR(Adopt(*e, std::move(operand)));
    return e;
  }

  // Behind the name of a function, at its "(".
  StatusOr<ExprPtr> Call(const Token& name, std::vector<ExprPtr> args, bool member) {
    ++at_;
    if (!Is(")")) {
      do {
        KR_ASSIGN_OR_RETURN(ExprPtr arg, Expression());
        args.push_back(std::move(arg));
      } while (Accept(","));
    }
    KR_RETURN_IF_ERROR(Expect(")", "after the arguments of " + std::string(name.text) + "()"));
    ExprPtr e = Make(Kind::kCall, name.offset);
    e->name = std::string(name.text);
    e->member = member;
    for (ExprPtr& arg : args) KR_RETURN_IF_ERROR(Adopt(*e, std::move(arg)));
    KR_RETURN_IF_ERROR(ExpandMacro(source_, *e));
    return e;
  }

  StatusOr<ExprPtr> Primary() {
    const Token token = Current();
    switch (token.kind) {
      case Token::Kind::kEnd:
        return ErrorHere(at_ == 0 ? "the expression is empty"
                                  : "the expression ends where a value is expected");
      case Token::Kind::kIdent:
        return Name();
      case Token::Kind::kInt:
      case Token::Kind::kUint:
      case Token::Kind::kDouble:
        ++at_;
        return Number(token, /*negative=*/false);
      case Token::Kind::kString:
      case Token::Kind::kBytes:
        ++at_;
        return Literal(token, token.kind == Token::Kind::kString ? Value::String(token.value)
                                                                 : Value::Bytes(token.value));
      case Token::Kind::kSymbol:
        break;
    }
    ++at_;
    if (token.text == "true" || token.text == "false") {
      return Literal(token, Value::Bool(token.text == "true"));
    }
    if (token.text == "null") return Literal(token, Value());
    if (token.text == "-") return Number(tokens_[at_++], /*negative=*/true);
    if (token.text == "(") {
      KR_ASSIGN_OR_RETURN(ExprPtr e, Expression());
      KR_RETURN_IF_ERROR(Expect(")", "to close the parenthesis"));
      return e;
    }
    if (token.text == "[") return ListLiteral(token);
    if (token.text == "{") return MapLiteral(token);
    --at_;
    if (token.text == ".") {
      ++at_;
      if (Current().kind == Token::Kind::kIdent) return Name();
    }
    return ErrorHere("expected a value, found " + Describe(Current()));
  }

  StatusOr<ExprPtr> Name() {
    const Token token = tokens_[at_++];
    if (IsReserved(token.text)) {
      return source_.ErrorAt(token.offset,
                             "'" + std::string(token.text) + "' is a reserved word of CEL");
    }
    if (Is("(")) return Call(token, {}, /*member=*/false);
    ExprPtr e = Make(Kind::kIdent, token.offset);
    e->name = std::string(token.text);
    return e;
  }

  StatusOr<ExprPtr> Literal(const Token& token, Value value) {
    ExprPtr e = Make(Kind::kLiteral, token.offset);
    e->literal = std::move(value);
    return e;
  }

  StatusOr<ExprPtr> Number(const Token& token, bool negative) {
    const auto out_of_range = [&](std::string_view type) {
      return source_.ErrorAt(token.offset, (negative ? "-" : "") + std::string(token.text) +
                                               " is out of the range of " + std::string(type));
    };
    if (token.kind == Token::Kind::kDouble) {
      double d = 0;
      if (!absl::SimpleAtod({token.text.data(), token.text.size()}, &d) ||
          d > std::numeric_limits<double>::max()) {
        return out_of_range("double");
      }
      return Literal(token, Value::Double(negative ? -d : d));
    }
    std::string_view digits = token.text;
    const bool is_uint = token.kind == Token::Kind::kUint;
    if (is_uint) digits.remove_suffix(1);
    const bool hex = digits.substr(0, 2) == "0x";
    if (hex) digits.remove_prefix(2);
    uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, hex ? 16 : 10);
    if (error != std::errc()) return out_of_range(is_uint ? "uint" : "int");
    if (is_uint) return Literal(token, Value::Uint(magnitude));
    const uint64_t limit = uint64_t{1} << 63;
    if (magnitude > limit || (magnitude == limit && !negative)) return out_of_range("int");
    return Literal(token, Value::Int(static_cast<int64_t>(negative ? 0 - magnitude : magnitude)));
  }

  StatusOr<ExprPtr> ListLiteral(const Token& open) {
    ExprPtr e = Make(Kind::kList, open.offset);
    while (!Is("]")) {
      e->optional_entries.push_back(Accept("?"));
      KR_ASSIGN_OR_RETURN(ExprPtr element, Expression());
      KR_RETURN_IF_ERROR(Adopt(*e, std::move(element)));
      if (!Accept(",")) break;
    }
    KR_RETURN_IF_ERROR(Expect("]", "to close the list"));
    return e;
  }

  StatusOr<ExprPtr> MapLiteral(const Token& open) {
    ExprPtr e = Make(Kind::kMap, open.offset);
    while (!Is("}")) {
      e->optional_entries.push_back(Accept("?"));
      KR_ASSIGN_OR_RETURN(ExprPtr key, Expression());
      KR_RETURN_IF_ERROR(Adopt(*e, std::move(key)));
      KR_RETURN_IF_ERROR(Expect(":", "after the key of a map"));
      KR_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      KR_RETURN_IF_ERROR(Adopt(*e, std::move(value)));
      if (!Accept(",")) break;
    }
    KR_RETURN_IF_ERROR(Expect("}", "to close the map"));
    return e;
  }

  const Source& source_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t level_ = 0;
};

}  // namespace

uint32_t Begin(const Expr& e) {
  uint32_t begin = e.offset;
  for (const ExprPtr& arg : e.args) begin = std::min(begin, Begin(*arg));
  return begin;
}

std::string QualifiedName(const Expr& e) {
  if (e.kind == Kind::kIdent) return e.name;
  if (e.kind != Kind::kSelect || e.optional || e.test_only) return "";
  const std::string prefix = QualifiedName(*e.args[0]);
  return prefix.empty() ? "" : prefix + "." + e.name;
}

StatusOr<ExprPtr> Parse(const Source& source) {
  if (source.text().size() > kMaxExpressionBytes) {
    return source.ErrorAt(
        0, "the expression is longer than " + std::to_string(kMaxExpressionBytes) + " bytes");
  }
  if (!values::IsUtf8(source.text())) return source.ErrorAt(0, "the expression is not valid UTF-8");
  KR_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(source, std::move(tokens)).Run();
}

}  // namespace kr::cel
