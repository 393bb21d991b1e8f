#include "controller/runtime/write_permit.h"

#include <algorithm>
#include <utility>

namespace kr::runtime {

std::stop_source WritePermit::StoppedSource() {
  std::stop_source source;
  source.request_stop();
  return source;
}

void WritePermit::Begin(Term term, MonotonicTime renewal_start, MonotonicTime now) {
  MutexLock lock(mu_);
  disruptive_from_ =
      term.unreleased_takeover ? now + options_.write_timeout + absl::Seconds(1) : now;
  valid_until_ = renewal_start + options_.lease_duration - options_.safety;
  term_ = std::move(term);
  stop_ = std::stop_source();
}

void WritePermit::Renew(MonotonicTime renewal_start) {
  MutexLock lock(mu_);
  if (stop_.stop_requested()) return;
  const MonotonicTime until = renewal_start + options_.lease_duration - options_.safety;
  valid_until_ = std::max(valid_until_, until);
}

void WritePermit::End() {
  std::stop_source ended;
  {
    MutexLock lock(mu_);
    term_ = Term();
    valid_until_ = kNever;
    disruptive_from_ = MonotonicTime::InfiniteFuture();
    ended = stop_;
  }
  // Outside the lock: it calls back into whoever waits for the end.
  ended.request_stop();
}

bool WritePermit::Covers(MonotonicTime now, absl::Duration write_timeout) const {
  MutexLock lock(mu_);
  return now + write_timeout <= valid_until_;
}

bool WritePermit::CoversDisruptive(MonotonicTime now, absl::Duration write_timeout) const {
  MutexLock lock(mu_);
  return now >= disruptive_from_ && now + write_timeout <= valid_until_;
}

MonotonicTime WritePermit::disruptive_from() const {
  MutexLock lock(mu_);
  return disruptive_from_;
}

MonotonicTime WritePermit::valid_until() const {
  MutexLock lock(mu_);
  return valid_until_;
}

WritePermit::Term WritePermit::term() const {
  MutexLock lock(mu_);
  return term_;
}

std::stop_token WritePermit::stop() const {
  MutexLock lock(mu_);
  return stop_.get_token();
}

}  // namespace kr::runtime
