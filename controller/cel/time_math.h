#pragma once

#include <optional>

#include "controller/cel/validity.h"
#include "controller/cel/value.h"

namespace kr::cel {

// Arithmetic of timestamps and durations that move with now. A result outside of their range is an
// error; that it is inside or outside now holds until `validity` is told otherwise.

// nullopt when the operands are not times that can be added (subtracted).
std::optional<Value> AddTimes(Validity& validity, const Value& a, const Value& b);
std::optional<Value> SubtractTimes(Validity& validity, const Value& a, const Value& b);
Value NegateSpan(Validity& validity, const Value::Span& span);

}  // namespace kr::cel
