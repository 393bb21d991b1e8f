#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"
#include "controller/cel/time_math.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

Value NoOperator(const Call& call, std::string_view symbol) {
  for (const Value& arg : call.args) {
    if (arg.kind() == Kind::kUnread) return Unread("an operand of " + std::string(symbol));
  }
  std::string message =
      "no such overload: '" + std::string(symbol) + "' of " + std::string(TypeNameOf(call.args[0]));
  if (call.args.size() > 1) message += " and " + std::string(TypeNameOf(call.args[1]));
  return Fail(message);
}

Value Overflow(std::string_view symbol) {
  return Fail("integer overflow in '" + std::string(symbol) + "'");
}

Value Equals(const Call& call) {
  return EqualValue(call.evaluation, call.args[0], call.args[1]);
}

// What cannot be compared is not equal: only == makes an error of it, as in Kubernetes.
Value NotEquals(const Call& call) {
  const Value equal = SameValue(call.evaluation, call.args[0], call.args[1]);
  return equal.is_error() ? equal : Value::Bool(!*equal.AsBool());
}

// The four ordering operators: `wanted` says of the order's sign whether the answer is true.
template <Validity::Test test, bool negated>
Value Ordering(const Call& call, std::string_view symbol) {
  const auto order = Order(call.evaluation, call.args[0], call.args[1], test);
  if (!order.has_value()) return NoOperator(call, symbol);
  const bool holds = test == Validity::Test::kLess ? *order < 0 : *order <= 0;
  return Value::Bool(holds != negated);
}

Value Less(const Call& call) {
  return Ordering<Validity::Test::kLess, false>(call, "<");
}
Value LessOrEqual(const Call& call) {
  return Ordering<Validity::Test::kLessOrEqual, false>(call, "<=");
}
Value Greater(const Call& call) {
  return Ordering<Validity::Test::kLessOrEqual, true>(call, ">");
}
Value GreaterOrEqual(const Call& call) {
  return Ordering<Validity::Test::kLess, true>(call, ">=");
}

Value AddLists(const Call& call) {
  const Value& a = call.args[0];
  const Value& b = call.args[1];
  if (!call.evaluation.Charge(a.size() + b.size())) return Evaluation::Exhausted();
  List list;
  list.reserve(a.size() + b.size());
  for (size_t i = 0; i < a.size(); ++i) list.push_back(a.At(i));
  for (size_t i = 0; i < b.size(); ++i) list.push_back(b.At(i));
  return Value::FromList(std::move(list));
}

Value AddText(const Call& call) {
  std::string x, y;
  const std::string_view a = *call.args[0].Text(x);
  const std::string_view b = *call.args[1].Text(y);
  if (!call.evaluation.ChargeText(a.size() + b.size())) return Evaluation::Exhausted();
  std::string sum;
  sum.reserve(a.size() + b.size());
  sum.append(a).append(b);
  return Value::String(std::move(sum));
}

// Integers and doubles; the built-ins report overflow.
#define KR_CEL_INTEGERS(name, builtin, symbol)                                 \
  Value name##Numbers(const Call& call) {                                      \
    const Value& a = call.args[0];                                             \
    const Value& b = call.args[1];                                             \
    if (a.AsInt() != nullptr && b.AsInt() != nullptr) {                        \
      int64_t result = 0;                                                      \
      if (builtin(*a.AsInt(), *b.AsInt(), &result)) return Overflow(symbol);   \
      return Value::Int(result);                                               \
    }                                                                          \
    if (a.AsUint() != nullptr && b.AsUint() != nullptr) {                      \
      uint64_t result = 0;                                                     \
      if (builtin(*a.AsUint(), *b.AsUint(), &result)) return Overflow(symbol); \
      return Value::Uint(result);                                              \
    }                                                                          \
    return NoOperator(call, symbol);                                           \
  }
