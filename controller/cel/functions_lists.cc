// Lists of cel-go at version 3 and those of Kubernetes; size() and indexOf() of strings are here
// too, since one name is one Function.
#include <algorithm>
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/operations.h"
#include "controller/cel/text_search.h"
#include "controller/cel/time_math.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

bool HasOrder(Kind kind) {
  switch (kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kTimestamp:
    case Kind::kDuration:
      return true;
    default:
      return false;
  }
}

Value Size(const Call& call) {
  const Value& v = call.args[0];
  if (const std::string* bytes = v.AsBytes())
    return Value::Int(static_cast<int64_t>(bytes->size()));
  if (v.kind() == Kind::kString) {
    std::string scratch;
    const std::string_view text = *v.Text(scratch);
    if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted();
    return Value::Int(static_cast<int64_t>(values::CodePoints(text)));
  }
  if (!Countable(v)) return Unread("the map that is counted");
  return Value::Int(static_cast<int64_t>(v.size()));
}

// indexOf() and lastIndexOf() of lists and strings.
template <bool last>
Value IndexOf(const Call& call) {
  const Value& list = call.args[0];
  if (!list.is_list()) return last ? LastIndexOfText(call) : IndexOfText(call);
  for (size_t n = 0; n < list.size(); ++n) {
    const size_t i = last ? list.size() - 1 - n : n;
    const Value equal = SameValue(call.evaluation, list.At(i), call.args[1]);
    if (equal.is_error()) return equal;
    if (*equal.AsBool()) return Value::Int(static_cast<int64_t>(i));
  }
  return Value::Int(-1);
}

// min() keeps the first of equals; elements that have no order with it are passed over, as in
// Kubernetes.
template <int sign>
Value Extreme(const Call& call) {
  const Value& list = call.args[0];
  if (list.size() == 0) return Fail(std::string(sign < 0 ? "min" : "max") + "() of an empty list");
  Value best = list.At(0);
  for (size_t i = 1; i < list.size(); ++i) {
    if (!call.evaluation.Charge(1)) return Evaluation::Exhausted();
    const Value next = list.At(i);
    if (!HasOrder(next.kind())) return Fail("min() and max() need elements that have an order");
    const auto order = Order(call.evaluation, next, best, Validity::Test::kOrder);
    if (order.has_value() && *order * sign > 0) best = next;
  }
  return best;
}

Value IsSorted(const Call& call) {
  const Value& list = call.args[0];
  for (size_t i = 0; i < list.size(); ++i) {
    if (!call.evaluation.Charge(1)) return Evaluation::Exhausted();
    if (!HasOrder(list.At(i).kind())) return Fail("isSorted() needs elements that have an order");
    if (i == 0) continue;
    const auto order =
        Order(call.evaluation, list.At(i - 1), list.At(i), Validity::Test::kLessOrEqual);
    if (order.has_value() && *order > 0) return Value::Bool(false);
  }
  return Value::Bool(true);
}

Value Sum(const Call& call) {
  const Value& list = call.args[0];
  // The declared element type decides what the sum of nothing is.
  static const Value kZeros[] = {Value::Int(0), Value::Uint(0), Value::Double(0),
                                 Value::Duration(absl::ZeroDuration())};
  Value sum = kZeros[call.overload];
  const Function& add = *FindFunction("_+_");
  for (size_t i = 0; i < list.size(); ++i) {
    if (!call.evaluation.Charge(1)) return Evaluation::Exhausted();
    const Value pair[] = {sum, list.At(i)};
    sum = add.run(Call{call.evaluation, pair, 0, nullptr});
    if (sum.is_error()) return sum;
  }
  return sum;
}

