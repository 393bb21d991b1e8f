#include "controller/base/backoff.h"

#include <algorithm>

namespace kr {

absl::Duration Backoff::Next(MonotonicTime now) {
  const bool fresh = current_ == absl::ZeroDuration() || now - last_ > options_.reset_after;
  current_ = fresh ? options_.initial : std::min(current_ * options_.factor, options_.max);
  last_ = now;
  return current_ * (1.0 + options_.jitter * random_.Uniform());
}

}  // namespace kr
