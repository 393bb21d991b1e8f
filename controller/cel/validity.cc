#include "controller/cel/validity.h"

#include <algorithm>

namespace kr::cel {
namespace {

constexpr absl::Duration kTick = absl::Nanoseconds(1);

int Sign(absl::Duration d) {
  return d < absl::ZeroDuration() ? -1 : d > absl::ZeroDuration() ? 1 : 0;
}

int Class(Validity::Test test, absl::Duration difference) {
  const int sign = Sign(difference);
  switch (test) {
    case Validity::Test::kLess:
      return sign < 0;
    case Validity::Test::kLessOrEqual:
      return sign <= 0;
    case Validity::Test::kEqual:
      return sign == 0;
    case Validity::Test::kOrder:
      return sign;
  }
  return sign;
}

}  // namespace

void Validity::Compared(absl::Duration difference, int64_t rate, Test test) {
  if (rate == 0) return;
  const int present = Class(test, difference);
  // The difference is zero at -difference / rate. The outcome can change in that tick or in the
  // one after it, and nowhere else except, when it is zero at present, in the very next.
  const absl::Duration root = absl::Floor(-difference / rate, kTick);
  for (const absl::Duration at : {root, root + kTick, root + 2 * kTick}) {
    if (at < kTick) continue;
    if (Class(test, difference + rate * at) == present) continue;
    until_ = std::min(until_, now_ + at);
    return;
  }
}

void Validity::Within(absl::Duration past_begin, absl::Duration past_end, int64_t rate) {
  Compared(past_begin, rate, Test::kLess);
  Compared(past_end, rate, Test::kLess);
}

}  // namespace kr::cel
