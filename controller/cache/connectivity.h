#pragma once

#include "absl/time/time.h"
#include "controller/base/clock.h"

namespace kr::cache {

// How long a stream has been, and is, able to tell us things. A watch is renewed every few minutes;
// the moment between two is a gap like any other, only short.
//
// Ages of things that are watched for signs of life (leases) are measured in connected time: what
// could not be seen does not count, and a renewed or re-listed watch resets nothing. Pure.
class Connectivity {
 public:
  explicit Connectivity(MonotonicTime now) : since_(now) {}

  void Up(MonotonicTime now);
  void Down(MonotonicTime now);

  bool connected() const { return connected_; }
  // Zero when connected.
  absl::Duration DisconnectedFor(MonotonicTime now) const;
  // The sum of all connected time until `now`. An age is a difference of two of these.
  absl::Duration ConnectedTime(MonotonicTime now) const;

  struct Gap {
    MonotonicTime end;
    absl::Duration length;
  };
  // A gap longer than this is more than the renewal of a watch.
  static constexpr absl::Duration kRenewal = absl::Seconds(5);
  // The last such gap, the one before the first connection included; length zero: none has ended.
  const Gap& last_outage() const { return last_outage_; }

 private:
  bool connected_ = false;
  MonotonicTime since_;  // of the present state
  absl::Duration connected_before_ = absl::ZeroDuration();
  Gap last_outage_{MonotonicTime(), absl::ZeroDuration()};
};

}  // namespace kr::cache
