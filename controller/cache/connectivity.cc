#include "controller/cache/connectivity.h"

namespace kr::cache {

void Connectivity::Up(MonotonicTime now) {
  if (connected_) return;
  connected_ = true;
  if (now - since_ > kRenewal) last_outage_ = {now, now - since_};
  since_ = now;
}

void Connectivity::Down(MonotonicTime now) {
  if (!connected_) return;
  connected_ = false;
  connected_before_ += now - since_;
  since_ = now;
}

absl::Duration Connectivity::DisconnectedFor(MonotonicTime now) const {
  return connected_ ? absl::ZeroDuration() : now - since_;
}

absl::Duration Connectivity::ConnectedTime(MonotonicTime now) const {
  return connected_ ? connected_before_ + (now - since_) : connected_before_;
}

}  // namespace kr::cache
