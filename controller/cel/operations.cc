#include "controller/cel/operations.h"

#include <cmath>
#include <limits>
#include <string>

#include "controller/cel/evaluation.h"
#include "controller/cel/opaque.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

bool IsNumber(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble;
}

template <typename T>
int Three(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int CompareIntUint(int64_t i, uint64_t u) {
  return i < 0 ? -1 : Three(static_cast<uint64_t>(i), u);
}

// As cel-go: outside of the integer's range by range, inside as doubles.
int CompareIntDouble(int64_t i, double d) {
  if (d < -9223372036854775808.0) return 1;
  if (d > 9223372036854775807.0) return -1;
  return Three(static_cast<double>(i), d);
}
int CompareUintDouble(uint64_t u, double d) {
  if (d < 0) return 1;
  if (d > 18446744073709551615.0) return -1;
  return Three(static_cast<double>(u), d);
}

// Two numbers, none of them NaN.
int CompareNumbers(const Value& a, const Value& b) {
  if (const int64_t* i = a.AsInt()) {
    if (const int64_t* j = b.AsInt()) return Three(*i, *j);
    if (const uint64_t* u = b.AsUint()) return CompareIntUint(*i, *u);
    return CompareIntDouble(*i, *b.AsDouble());
  }
  if (const uint64_t* u = a.AsUint()) {
    if (const int64_t* j = b.AsInt()) return -CompareIntUint(*j, *u);
    if (const uint64_t* v = b.AsUint()) return Three(*u, *v);
    return CompareUintDouble(*u, *b.AsDouble());
  }
  const double d = *a.AsDouble();
  if (const int64_t* j = b.AsInt()) return -CompareIntDouble(*j, d);
  if (const uint64_t* v = b.AsUint()) return -CompareUintDouble(*v, d);
  return Three(d, *b.AsDouble());
}

bool IsNan(const Value& v) {
  return v.AsDouble() != nullptr && std::isnan(*v.AsDouble());
}

// The difference of two times or two durations, noted as compared.
std::optional<absl::Duration> TimeDifference(Evaluation& evaluation, const Value& a, const Value& b,
                                             Validity::Test test) {
  if (const auto* x = a.AsInstant()) {
    const auto* y = b.AsInstant();
    if (y == nullptr) return std::nullopt;
    const absl::Duration difference = x->at - y->at;
    evaluation.validity().Compared(difference, x->per_now - y->per_now, test);
    return difference;
  }
  const auto* x = a.AsSpan();
  const auto* y = b.AsSpan();
  if (x == nullptr || y == nullptr) return std::nullopt;
  const absl::Duration difference = x->length - y->length;
  evaluation.validity().Compared(difference, x->per_now - y->per_now, test);
  return difference;
}

Truth Of(bool b) {
  return b ? Truth::kYes : Truth::kNo;
}

Truth EqualOpaques(const Value& a, const Value& b) {
  if (b.AsOpaque() == nullptr || &a.AsOpaque()->type() != &b.AsOpaque()->type()) {
    return Truth::kIncomparable;
  }
  return Of(a.AsOpaque()->Equals(*b.AsOpaque()));
}

Truth EqualLists(Evaluation& evaluation, const Value& a, const Value& b) {
  if (a.size() != b.size()) return Truth::kNo;
  for (size_t i = 0; i < a.size(); ++i) {
    const Truth truth = Equal(evaluation, a.At(i), b.At(i));
    if (truth != Truth::kYes) return truth;
  }
  return Truth::kYes;
}

Truth EqualMaps(Evaluation& evaluation, const Value& a, const Value& b) {
  if (!Readable(a) || !Readable(b)) return Truth::kUnknown;
  if (a.size() != b.size()) return Truth::kNo;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto other = Find(evaluation, b, a.KeyAt(i));
    if (!other.has_value()) return Truth::kNo;
    const Truth truth = Equal(evaluation, a.ValueAt(i), *other);
    if (truth != Truth::kYes) return truth;
  }
  return Truth::kYes;
}

// Whether `wanted` names the entry `key`: the same kind, or integers of equal value as cel-go's
// maps find them.
bool SameKey(Evaluation& evaluation, const Value& key, const Value& wanted) {
  const Kind a = key.kind();
  const Kind b = wanted.kind();
  if (a != b) {
    const bool crosses = (b == Kind::kInt && a == Kind::kUint) ||
                         (b == Kind::kUint && a == Kind::kInt) ||
                         (b == Kind::kDouble && (a == Kind::kInt || a == Kind::kUint));
    if (!crosses || IsNan(wanted)) return false;
  }
  return Equal(evaluation, key, wanted) == Truth::kYes;
}

// The place in a list that a number means.
Value ListPlace(const Value& key) {
  if (key.AsInt() != nullptr) return key;
  if (const uint64_t* u = key.AsUint()) {
    return Value::Int(*u > INT64_MAX ? INT64_MAX : static_cast<int64_t>(*u));
  }
  if (const double* d = key.AsDouble()) {
    if (*d == std::trunc(*d) && std::abs(*d) < 9e18) return Value::Int(static_cast<int64_t>(*d));
    return Fail("a list is indexed with whole numbers");
  }
  return Fail("a list is indexed with numbers, not with " + std::string(TypeNameOf(key)));
}

}  // namespace

Value Fail(std::string_view message) {
  return Value::Failure(InvalidArgument(message));
}

Value Unread(std::string_view what) {
  return Value::Failure(FailedPrecondition(std::string(what) +
                                           " was not kept when the object was read, so nothing can "
                                           "be said about it yet"));
}

