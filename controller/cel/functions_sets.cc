// Lists as sets.
#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"

namespace kr::cel {
namespace {

// Whether `list` has an element that equals `wanted`, or an error.
Value Has(const Call& call, const Value& list, const Value& wanted) {
  for (size_t i = 0; i < list.size(); ++i) {
    Value same = SameValue(call.evaluation, wanted, list.At(i));
    if (same.is_error() || *same.AsBool()) return same;
  }
  return Value::Bool(false);
}

// Looks for each element of `few` in `many` until one is found (or missing, as `found` says).
Value FirstThatIs(const Call& call, const Value& few, const Value& many, bool found) {
  for (size_t i = 0; i < few.size(); ++i) {
    Value has = Has(call, many, few.At(i));
    if (has.is_error() || *has.AsBool() == found) return has;
  }
  return Value::Bool(!found);
}

Value Contains(const Call& call) {
  return FirstThatIs(call, call.args[1], call.args[0], /*found=*/false);
}

Value Intersects(const Call& call) {
  return FirstThatIs(call, call.args[0], call.args[1], /*found=*/true);
}

Value Equivalent(const Call& call) {
  Value contains = Contains(call);
  if (contains.is_error() || !*contains.AsBool()) return contains;
  return FirstThatIs(call, call.args[0], call.args[1], /*found=*/false);
}

}  // namespace

std::vector<FunctionSpec> SetFunctions() {
  const auto set = [](std::string_view name, Value (*run)(const Call&)) {
    return FunctionSpec{
        .name = name, .overloads = {"(list(A), list(A)) bool"}, .run = run, .now = NowUse::kBound};
  };
  return {
      set("sets.contains", Contains),
      set("sets.equivalent", Equivalent),
      set("sets.intersects", Intersects),
  };
}

}  // namespace kr::cel