KR_CEL_INTEGERS(Add, __builtin_add_overflow, "+")
KR_CEL_INTEGERS(Subtract, __builtin_sub_overflow, "-")
KR_CEL_INTEGERS(Multiply, __builtin_mul_overflow, "*")
#undef KR_CEL_INTEGERS

bool BothDouble(const Call& call) {
  return call.args[0].AsDouble() != nullptr && call.args[1].AsDouble() != nullptr;
}

Value Add(const Call& call) {
  const Kind a = call.args[0].kind();
  const Kind b = call.args[1].kind();
  if (BothDouble(call)) return Value::Double(*call.args[0].AsDouble() + *call.args[1].AsDouble());
  if (a == Kind::kTimestamp || a == Kind::kDuration) {
    const auto sum = AddTimes(call.evaluation.validity(), call.args[0], call.args[1]);
    return sum.has_value() ? *sum : NoOperator(call, "+");
  }
  if (a == b && a == Kind::kString) return AddText(call);
  if (a == b && a == Kind::kList) return AddLists(call);
  if (a == b && a == Kind::kBytes) {
    const size_t size = call.args[0].AsBytes()->size() + call.args[1].AsBytes()->size();
    if (!call.evaluation.ChargeText(size)) return Evaluation::Exhausted();
    return Value::Bytes(*call.args[0].AsBytes() + *call.args[1].AsBytes());
  }
  return AddNumbers(call);
}

Value Subtract(const Call& call) {
  const Kind a = call.args[0].kind();
  if (BothDouble(call)) return Value::Double(*call.args[0].AsDouble() - *call.args[1].AsDouble());
  if (a == Kind::kTimestamp || a == Kind::kDuration) {
    const auto difference = SubtractTimes(call.evaluation.validity(), call.args[0], call.args[1]);
    return difference.has_value() ? *difference : NoOperator(call, "-");
  }
  return SubtractNumbers(call);
}

Value Multiply(const Call& call) {
  if (BothDouble(call)) return Value::Double(*call.args[0].AsDouble() * *call.args[1].AsDouble());
  return MultiplyNumbers(call);
}

// Division and modulus of integers: `remainder` chooses.
Value DivideIntegers(const Call& call, bool remainder) {
  const std::string_view symbol = remainder ? "%" : "/";
  const Value& a = call.args[0];
  const Value& b = call.args[1];
  if (a.AsInt() != nullptr && b.AsInt() != nullptr) {
    const int64_t x = *a.AsInt();
    const int64_t y = *b.AsInt();
    if (y == 0) return Fail(remainder ? "modulus by zero" : "division by zero");
    if (y == -1 && x == std::numeric_limits<int64_t>::min()) return Overflow(symbol);
    return Value::Int(remainder ? x % y : x / y);
  }
  if (a.AsUint() != nullptr && b.AsUint() != nullptr) {
    const uint64_t y = *b.AsUint();
    if (y == 0) return Fail(remainder ? "modulus by zero" : "division by zero");
    return Value::Uint(remainder ? *a.AsUint() % y : *a.AsUint() / y);
  }
  return NoOperator(call, symbol);
}

Value Divide(const Call& call) {
  if (BothDouble(call)) return Value::Double(*call.args[0].AsDouble() / *call.args[1].AsDouble());
  return DivideIntegers(call, /*remainder=*/false);
}

Value Modulo(const Call& call) {
  return DivideIntegers(call, /*remainder=*/true);
}

Value Negate(const Call& call) {
  const Value& a = call.args[0];
  if (const double* d = a.AsDouble()) return Value::Double(-*d);
  if (const auto* span = a.AsSpan()) return NegateSpan(call.evaluation.validity(), *span);
  if (const int64_t* i = a.AsInt()) {
    if (*i == std::numeric_limits<int64_t>::min()) return Overflow("-");
    return Value::Int(-*i);
  }
  return NoOperator(call, "-");
}

Value Not(const Call& call) {
  const bool* b = call.args[0].AsBool();
  return b == nullptr ? NoOperator(call, "!") : Value::Bool(!*b);
}

