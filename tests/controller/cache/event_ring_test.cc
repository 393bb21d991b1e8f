#include "controller/cache/event_ring.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using ::kr::testing::Doc;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

absl::Time At(double minutes) {
  return kStart + absl::Minutes(minutes);
}

// An event that has happened `count` times, last at `minute` after the start.
EventFacts Event(const std::string& uid, double minute, int64_t count = 1,
                 double first_minute = 0.5) {
  EventFacts event;
  event.uid = uid;
  event.time = At(minute);
  event.first_time = At(first_minute);
  event.count = count;
  event.message = uid + " x" + std::to_string(count);
  return event;
}

constexpr absl::Duration kWindow = absl::Minutes(15);

class EventRingTest : public ::testing::Test {
 protected:
  int64_t Add(const EventFacts& event, double now = 60) {
    return ring.Add(event, kStart, kStart, At(now));
  }
  EventRing ring;
};

// The same three failures of a probe, as different recorders tell them.
TEST_F(EventRingTest, ThreeEvents) {
  EXPECT_EQ(Add(Event("a", 1)), 1);
  EXPECT_EQ(Add(Event("b", 2)), 1);
  EXPECT_EQ(Add(Event("c", 3)), 1);
  EXPECT_EQ(ring.Count(kWindow, At(4)), 3);
}

TEST_F(EventRingTest, OneEventWithCountThree) {
  EXPECT_EQ(Add(Event("a", 3, 3)), 3);
  EXPECT_EQ(ring.Count(kWindow, At(4)), 3);
}

TEST_F(EventRingTest, CountsThatGrowAndJump) {
  EXPECT_EQ(Add(Event("a", 1, 1)), 1);
  EXPECT_EQ(Add(Event("a", 2, 2)), 1);
  EXPECT_EQ(Add(Event("a", 7, 30)), 28);
  EXPECT_EQ(ring.Count(kWindow, At(8)), 30);
  EXPECT_EQ(ring.Count(kWindow, At(16.5)), 29) << "each at its own time";
  EXPECT_EQ(ring.Count(kWindow, At(21)), 28);
  EXPECT_EQ(ring.Count(kWindow, At(22)), 0);
}

TEST_F(EventRingTest, FirstSightOfAnOldAggregateCountsOnce) {
  EXPECT_EQ(Add(Event("a", 1, 543, /*first_minute=*/-600)), 1);
  EXPECT_EQ(Add(Event("a", 2, 545, /*first_minute=*/-600)), 2);
  EXPECT_EQ(ring.Count(kWindow, At(3)), 3);
}

TEST_F(EventRingTest, TheSameEventReplayedCountsOnce) {
  Add(Event("a", 1, 2));
  EXPECT_EQ(Add(Event("a", 1, 2)), 0);
  EXPECT_EQ(Add(Event("a", 1, 1)), 0) << "an older state of it, seen late";
  EXPECT_EQ(Add(Event("a", 2, 3)), 1);
  EXPECT_EQ(ring.Count(kWindow, At(3)), 3);
}

TEST_F(EventRingTest, WhatHappenedBeforeTheStartDoesNotCount) {
  EXPECT_EQ(Add(Event("a", -1, 5, -10)), 0);
  EXPECT_EQ(ring.Count(absl::Hours(5), At(1)), 0);
  EXPECT_EQ(ring.last(), absl::InfinitePast());
  EXPECT_EQ(Add(Event("a", 1, 7, -10)), 2) << "but is the base of what comes";
}

TEST_F(EventRingTest, TheSecondOfTheStartCounts) {
  EventFacts event = Event("a", 0);
  event.time = kStart;
  const absl::Time start = kStart + absl::Milliseconds(700);
  EXPECT_EQ(ring.Add(event, start, start, At(1)), 1);
}

TEST_F(EventRingTest, TheFutureIsNow) {
  Add(Event("a", 500), /*now=*/10);
  EXPECT_EQ(ring.last(), At(10));
  EXPECT_EQ(ring.Count(kWindow, At(24)), 1);
  EXPECT_EQ(ring.Count(kWindow, At(25)), 0);
}

TEST_F(EventRingTest, LastIsTheLatestNotTheLastToCome) {
  Add(Event("late", 5));
  Add(Event("early", 3));
  EXPECT_EQ(ring.last(), At(5));
  EXPECT_EQ(ring.last_message(), "late x1");
  EXPECT_EQ(ring.CountSince(At(3)), 1);
  EXPECT_EQ(ring.CountSince(At(2.9)), 2);
}