bool Readable(const Value& value) {
  const document::Node* node = value.AsNode();
  return node == nullptr || node->is_string() || node->Complete();
}

bool Countable(const Value& value) {
  return value.AsNode() == nullptr || value.AsNode()->Iterable();
}

Truth Equal(Evaluation& evaluation, const Value& a, const Value& b) {
  if (!evaluation.Charge(1)) return Truth::kExhausted;
  const Kind kind = a.kind();
  const Kind other = b.kind();
  if (kind == Kind::kError || other == Kind::kError) return Truth::kUnknown;
  if (kind == Kind::kUnread || other == Kind::kUnread) {
    // What was kept only as "there is something" is not null.
    return kind == Kind::kNull || other == Kind::kNull ? Truth::kNo : Truth::kUnknown;
  }
  if (IsNumber(kind) && IsNumber(other)) {
    return Of(!IsNan(a) && !IsNan(b) && CompareNumbers(a, b) == 0);
  }
  if (kind == Kind::kOpaque && other != Kind::kNull) return EqualOpaques(a, b);
  if (kind != other) return Truth::kNo;
  switch (kind) {
    case Kind::kNull:
      return Truth::kYes;
    case Kind::kBool:
      return Of(*a.AsBool() == *b.AsBool());
    case Kind::kString: {
      std::string x, y;
      const std::string_view s = *a.Text(x);
      const std::string_view t = *b.Text(y);
      if (!evaluation.ChargeText(s.size())) return Truth::kExhausted;
      return Of(s == t);
    }
    case Kind::kBytes:
      return Of(*a.AsBytes() == *b.AsBytes());
    case Kind::kType:
      return Of(*a.AsTypeName() == *b.AsTypeName());
    case Kind::kTimestamp:
    case Kind::kDuration:
      return Of(TimeDifference(evaluation, a, b, Validity::Test::kEqual) == absl::ZeroDuration());
    case Kind::kList:
      return EqualLists(evaluation, a, b);
    case Kind::kMap:
      return EqualMaps(evaluation, a, b);
    case Kind::kOptional:
      if (a.Inner() == nullptr || b.Inner() == nullptr) return Of(a.Inner() == b.Inner());
      return Equal(evaluation, *a.Inner(), *b.Inner());
    default:
      return Truth::kNo;
  }
}

Value EqualValue(Evaluation& evaluation, const Value& a, const Value& b) {
  switch (Equal(evaluation, a, b)) {
    case Truth::kNo:
      return Value::Bool(false);
    case Truth::kYes:
      return Value::Bool(true);
    case Truth::kIncomparable:
      return Fail("no such overload: '==' of " + std::string(TypeNameOf(a)) + " and " +
                  std::string(TypeNameOf(b)));
    case Truth::kUnknown:
      return Unread("a part of a value that is compared");
    case Truth::kExhausted:
      break;
  }
  return Evaluation::Exhausted();
}

Value SameValue(Evaluation& evaluation, const Value& a, const Value& b) {
  const Truth truth = Equal(evaluation, a, b);
  if (truth == Truth::kIncomparable) return Value::Bool(false);
  if (truth == Truth::kNo || truth == Truth::kYes) return Value::Bool(truth == Truth::kYes);
  return truth == Truth::kUnknown ? Unread("a part of a value that is compared")
                                  : Evaluation::Exhausted();
}

std::optional<int> Order(Evaluation& evaluation, const Value& a, const Value& b,
                         Validity::Test test) {
  const Kind kind = a.kind();
  if (IsNumber(kind) && IsNumber(b.kind())) {
    if (IsNan(a) || IsNan(b)) return std::nullopt;
    return CompareNumbers(a, b);
  }
  if (kind != b.kind()) return std::nullopt;
  switch (kind) {
    case Kind::kBool:
      return Three(*a.AsBool(), *b.AsBool());
    case Kind::kString: {
      std::string x, y;
      const std::string_view s = *a.Text(x);
      const std::string_view t = *b.Text(y);
      evaluation.ChargeText(std::min(s.size(), t.size()));
      return s.compare(t) < 0 ? -1 : s == t ? 0 : 1;
    }
    case Kind::kBytes:
      return Three(*a.AsBytes(), *b.AsBytes());
    case Kind::kTimestamp:
    case Kind::kDuration: {
      const auto difference = TimeDifference(evaluation, a, b, test);
      return Three(*difference, absl::ZeroDuration());
    }
    default:
      return std::nullopt;
  }
}

std::optional<Value> Find(Evaluation& evaluation, const Value& map, const Value& key) {
  std::string scratch;
  if (map.AsNode() != nullptr) {
    const auto name = key.Text(scratch);
    return name.has_value() ? map.Field(*name) : std::nullopt;
  }
  for (size_t i = 0; i < map.size(); ++i) {
    if (SameKey(evaluation, map.KeyAt(i), key)) return map.ValueAt(i);
  }
  return std::nullopt;
}

std::optional<Value> Lookup(Evaluation& evaluation, const Value& container, const Value& key) {
  switch (container.kind()) {
    case Kind::kMap:
      if (key.AsOpaque() != nullptr) {
        return Fail("a map is not indexed with " + std::string(TypeNameOf(key)));
      }
      return Find(evaluation, container, key);
    case Kind::kList: {
      Value place = ListPlace(key);
      if (place.is_error()) return place;
      const int64_t at = *place.AsInt();
      if (at < 0 || static_cast<uint64_t>(at) >= container.size()) return std::nullopt;
      return container.At(static_cast<size_t>(at));
    }
    case Kind::kUnread:
      return Unread("the value that is indexed");
    default:
      return std::nullopt;
  }
}

}  // namespace kr::cel