Value In(const Call& call) {
  const Value& wanted = call.args[0];
  const Value& container = call.args[1];
  if (container.is_map()) {
    if (wanted.kind() == Kind::kUnread) return NoOperator(call, "in");
    const auto found = Find(call.evaluation, container, wanted);
    if (found.has_value() && found->kind() == Kind::kUnread &&
        found->AsNode()->kind() == document::Kind::kUnprojected) {
      return Unread("a key of the map");
    }
    return Value::Bool(found.has_value());
  }
  if (!container.is_list()) return NoOperator(call, "in");
  for (size_t i = 0; i < container.size(); ++i) {
    Value equal = SameValue(call.evaluation, wanted, container.At(i));
    if (equal.is_error() || *equal.AsBool()) return equal;
  }
  return Value::Bool(false);
}

std::vector<std::string_view> OrderingOverloads() {
  return {"(bool, bool) bool",
          "(int, int) bool",
          "(int, double) bool",
          "(int, uint) bool",
          "(uint, uint) bool",
          "(uint, double) bool",
          "(uint, int) bool",
          "(double, double) bool",
          "(double, int) bool",
          "(double, uint) bool",
          "(string, string) bool",
          "(bytes, bytes) bool",
          "(timestamp, timestamp) bool",
          "(duration, duration) bool"};
}

}  // namespace

std::vector<FunctionSpec> OperatorFunctions() {
  const auto bound = [](std::string_view name, Value (*run)(const Call&),
                        std::vector<std::string_view> overloads) {
    return FunctionSpec{.name = name,
                        .overloads = std::move(overloads),
                        .run = run,
                        .now = NowUse::kBound,
                        .guard = Guard::kNone};
  };
  const auto keep = [](std::string_view name, Value (*run)(const Call&),
                       std::vector<std::string_view> overloads) {
    return FunctionSpec{.name = name,
                        .overloads = std::move(overloads),
                        .run = run,
                        .now = NowUse::kKeep,
                        .guard = Guard::kNone};
  };
  return {
      bound("_==_", Equals, {"(A, A) bool"}),
      bound("_!=_", NotEquals, {"(A, A) bool"}),
      bound("_<_", Less, OrderingOverloads()),
      bound("_<=_", LessOrEqual, OrderingOverloads()),
      bound("_>_", Greater, OrderingOverloads()),
      bound("_>=_", GreaterOrEqual, OrderingOverloads()),
      keep("_+_", Add,
           {"(bytes, bytes) bytes", "(double, double) double", "(duration, duration) duration",
            "(duration, timestamp) timestamp", "(timestamp, duration) timestamp", "(int, int) int",
            "(list(A), list(A)) list(A)", "(string, string) string", "(uint, uint) uint"}),
      keep("_-_", Subtract,
           {"(double, double) double", "(duration, duration) duration", "(int, int) int",
            "(timestamp, duration) timestamp", "(timestamp, timestamp) duration",
            "(uint, uint) uint"}),
      bound("_*_", Multiply, {"(double, double) double", "(int, int) int", "(uint, uint) uint"}),
      bound("_/_", Divide, {"(double, double) double", "(int, int) int", "(uint, uint) uint"}),
      bound("_%_", Modulo, {"(int, int) int", "(uint, uint) uint"}),
      keep("-_", Negate, {"(double) double", "(int) int"}),
      bound("!_", Not, {"(bool) bool"}),
      bound("@in", In, {"(A, list(A)) bool", "(A, map(A, B)) bool"}),
      // Evaluated by Evaluation itself; here for their types.
      {.name = "_[_]",
       .overloads = {"(list(A), int) A", "(map(A, B), A) B", "(optional(list(A)), int) optional(A)",
                     "(optional(map(A, B)), A) optional(B)"}},
      {.name = "_[?_]",
       .overloads = {"(list(A), int) optional(A)", "(optional(list(A)), int) optional(A)",
                     "(map(A, B), A) optional(B)", "(optional(map(A, B)), A) optional(B)"}},
  };
}

}  // namespace kr::cel