TEST_F(EventRingTest, SaysWhenItFallsBelow) {
  for (const double minute : {1.0, 2.0, 4.0}) Add(Event("e" + std::to_string(minute), minute));
  EXPECT_EQ(ring.FallsBelow(3, kWindow, At(5)), At(16));
  EXPECT_EQ(ring.FallsBelow(2, kWindow, At(5)), At(17));
  EXPECT_EQ(ring.FallsBelow(1, kWindow, At(5)), At(19));
  EXPECT_EQ(ring.FallsBelow(4, kWindow, At(5)), At(5)) << "already";
  for (int64_t n = 1; n <= 3; ++n) {
    const absl::Time when = ring.FallsBelow(n, kWindow, At(5));
    EXPECT_LT(ring.Count(kWindow, when), n);
    EXPECT_GE(ring.Count(kWindow, when - absl::Nanoseconds(1)), n);
  }
}

TEST_F(EventRingTest, MemoryIsBoundedAndNeverOvercounts) {
  for (int i = 0; i < 1000; ++i) Add(Event("e" + std::to_string(i), 1 + i * 0.01), 1 + i * 0.01);
  EXPECT_EQ(ring.Count(absl::Hours(1), At(11)), 1000)
      << "nothing is lost while all is in the window";
  // The last minute has 100; what was merged is dated back.
  EXPECT_LE(ring.Count(absl::Minutes(1), At(10.99)), 100);
  EXPECT_GE(ring.Count(absl::Minutes(0.5), At(10.99)), 49);
}

TEST_F(EventRingTest, AForgottenEventIsNotCountedAllOver) {
  Add(Event("a", 1, 20));
  for (int i = 0; i < 100; ++i) Add(Event("e" + std::to_string(i), 2));
  EXPECT_EQ(Add(Event("a", 3, 21)), 1);
}

TEST(EventRings, KeepSourcesAndObjectsApart) {
  EventRings rings(kStart);
  rings.Add("probes", "ns/a", Event("1", 1), kWindow, At(1));
  rings.Add("probes", "ns/b", Event("2", 1), kWindow, At(1));
  rings.Add("oom", "ns/a", Event("3", 1), kWindow, At(1));
  EXPECT_EQ(rings.Find("probes", "ns/a")->Count(kWindow, At(2)), 1);
  EXPECT_EQ(rings.Find("probes", "ns/c"), nullptr);
  std::vector<std::string> objects;
  rings.ForEach("probes",
                [&](const std::string& object, const EventRing&) { objects.push_back(object); });
  EXPECT_THAT(objects, ::testing::ElementsAre("ns/a", "ns/b"));
}

// In the minutes of these tests; so many additions that rings are looked through.
void AddOthers(EventRings& rings, double minute) {
  for (int i = 0; i < 1100; ++i) {
    rings.Add("s", "busy", Event("b" + std::to_string(i), minute), kWindow, At(minute));
  }
}

TEST(EventRings, QuietOnesAreForgottenWhenNobodyCanCountThemAnyMore) {
  EventRings rings(kStart);
  rings.Add("s", "old", Event("1", 1), kWindow, At(1));
  rings.Add("s", "counted for long", Event("2", 1), absl::Hours(3), At(1));
  AddOthers(rings, 59);
  EXPECT_NE(rings.Find("s", "old"), nullptr) << "an hour at least";
  AddOthers(rings, 70);
  EXPECT_EQ(rings.Find("s", "old"), nullptr);
  EXPECT_NE(rings.Find("s", "counted for long"), nullptr);
  EXPECT_NE(rings.Find("s", "busy"), nullptr);
}

TEST(EventRings, AnEventWhoseRingIsGoneCountsOnceMoreNotAllOver) {
  EventRings rings(kStart);
  EXPECT_EQ(rings.Add("s", "o", Event("1", 1, 50), kWindow, At(1)), 50)
      << "it began after the process did";
  AddOthers(rings, 70);
  ASSERT_EQ(rings.Find("s", "o"), nullptr);
  EXPECT_EQ(rings.Add("s", "o", Event("1", 71, 51), kWindow, At(71)), 1);
  EXPECT_EQ(rings.Add("s", "other", Event("2", 71, 3, /*first_minute=*/71), kWindow, At(71)), 3)
      << "began after all that is gone";
}

