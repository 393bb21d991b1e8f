#include "controller/cel/check_literals.h"

#include <utility>

#include "controller/cel/format.h"
#include "controller/cel/function.h"
#include "controller/cel/regex.h"
#include "controller/cel/text.h"

namespace kr::cel {
namespace {

using Kind = Type::Kind;

Status CheckPattern(const Source& source, Expr& call) {
  const Expr& pattern = *call.args[static_cast<size_t>(call.function->pattern)];
  if (!IsLiteral(pattern, Value::Kind::kString)) return OkStatus();
  auto compiled = CompilePattern(*pattern.literal.AsString());
  if (!compiled.ok()) return source.ErrorAt(pattern.offset, Message(compiled.status()));
  call.pattern = *std::move(compiled);
  return OkStatus();
}

Status CheckTime(const Source& source, const Expr& call) {
  const Expr& arg = *call.args[0];
  const bool timestamp = call.name == "timestamp";
  if (const int64_t* seconds = arg.literal.AsInt()) {
    if (!timestamp) {
      return source.ErrorAt(arg.offset, "a duration is written with units: duration('5m')");
    }
    if (*seconds >= absl::ToUnixSeconds(MinTimestamp()) &&
        *seconds <= absl::ToUnixSeconds(MaxTimestamp())) {
      return OkStatus();
    }
    return source.ErrorAt(arg.offset, "the timestamp is outside of the years 1 to 9999");
  }
  if (!IsLiteral(arg, Value::Kind::kString)) return OkStatus();
  const std::string& text = *arg.literal.AsString();
  if (timestamp && !ParseTimestamp(text).has_value()) {
    return source.ErrorAt(arg.offset,
                          "'" + text + "' is no timestamp; one looks like 2006-01-02T15:04:05Z");
  }
  if (!timestamp && !ParseDuration(text).has_value()) {
    return source.ErrorAt(arg.offset, "'" + text +
                                          "' is no duration; one looks like 1h30m or 500ms "
                                          "(units: h, m, s, ms, us, ns)");
  }
  return OkStatus();
}

bool Takes(char verb, Kind kind) {
  if (kind == Kind::kDyn) return true;
  const bool integer = kind == Kind::kInt || kind == Kind::kUint;
  switch (verb) {
    case 'd':
    case 'o':
      return integer;
    case 'b':
      return integer || kind == Kind::kBool;
    case 'x':
    case 'X':
      return integer || kind == Kind::kString || kind == Kind::kBytes;
    case 'f':
    case 'e':
      return kind == Kind::kDouble || kind == Kind::kString;
    default:
      return kind != Kind::kOptional && kind != Kind::kObject && kind != Kind::kOpaque &&
             kind != Kind::kError;
  }
}

Status CheckArgument(const Source& source, TypeSpace& types, char verb, const Expr& arg) {
  if (!Takes(verb, arg.type->kind)) {
    return source.ErrorAt(Begin(arg), std::string("%") + verb + " takes " +
                                          std::string(ClauseTakes(verb)) + ", not " +
                                          types.ToString(arg.type));
  }
  const bool literal = arg.kind == Expr::Kind::kList || arg.kind == Expr::Kind::kMap;
  if (verb != 's' || !literal) return OkStatus();
  for (const ExprPtr& inner : arg.args) {
    KR_RETURN_IF_ERROR(CheckArgument(source, types, verb, *inner));
  }
  return OkStatus();
}

Status CheckFormat(const Source& source, TypeSpace& types, const Expr& call) {
  const Expr& format = *call.args[0];
  const Expr& args = *call.args[1];
  if (!IsLiteral(format, Value::Kind::kString) || args.kind != Expr::Kind::kList) {
    return OkStatus();
  }
  auto pieces = ParseFormat(*format.literal.AsString());
  if (!pieces.ok()) return source.ErrorAt(format.offset, Message(pieces.status()));
  size_t clauses = 0;
  for (const FormatPiece& piece : *pieces) clauses += piece.verb != '\0';
  if (clauses != args.args.size()) {
    return source.ErrorAt(args.offset, "the format string has " + std::to_string(clauses) +
                                           " clauses, but there are " +
                                           std::to_string(args.args.size()) + " arguments");
  }
  for (size_t i = 0; i < clauses; ++i) {
    KR_RETURN_IF_ERROR(CheckArgument(source, types, (*pieces)[i].verb, *args.args[i]));
  }
  return OkStatus();
}

}  // namespace

Status CheckConstantArguments(const Source& source, TypeSpace& types, Expr& call) {
  if (call.function->pattern >= 0) return CheckPattern(source, call);
  if (call.name == "timestamp" || call.name == "duration") return CheckTime(source, call);
  if (call.name == "format") return CheckFormat(source, types, call);
  return OkStatus();
}

}  // namespace kr::cel
