#include "reconcilers/limits/breaker.h"

#include <algorithm>

#include "crds/meta/duration.h"
#include "crds/meta/time.h"

namespace kr::limits {
namespace {

using State = crds::BreakerState;

// "20 (20 %)", "3".
std::string AllowedText(const crds::IntOrPercent& limit, int64_t selected) {
  std::string text = std::to_string(Breaker::Allowed(limit, selected));
  if (limit.percent) text += " (" + std::to_string(limit.value) + " %)";
  return text;
}

Refusal Open(std::string message, absl::Time next_check = absl::InfiniteFuture()) {
  return {.reason = Reason::kBreakerOpen, .message = std::move(message), .next_check = next_check};
}

}  // namespace

int64_t Breaker::Allowed(const crds::IntOrPercent& limit, int64_t selected) {
  return std::max<int64_t>(limit.Of(selected), 1);
}

Breaker Breaker::Restore(const std::optional<crds::Breaker>& stored) {
  Breaker breaker;
  breaker.TakeOver(stored);
  return breaker;
}

void Breaker::TakeOver(const std::optional<crds::Breaker>& stored) {
  if (!stored || stored->state == State::kClosed) return;
  if (tripped_ && state_ == stored->state) return;
  tripped_ = true;
  state_ = stored->state;
  since_ = stored->since;
  calm_since_.reset();
  quiet_since_.reset();
  if (!synced_) counts_ = {stored->unhealthy, stored->selected};
}

void Breaker::Enter(State state, absl::Time now) {
  if (state_ == state && tripped_ == (state != State::kClosed)) return;
  state_ = state;
  tripped_ = state != State::kClosed;
  since_ = now;
}

void Breaker::Track(std::optional<absl::Time>& since, bool holds, absl::Time now) {
  if (!holds) {
    since.reset();
  } else if (!since || now < *since) {
    since = now;
  }
}

void Breaker::Observe(const std::optional<Counts>& counts, const Limit& limit, absl::Time now) {
  synced_ = counts.has_value();
  if (!synced_) {
    calm_since_.reset();
    quiet_since_.reset();
    return;
  }
  counts_ = *counts;
  bool too_many = counts_.unhealthy > Allowed(limit.max_unhealthy, counts_.selected);
  Track(calm_since_, !too_many, now);
  Track(quiet_since_, counts_.unhealthy == 0, now);

  if (too_many) {
    Enter(State::kOpen, now);
  } else if (!tripped_ || (quiet_since_ && now - *quiet_since_ >= limit.calm)) {
    Enter(State::kClosed, now);
  } else if (state_ == State::kOpen && now - *calm_since_ >= limit.calm) {
    Enter(State::kHalfOpen, now);
  }
}

void Breaker::Finished(crds::Phase phase, absl::Time now) {
  if (state_ != State::kHalfOpen) return;
  if (phase == crds::Phase::kSucceeded) Enter(State::kClosed, now);
  if (phase == crds::Phase::kFailed) {
    Enter(State::kOpen, now);
    // The target that was not cured is one of the few that are allowed: calm has to be waited for
    // once more all the same.
    if (calm_since_) calm_since_ = now;
    quiet_since_.reset();
  }
}

std::optional<Refusal> Breaker::Check(const Limit& limit, int64_t open) const {
  if (!synced_) {
    return Open("not all targets have been seen yet, so it is not known how many are unhealthy");
  }
  if (state_ == State::kClosed) return std::nullopt;

  std::string numbers = std::to_string(counts_.unhealthy) + " of " +
                        std::to_string(counts_.selected) + " targets are unhealthy, at most " +
                        AllowedText(limit.max_unhealthy, counts_.selected) + " are allowed";
  if (state_ == State::kHalfOpen) {
    if (open == 0) return std::nullopt;
    return Open(numbers + "; after too many were, one remediation has to succeed before the next");
  }
  if (!calm_since_) {
    return Open(numbers + "; one is tried after " + crds::FormatDuration(limit.calm) +
                " without too many");
  }
  absl::Time half_open = *calm_since_ + limit.calm;
  return Open(numbers + "; after too many were, one is tried at " + crds::FormatTime(half_open),
              half_open);
}

absl::Time Breaker::NextChange(const Limit& limit) const {
  absl::Time next = absl::InfiniteFuture();
  if (state_ == State::kClosed || !synced_) return next;
  if (state_ == State::kOpen && calm_since_) next = *calm_since_ + limit.calm;
  if (quiet_since_) next = std::min(next, *quiet_since_ + limit.calm);
  return next;
}

std::optional<crds::Breaker> Breaker::ToStatus() const {
  if (state_ == State::kOpen && !tripped_) return std::nullopt;
  crds::Breaker stored;
  stored.state = state_;
  stored.since = since_;
  stored.unhealthy = counts_.unhealthy;
  stored.selected = counts_.selected;
  return stored;
}

}  // namespace kr::limits