TEST(EventRings, AFloodOfObjectsPushesOutTheQuietest) {
  EventRings rings(kStart, /*max_rings=*/3);
  for (const char* object : {"a", "b", "c"})
    rings.Add("s", object, Event(object, 1), kWindow, At(1));
  rings.Add("s", "a", Event("again", 2), kWindow, At(2));
  rings.Add("s", "d", Event("d", 3), kWindow, At(3));
  EXPECT_EQ(rings.size(), 3u);
  EXPECT_EQ(rings.Find("s", "b"), nullptr);
  EXPECT_NE(rings.Find("s", "a"), nullptr);
  EXPECT_NE(rings.Find("s", "d"), nullptr);
}

// The time is the latest that the Event itself says, else its creation; the count is the largest.
TEST(EventFacts, ReadWhoeverWroteThem) {
  const struct {
    const char* name;
    const char* event;
    const char* time;
    const char* first;
    int64_t count;
  } cases[] = {
      {"core/v1",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T00:00:05Z"},"count":4,
           "firstTimestamp":"2026-01-01T00:00:01Z","lastTimestamp":"2026-01-01T00:00:09Z",
           "eventTime":null})",
       "2026-01-01T00:00:09Z", "2026-01-01T00:00:01Z", 4},
      {"events.k8s.io series",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T00:00:01Z"},
           "eventTime":"2026-01-01T00:00:01.250000Z","firstTimestamp":null,"lastTimestamp":null,
           "series":{"count":3,"lastObservedTime":"2026-01-01T00:00:08.500000Z"}})",
       "2026-01-01T00:00:08.5Z", "2026-01-01T00:00:01.25Z", 3},
      {"events.k8s.io, once",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T00:00:01Z"},
           "eventTime":"2026-01-01T00:00:02.000001Z"})",
       "2026-01-01T00:00:02.000001Z", "2026-01-01T00:00:02.000001Z", 1},
      {"posted late",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T02:00:00Z"},"count":1,
           "firstTimestamp":"2026-01-01T00:00:01Z","lastTimestamp":"2026-01-01T00:00:01Z"})",
       "2026-01-01T00:00:01Z", "2026-01-01T00:00:01Z", 1},
      {"almost nothing",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T00:00:01Z"},"count":0})",
       "2026-01-01T00:00:01Z", "2026-01-01T00:00:01Z", 1},
      {"nonsense",
       R"({"metadata":{"uid":"u","creationTimestamp":"2026-01-01T00:00:01Z"},"count":"many",
           "lastTimestamp":"yesterday","series":7})",
       "2026-01-01T00:00:01Z", "2026-01-01T00:00:01Z", 1},
  };
  std::vector<std::string> paths;
  for (const document::Path& path : EventPaths()) paths.push_back(path.ToString());
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const EventFacts facts = FactsOf(*Doc(std::string(c.event), paths));
    absl::Time time, first;
    std::string error;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, c.time, &time, &error)) << error;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, c.first, &first, &error)) << error;
    EXPECT_EQ(facts.uid, "u");
    EXPECT_EQ(facts.time, time);
    EXPECT_EQ(facts.first_time, first);
    EXPECT_EQ(facts.count, c.count);
  }
}

TEST(EventFacts, SayWhatTheyAreAbout) {
  const EventFacts facts = FactsOf(*Doc({{"type", "Warning"},
                                         {"reason", "Unhealthy"},
                                         {"message", "Liveness probe failed"},
                                         {"involvedObject",
                                          {{"apiVersion", "v1"},
                                           {"kind", "Pod"},
                                           {"namespace", "ns"},
                                           {"name", "p"},
                                           {"uid", "x"}}}}));
  EXPECT_EQ(facts.type, "Warning");
  EXPECT_EQ(facts.reason, "Unhealthy");
  EXPECT_EQ(facts.message, "Liveness probe failed");
  EXPECT_EQ(facts.about_api_version, "v1");
  EXPECT_EQ(facts.about_kind, "Pod");
  EXPECT_EQ(facts.about_namespace, "ns");
  EXPECT_EQ(facts.about_name, "p");
  EXPECT_EQ(facts.about_uid, "x");
  EXPECT_EQ(facts.time, absl::InfinitePast());
}

}  // namespace
}  // namespace kr::cache
