#include "controller/cache/connectivity.h"

#include <gtest/gtest.h>

namespace kr::cache {
namespace {

MonotonicTime At(double seconds) {
  return MonotonicTime(absl::Seconds(seconds));
}

TEST(Connectivity, CountsConnectedTimeOnly) {
  Connectivity c(At(0));
  EXPECT_EQ(c.DisconnectedFor(At(4)), absl::Seconds(4));
  c.Up(At(10));
  EXPECT_TRUE(c.connected());
  EXPECT_EQ(c.ConnectedTime(At(25)), absl::Seconds(15));
  c.Down(At(30));
  EXPECT_EQ(c.ConnectedTime(At(90)), absl::Seconds(20));
  EXPECT_EQ(c.DisconnectedFor(At(90)), absl::Seconds(60));
  c.Up(At(100));
  EXPECT_EQ(c.ConnectedTime(At(105)), absl::Seconds(25));
  EXPECT_EQ(c.DisconnectedFor(At(105)), absl::ZeroDuration());
}

// semantics.md 9
TEST(Connectivity, WatchRotationKeepsLeaseAge) {
  Connectivity c(At(0));
  c.Up(At(1));
  const absl::Duration observed = c.ConnectedTime(At(2));  // the lease was seen to change
  c.Down(At(300));
  c.Up(At(300.01));
  EXPECT_EQ(c.ConnectedTime(At(302.01)) - observed, absl::Seconds(300));
  EXPECT_EQ(c.last_outage().length, absl::ZeroDuration()) << "a renewal is no outage";
}

TEST(Connectivity, RemembersTheLastOutage) {
  Connectivity c(At(0));
  c.Up(At(20));
  EXPECT_EQ(c.last_outage().length, absl::Seconds(20)) << "nothing was seen before the start";
  c.Down(At(100));
  EXPECT_EQ(c.last_outage().end, At(20)) << "only an ended one counts";
  c.Up(At(160));
  EXPECT_EQ(c.last_outage().end, At(160));
  EXPECT_EQ(c.last_outage().length, absl::Minutes(1));
}

TEST(Connectivity, SayingTheSameTwiceChangesNothing) {
  Connectivity c(At(0));
  c.Up(At(1));
  c.Up(At(5));
  EXPECT_EQ(c.ConnectedTime(At(6)), absl::Seconds(5));
  c.Down(At(7));
  c.Down(At(9));
  EXPECT_EQ(c.DisconnectedFor(At(10)), absl::Seconds(3));
}

}  // namespace
}  // namespace kr::cache