Value Slice(const Call& call) {
  const Value& list = call.args[0];
  const int64_t begin = *call.args[1].AsInt();
  const int64_t end = *call.args[2].AsInt();
  const std::string text = "slice(" + std::to_string(begin) + ", " + std::to_string(end) + ")";
  if (begin < 0 || end < 0) return Fail(text + ": negative indexes are not supported");
  if (begin > end) return Fail(text + " begins behind its end");
  if (static_cast<uint64_t>(end) > list.size()) {
    return Fail(text + ": the list has " + std::to_string(list.size()) + " elements");
  }
  List out;
  for (int64_t i = begin; i < end; ++i) out.push_back(list.At(static_cast<size_t>(i)));
  if (!call.evaluation.Charge(out.size())) return Evaluation::Exhausted();
  return Value::FromList(std::move(out));
}

// False when the cost limit is reached.
bool Flatten(Evaluation& evaluation, const Value& list, int64_t depth, List& out) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (!evaluation.Charge(1)) return false;
    Value element = list.At(i);
    if (element.is_list() && depth > 0) {
      if (!Flatten(evaluation, element, depth - 1, out)) return false;
    } else {
      out.push_back(std::move(element));
    }
  }
  return true;
}

Value FlattenList(const Call& call) {
  const int64_t depth = call.args.size() == 2 ? *call.args[1].AsInt() : 1;
  if (depth < 0) return Fail("flatten() takes a depth that is not negative");
  List out;
  if (!Flatten(call.evaluation, call.args[0], depth, out)) return Evaluation::Exhausted();
  return Value::FromList(std::move(out));
}

Value Sort(const Call& call) {
  List elements;
  for (size_t i = 0; i < call.args[0].size(); ++i) elements.push_back(call.args[0].At(i));
  const List keys = elements;
  return Sorted(call.evaluation, std::move(elements), keys);
}

Value Distinct(const Call& call) {
  List out;
  for (size_t i = 0; i < call.args[0].size(); ++i) {
    const Value element = call.args[0].At(i);
    bool seen = false;
    for (const Value& other : out) {
      const Value equal = SameValue(call.evaluation, element, other);
      if (equal.is_error()) return equal;
      if ((seen = *equal.AsBool())) break;
    }
    if (!seen) out.push_back(element);
  }
  return Value::FromList(std::move(out));
}

Value Reverse(const Call& call) {
  const Value& list = call.args[0];
  if (!call.evaluation.Charge(list.size())) return Evaluation::Exhausted();
  List out;
  out.reserve(list.size());
  for (size_t i = list.size(); i > 0; --i) out.push_back(list.At(i - 1));
  return Value::FromList(std::move(out));
}

Value Range(const Call& call) {
  const int64_t n = std::max<int64_t>(*call.args[0].AsInt(), 0);
  if (!call.evaluation.Charge(static_cast<uint64_t>(n))) return Evaluation::Exhausted();
  List out;
  out.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out.push_back(Value::Int(i));
  return Value::FromList(std::move(out));
}

Value First(const Call& call) {
  const Value& list = call.args[0];
  return list.size() == 0 ? Value::None() : Value::Some(list.At(0));
}

Value Last(const Call& call) {
  const Value& list = call.args[0];
  return list.size() == 0 ? Value::None() : Value::Some(list.At(list.size() - 1));
}

constexpr std::string_view kComparable[] = {"int",      "uint",      "double", "bool",
                                            "duration", "timestamp", "string", "bytes"};

}  // namespace

Value Sorted(Evaluation& evaluation, List elements, const List& keys) {
  if (keys.empty()) return Value::FromList({});
  const Kind kind = keys[0].kind();
  if (kind == Kind::kUnread) return Unread("what is sorted by");
  if (!HasOrder(kind))
    return Fail("what is sorted must have an order, not be " + std::string(KindName(kind)));
  for (const Value& key : keys) {
    if (key.kind() != kind) return Fail("what is sorted must be of one type");
  }
  uint64_t steps = 1;
  for (size_t n = keys.size(); n > 1; n /= 2) ++steps;
  if (!evaluation.Charge(keys.size() * steps)) return Evaluation::Exhausted();
  std::vector<size_t> places(keys.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    const auto order = Order(evaluation, keys[a], keys[b], Validity::Test::kOrder);
    return order.has_value() && *order < 0;
  });
  List sorted;
  sorted.reserve(places.size());
  for (const size_t place : places) sorted.push_back(std::move(elements[place]));
  return Value::FromList(std::move(sorted));
}

