#pragma once

#include <optional>
#include <string_view>

#include "controller/cel/validity.h"
#include "controller/cel/value.h"

namespace kr::cel {

class Evaluation;

enum class Truth : uint8_t {
  kNo,
  kYes,
  kIncomparable,  // an opaque value and one of another type: an error, as in Kubernetes
  kUnknown,       // a part that the projection does not hold would have to be compared
  kExhausted,     // the cost limit
};

// CEL's equality: numbers across int, uint and double, lists and maps by content, values of
// different kinds are unequal.
Truth Equal(Evaluation& evaluation, const Value& a, const Value& b);
// True, false, or the error that Equal's answer means.
Value EqualValue(Evaluation& evaluation, const Value& a, const Value& b);
// The same for whoever looks for a value among others: what cannot be compared is not it.
Value SameValue(Evaluation& evaluation, const Value& a, const Value& b);

// Negative, zero, positive, or nullopt when the two have no order. `test` is what the caller makes
// of it, see Validity.
std::optional<int> Order(Evaluation& evaluation, const Value& a, const Value& b,
                         Validity::Test test);

// The entry of a map: nullopt when there is none.
std::optional<Value> Find(Evaluation& evaluation, const Value& map, const Value& key);

// What a[b] finds in a map or a list: nullopt when there is nothing, an error for a key that cannot
// be one of a list. Anything but maps and lists holds nothing.
std::optional<Value> Lookup(Evaluation& evaluation, const Value& container, const Value& key);

// `elements` in the order of `keys`, which must be of one kind that has an order.
Value Sorted(Evaluation& evaluation, List elements, const List& keys);

// A whole map or list that the projection holds only in part may not be used as one.
bool Readable(const Value& value);
// True when the entries of a map or list are known, even if not all of their content.
bool Countable(const Value& value);
// FailedPrecondition about a field outside of the projection.
Value Unread(std::string_view what);
Value Fail(std::string_view message);  // InvalidArgument

}  // namespace kr::cel
