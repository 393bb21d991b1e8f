// Quantities and semantic versions: texts that have an order of their own. They share the names of
// their comparisons.
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/cel/operations.h"
#include "controller/values/quantity.h"
#include "controller/values/semver.h"

namespace kr::cel {
namespace {

using values::Quantity;
using values::Semver;

template <typename T>
bool SameOrder(const T& a, const T& b) {
  return a.Compare(b) == 0;
}
using QuantityValue = OpaqueOf<Quantity, kQuantityType, SameOrder<Quantity>>;
using SemverValue = OpaqueOf<Semver, kSemverType, SameOrder<Semver>>;

template <typename T>
Value OrError(StatusOr<T> result, Value (*make)(T)) {
  return result.ok() ? make(*std::move(result)) : Value::Failure(std::move(result).status());
}

StatusOr<Quantity> ParseQuantity(const Call& call) {
  std::string scratch;
  const std::string_view text = *call.args[0].Text(scratch);
  if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted().error();
  return Quantity::Parse(text);
}

StatusOr<Semver> ParseSemver(const Call& call) {
  std::string scratch;
  const std::string_view text = *call.args[0].Text(scratch);
  if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted().error();
  const bool tolerant = call.args.size() == 2 && *call.args[1].AsBool();
  return tolerant ? Semver::ParseTolerant(text) : Semver::Parse(text);
}

Value ToQuantity(const Call& call) {
  return OrError(ParseQuantity(call), QuantityValue::Make);
}
Value ToSemver(const Call& call) {
  return OrError(ParseSemver(call), SemverValue::Make);
}
Value IsQuantity(const Call& call) {
  return Value::Bool(ParseQuantity(call).ok());
}
Value IsSemver(const Call& call) {
  return Value::Bool(ParseSemver(call).ok());
}

int CompareBoth(const Call& call) {
  const Value& a = call.args[0];
  const Value& b = call.args[1];
  if (QuantityValue::Is(a)) return QuantityValue::Get(a).Compare(QuantityValue::Get(b));
  return SemverValue::Get(a).Compare(SemverValue::Get(b));
}
Value CompareTo(const Call& call) {
  return Value::Int(CompareBoth(call));
}
Value IsLessThan(const Call& call) {
  return Value::Bool(CompareBoth(call) < 0);
}
Value IsGreaterThan(const Call& call) {
  return Value::Bool(CompareBoth(call) > 0);
}

Value Sign(const Call& call) {
  return Value::Int(QuantityValue::Get(call.args[0]).Sign());
}
Value IsInteger(const Call& call) {
  return Value::Bool(QuantityValue::Get(call.args[0]).AsInt64().has_value());
}
Value AsInteger(const Call& call) {
  const Quantity& quantity = QuantityValue::Get(call.args[0]);
  const auto integer = quantity.AsInt64();
  return integer.has_value() ? Value::Int(*integer)
                             : Fail("the quantity " + quantity.ToString() + " is no int");
}
Value AsApproximateFloat(const Call& call) {
  return Value::Double(QuantityValue::Get(call.args[0]).AsApproximateDouble());
}

// add() and sub() of a quantity or an int.
template <StatusOr<Quantity> (Quantity::*combine)(const Quantity&) const>
Value Combine(const Call& call) {
  const Quantity& quantity = QuantityValue::Get(call.args[0]);
  const int64_t* integer = call.args[1].AsInt();
  const Quantity other = integer ? Quantity(*integer) : QuantityValue::Get(call.args[1]);
  return OrError((quantity.*combine)(other), QuantityValue::Make);
}

template <uint64_t (Semver::*part)() const>
Value Part(const Call& call) {
  // As Go converts.
  return Value::Int(static_cast<int64_t>((SemverValue::Get(call.args[0]).*part)()));
}

}  // namespace

std::vector<FunctionSpec> QuantityFunctions() {
  return {
      {.name = "quantity", .overloads = {"(string) kubernetes.Quantity"}, .run = ToQuantity},
      {.name = "isQuantity", .overloads = {"(string) bool"}, .run = IsQuantity},
      {.name = "sign", .overloads = {"(kubernetes.Quantity) int"}, .run = Sign},
      {.name = "isInteger", .overloads = {".(kubernetes.Quantity) bool"}, .run = IsInteger},
      {.name = "asInteger", .overloads = {".(kubernetes.Quantity) int"}, .run = AsInteger},
      {.name = "asApproximateFloat",
       .overloads = {".(kubernetes.Quantity) double"},
       .run = AsApproximateFloat},
      {.name = "add",
       .overloads = {".(kubernetes.Quantity, kubernetes.Quantity) kubernetes.Quantity",
                     ".(kubernetes.Quantity, int) kubernetes.Quantity"},
       .run = Combine<&Quantity::Plus>},
      {.name = "sub",
       .overloads = {".(kubernetes.Quantity, kubernetes.Quantity) kubernetes.Quantity",
                     ".(kubernetes.Quantity, int) kubernetes.Quantity"},
       .run = Combine<&Quantity::Minus>},
      {.name = "semver",
       .overloads = {"(string) kubernetes.Semver", "(string, bool) kubernetes.Semver"},
       .run = ToSemver},
      {.name = "isSemver", .overloads = {"(string) bool", "(string, bool) bool"}, .run = IsSemver},
      {.name = "major", .overloads = {".(kubernetes.Semver) int"}, .run = Part<&Semver::major>},
      {.name = "minor", .overloads = {".(kubernetes.Semver) int"}, .run = Part<&Semver::minor>},
      {.name = "patch", .overloads = {".(kubernetes.Semver) int"}, .run = Part<&Semver::patch>},
      {.name = "compareTo",
       .overloads = {".(kubernetes.Quantity, kubernetes.Quantity) int",
                     ".(kubernetes.Semver, kubernetes.Semver) int"},
       .run = CompareTo},
      {.name = "isLessThan",
       .overloads = {".(kubernetes.Quantity, kubernetes.Quantity) bool",
                     ".(kubernetes.Semver, kubernetes.Semver) bool"},
       .run = IsLessThan},
      {.name = "isGreaterThan",
       .overloads = {".(kubernetes.Quantity, kubernetes.Quantity) bool",
                     ".(kubernetes.Semver, kubernetes.Semver) bool"},
       .run = IsGreaterThan},
  };
}

}  // namespace kr::cel
