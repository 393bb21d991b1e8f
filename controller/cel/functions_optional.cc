#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"
#include "controller/cel/text.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

// What optional.ofNonZeroValue leaves out.
bool IsZero(const Value& v) {
  switch (v.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return !*v.AsBool();
    case Kind::kInt:
      return *v.AsInt() == 0;
    case Kind::kUint:
      return *v.AsUint() == 0;
    case Kind::kDouble:
      return *v.AsDouble() == 0;
    case Kind::kBytes:
      return v.AsBytes()->empty();
    case Kind::kString: {
      std::string scratch;
      return v.Text(scratch)->empty();
    }
    case Kind::kTimestamp:
      return v.AsInstant()->at == MinTimestamp();
    case Kind::kDuration:
      return v.AsSpan()->length == absl::ZeroDuration();
    case Kind::kList:
    case Kind::kMap:
      return v.size() == 0;
    default:
      return false;
  }
}

Value Of(const Call& call) {
  return Value::Some(call.args[0]);
}

Value OfNonZeroValue(const Call& call) {
  if (!Readable(call.args[0])) return Unread("the argument of optional.ofNonZeroValue()");
  return IsZero(call.args[0]) ? Value::None() : Value::Some(call.args[0]);
}

Value None(const Call&) {
  return Value::None();
}

Value Inner(const Call& call) {
  const Value* inner = call.args[0].Inner();
  return inner == nullptr ? Fail("optional.none() has no value()") : *inner;
}

Value HasValue(const Call& call) {
  return Value::Bool(call.args[0].Inner() != nullptr);
}

Value Unwrap(const Call& call) {
  List list;
  for (size_t i = 0; i < call.args[0].size(); ++i) {
    const Value element = call.args[0].At(i);
    if (element.kind() != Kind::kOptional) {
      return Fail("element " + std::to_string(i) + " of the list is no optional");
    }
    if (element.Inner() != nullptr) list.push_back(*element.Inner());
  }
  return Value::FromList(std::move(list));
}

}  // namespace

std::vector<FunctionSpec> OptionalFunctions() {
  return {
      {.name = "optional.of",
       .overloads = {"(A) optional(A)"},
       .run = Of,
       .now = NowUse::kKeep,
       .read = ReadUse::kSame},
      {.name = "optional.ofNonZeroValue", .overloads = {"(A) optional(A)"}, .run = OfNonZeroValue},
      {.name = "optional.none", .overloads = {"() optional(A)"}, .run = None},
      {.name = "value",
       .overloads = {".(optional(A)) A"},
       .run = Inner,
       .now = NowUse::kKeep,
       .read = ReadUse::kSame},
      {.name = "hasValue",
       .overloads = {".(optional(A)) bool"},
       .run = HasValue,
       .now = NowUse::kBound,
       .read = ReadUse::kPresence},
      // Evaluation runs these two itself: their argument may never be needed.
      {.name = "or",
       .overloads = {".(optional(A), optional(A)) optional(A)"},
       .now = NowUse::kKeep,
       .read = ReadUse::kSame},
      {.name = "orValue",
       .overloads = {".(optional(A), A) A"},
       .now = NowUse::kKeep,
       .read = ReadUse::kSame},
      {.name = "optional.unwrap",
       .overloads = {"(list(optional(A))) list(A)"},
       .run = Unwrap,
       .now = NowUse::kKeep,
       .read = ReadUse::kElements},
      {.name = "unwrapOpt",
       .overloads = {".(list(optional(A))) list(A)"},
       .run = Unwrap,
       .now = NowUse::kKeep,
       .read = ReadUse::kElements},
  };
}

}  // namespace kr::cel
