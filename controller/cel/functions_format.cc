#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/format.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"

namespace kr::cel {
namespace {

Value Format(const Call& call) {
  std::string scratch;
  const std::string_view format = *call.args[0].Text(scratch);
  const Value& args = call.args[1];
  if (!call.evaluation.ChargeText(format.size())) return Evaluation::Exhausted();
  const auto pieces = ParseFormat(format);
  if (!pieces.ok()) return Value::Failure(pieces.status());
  std::string out;
  size_t next = 0;
  for (const FormatPiece& piece : *pieces) {
    out += piece.text;
    if (piece.verb == '\0') continue;
    if (next == args.size()) return Fail("format() has more clauses than arguments");
    auto text = FormatValue(piece, args.At(next++));
    if (!text.ok()) return Value::Failure(std::move(text).status());
    if (!call.evaluation.ChargeText(text->size())) return Evaluation::Exhausted();
    out += *text;
  }
  return Value::String(std::move(out));
}

}  // namespace

std::vector<FunctionSpec> FormatFunctions() {
  return {{.name = "format", .overloads = {".(string, list(dyn)) string"}, .run = Format}};
}

}  // namespace kr::cel