std::vector<FunctionSpec> ListFunctions() {
  // Signatures for lists of each type with an order; they live as long as the program.
  static const auto* const signatures = [] {
    struct Signatures {
      std::vector<std::string> sort, extreme, sorted;
    };
    auto* all = new Signatures;
    for (const std::string_view name : kComparable) {
      const std::string type(name);
      all->sort.push_back(".(list(" + type + ")) list(" + type + ")");
      all->extreme.push_back(".(list(" + type + ")) " + type);
      all->sorted.push_back(".(list(" + type + ")) bool");
    }
    return all;
  }();
  const auto views = [](const std::vector<std::string>& texts) {
    return std::vector<std::string_view>(texts.begin(), texts.end());
  };
  return {
      {.name = "size",
       .overloads = {"(bytes) int", ".(bytes) int", "(list(A)) int", ".(list(A)) int",
                     "(map(A, B)) int", ".(map(A, B)) int", "(string) int", ".(string) int"},
       .run = Size,
       .now = NowUse::kBound,
       .read = ReadUse::kCount},
      {.name = "indexOf",
       .overloads = {".(string, string) int", ".(string, string, int) int", ".(list(A), A) int"},
       .run = IndexOf<false>,
       .now = NowUse::kBound},
      {.name = "lastIndexOf",
       .overloads = {".(string, string) int", ".(string, string, int) int", ".(list(A), A) int"},
       .run = IndexOf<true>,
       .now = NowUse::kBound},
      {.name = "isSorted",
       .overloads = views(signatures->sorted),
       .run = IsSorted,
       .now = NowUse::kBound},
      {.name = "min",
       .overloads = views(signatures->extreme),
       .run = Extreme<-1>,
       .now = NowUse::kKeep},
      {.name = "max",
       .overloads = views(signatures->extreme),
       .run = Extreme<1>,
       .now = NowUse::kKeep},
      {.name = "sum",
       .overloads = {".(list(int)) int", ".(list(uint)) uint", ".(list(double)) double",
                     ".(list(duration)) duration"},
       .run = Sum,
       .now = NowUse::kKeep},
      {.name = "slice",
       .overloads = {".(list(A), int, int) list(A)"},
       .run = Slice,
       .now = NowUse::kKeep,
       .read = ReadUse::kElements},
      {.name = "flatten",
       .overloads = {".(list(list(A))) list(A)", ".(list(dyn), int) list(dyn)"},
       .run = FlattenList,
       .now = NowUse::kKeep,
       .guard = Guard::kShallow},
      {.name = "sort",
       .overloads = views(signatures->sort),
       .run = Sort,
       .now = NowUse::kKeep,
       .guard = Guard::kShallow},
      {.name = "distinct",
       .overloads = {".(list(A)) list(A)"},
       .run = Distinct,
       .now = NowUse::kKeep},
      {.name = "reverse",
       .overloads = {".(list(A)) list(A)"},
       .run = Reverse,
       .now = NowUse::kKeep,
       .read = ReadUse::kElements},
      {.name = "lists.range", .overloads = {"(int) list(int)"}, .run = Range},
      {.name = "first",
       .overloads = {".(list(A)) optional(A)"},
       .run = First,
       .now = NowUse::kKeep,
       .read = ReadUse::kElement},
      {.name = "last",
       .overloads = {".(list(A)) optional(A)"},
       .run = Last,
       .now = NowUse::kKeep,
       .read = ReadUse::kElement},
  };
}

}  // namespace kr::cel
