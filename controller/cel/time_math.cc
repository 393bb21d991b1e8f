#include "controller/cel/time_math.h"

#include <limits>

#include "controller/cel/operations.h"
#include "controller/cel/text.h"

namespace kr::cel {
namespace {

// Sums of moving durations could move faster than any arithmetic holds; nobody means that.
constexpr int64_t kMaxRate = int64_t{1} << 40;

bool TooFast(int64_t per_now) {
  return per_now > kMaxRate || per_now < -kMaxRate;
}

Value Checked(Validity& validity, Value::Span span) {
  if (TooFast(span.per_now)) return Fail("the duration adds up 'now' too often");
  const absl::Duration least = absl::Nanoseconds(std::numeric_limits<int64_t>::min());
  const absl::Duration most = absl::Nanoseconds(std::numeric_limits<int64_t>::max());
  validity.Compared(span.length - least, span.per_now, Validity::Test::kLess);
  validity.Compared(span.length - most, span.per_now, Validity::Test::kLessOrEqual);
  if (span.length < least || span.length > most) return Fail("duration overflow");
  return Value::Duration(span);
}

Value Checked(Validity& validity, Value::Instant instant) {
  if (TooFast(instant.per_now)) return Fail("the timestamp adds up 'now' too often");
  validity.Compared(instant.at - MinTimestamp(), instant.per_now, Validity::Test::kLess);
  validity.Compared(instant.at - MaxTimestamp(), instant.per_now, Validity::Test::kLessOrEqual);
  if (instant.at < MinTimestamp() || instant.at > MaxTimestamp()) return Fail("timestamp overflow");
  return Value::Timestamp(instant);
}

}  // namespace

std::optional<Value> AddTimes(Validity& validity, const Value& a, const Value& b) {
  const auto* x = a.AsSpan();
  const auto* y = b.AsSpan();
  if (x != nullptr && y != nullptr) {
    return Checked(validity, Value::Span{x->length + y->length, x->per_now + y->per_now});
  }
  const auto* instant = x == nullptr ? a.AsInstant() : b.AsInstant();
  const auto* span = x == nullptr ? y : x;
  if (instant == nullptr || span == nullptr) return std::nullopt;
  return Checked(validity,
                 Value::Instant{instant->at + span->length, instant->per_now + span->per_now});
}

std::optional<Value> SubtractTimes(Validity& validity, const Value& a, const Value& b) {
  const auto* span = b.AsSpan();
  if (const auto* x = a.AsSpan()) {
    if (span == nullptr) return std::nullopt;
    return Checked(validity, Value::Span{x->length - span->length, x->per_now - span->per_now});
  }
  const auto* x = a.AsInstant();
  if (x == nullptr) return std::nullopt;
  if (span != nullptr) {
    return Checked(validity, Value::Instant{x->at - span->length, x->per_now - span->per_now});
  }
  const auto* y = b.AsInstant();
  if (y == nullptr) return std::nullopt;
  return Checked(validity, Value::Span{x->at - y->at, x->per_now - y->per_now});
}

Value NegateSpan(Validity& validity, const Value::Span& span) {
  return Checked(validity, Value::Span{-span.length, -span.per_now});
}

}  // namespace kr::cel
