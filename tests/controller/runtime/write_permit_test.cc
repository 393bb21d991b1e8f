#include "controller/runtime/write_permit.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kr::runtime {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);

MonotonicTime At(double seconds) {
  return MonotonicTime(absl::Seconds(seconds));
}

WritePermit::Term Clean() {
  return {.holder = "me", .lease_transitions = 3};
}
WritePermit::Term Takeover() {
  return {.holder = "me", .lease_transitions = 4, .unreleased_takeover = true};
}

TEST(WritePermit, CoversNothingBeforeATerm) {
  const WritePermit permit;
  EXPECT_FALSE(permit.Covers(At(0), kTimeout));
  EXPECT_FALSE(permit.Covers(At(0), absl::ZeroDuration()));
  EXPECT_FALSE(permit.CoversDisruptive(At(0), kTimeout));
  EXPECT_TRUE(permit.stop().stop_requested());
  EXPECT_EQ(permit.disruptive_from(), MonotonicTime::InfiniteFuture());
}

// 15 s lease, 1 s safety: it ends 14 s after the renewal was started, whenever it was answered.
TEST(WritePermit, OutlastsTheWriteOrRefusesIt) {
  struct Case {
    const char* name;
    MonotonicTime now;
    absl::Duration timeout;
    bool want;
  };
  WritePermit permit;
  permit.Begin(Clean(), At(100), At(103));
  EXPECT_EQ(permit.valid_until(), At(114));
  for (const Case& c : {
           Case{"fresh", At(103), kTimeout, true},
           Case{"ends exactly with the permit", At(109), kTimeout, true},
           Case{"one moment too late", At(109.001), kTimeout, false},
           Case{"a long write early", At(103), absl::Seconds(12), false},
           Case{"a short write late", At(113), absl::Seconds(1), true},
           Case{"after the end", At(115), absl::ZeroDuration(), false},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(permit.Covers(c.now, c.timeout), c.want);
    EXPECT_EQ(permit.CoversDisruptive(c.now, c.timeout), c.want);
  }
}

TEST(WritePermit, RenewalExtendsFromItsStart) {
  WritePermit permit;
  permit.Begin(Clean(), At(100), At(100));
  permit.Renew(At(102));
  EXPECT_EQ(permit.valid_until(), At(116));
  permit.Renew(At(101));
  EXPECT_EQ(permit.valid_until(), At(116)) << "never shortened";
}

TEST(WritePermit, RenewalWithoutATermGrantsNothing) {
  WritePermit permit;
  permit.Renew(At(100));
  EXPECT_FALSE(permit.Covers(At(100), kTimeout));
  permit.Begin(Clean(), At(100), At(100));
  permit.End();
  permit.Renew(At(101));
  EXPECT_FALSE(permit.Covers(At(101), kTimeout)) << "a late answer must not revive it";
}

TEST(WritePermit, UnreleasedTakeoverIsQuietForOneWriteTimeoutAndASecond) {
  WritePermit permit;
  permit.Begin(Takeover(), At(100), At(101));
  EXPECT_EQ(permit.disruptive_from(), At(107));
  EXPECT_TRUE(permit.Covers(At(101), kTimeout)) << "intents and status may be written at once";
  EXPECT_FALSE(permit.CoversDisruptive(At(106.9), kTimeout));
  permit.Renew(At(106));
  EXPECT_TRUE(permit.CoversDisruptive(At(107), kTimeout));
}

TEST(WritePermit, EndStopsEverything) {
  WritePermit permit;
  permit.Begin(Clean(), At(100), At(100));
  const std::stop_token stop = permit.stop();
  int calls = 0;
  const std::stop_callback on_stop(stop, [&] {
    ++calls;
    EXPECT_FALSE(permit.Covers(At(101), kTimeout)) << "nothing may start once it is told";
  });
  EXPECT_FALSE(stop.stop_requested());
  EXPECT_EQ(permit.term().holder, "me");
  permit.End();
  permit.End();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(permit.term().holder, "");
}

TEST(WritePermit, TheNextTermHasItsOwnStop) {
  WritePermit permit;
  permit.Begin(Clean(), At(100), At(100));
  const std::stop_token first = permit.stop();
  permit.End();
  permit.Begin(Takeover(), At(200), At(200));
  EXPECT_TRUE(first.stop_requested());
  EXPECT_FALSE(permit.stop().stop_requested());
  EXPECT_EQ(permit.term().lease_transitions, 4);
}

TEST(WritePermit, DestructionEndsTheTerm) {
  std::stop_token stop;
  {
    WritePermit permit;
    permit.Begin(Clean(), At(100), At(100));
    stop = permit.stop();
  }
  EXPECT_TRUE(stop.stop_requested());
}

TEST(WritePermit, AskedFromManyThreadsWhileItChanges) {
  WritePermit permit;
  std::atomic<bool> finished = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&] {
      while (!finished) {
        (void)permit.CoversDisruptive(At(1), kTimeout);
        EXPECT_GT(permit.disruptive_from(), At(-1));
        const std::stop_callback callback(permit.stop(), [] {});
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    permit.Begin(Clean(), At(0), At(0));
    permit.Renew(At(1));
    permit.End();
  }
  finished = true;
}

}  // namespace
}  // namespace kr::runtime
