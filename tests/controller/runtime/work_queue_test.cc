#include "controller/runtime/work_queue.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

// The first part follows client-go's queue_test, delaying_queue_test and rate_limiting_queue_test
// by name.
namespace kr::runtime {
namespace {

constexpr absl::Duration kNoWork = absl::ZeroDuration();

class WorkQueueTest : public ::testing::Test {
 protected:
  MonotonicTime Now() const { return clock_.Monotonic(); }
  // "" when nothing is ready.
  std::string Get() { return queue_.Get(Now()).value_or(""); }
  void Done(const std::string& key, absl::Duration busy = kNoWork) {
    queue_.Done(key, busy, Now());
  }

  testing::FakeClock clock_;
  WorkQueue<std::string> queue_;
};

TEST_F(WorkQueueTest, Basic) {
  for (const char* key : {"a", "b", "c"}) queue_.Add(key);
  EXPECT_EQ(queue_.size(), 3u);
  EXPECT_EQ(Get(), "a");
  EXPECT_EQ(Get(), "b");
  EXPECT_EQ(Get(), "c");
  EXPECT_EQ(Get(), "");
}

TEST_F(WorkQueueTest, AddWhileProcessing) {
  queue_.Add("foo");
  EXPECT_EQ(Get(), "foo");
  queue_.Add("foo");
  EXPECT_EQ(Get(), "") << "never handed out twice at a time";
  Done("foo");
  EXPECT_EQ(Get(), "foo") << "what was added while it was processed is not lost";
  Done("foo");
  EXPECT_EQ(Get(), "");
}

TEST_F(WorkQueueTest, CollapseWhileProcessing) {
  queue_.Add("foo");
  EXPECT_EQ(Get(), "foo");
  queue_.Add("foo");
  queue_.Add("foo");
  EXPECT_EQ(queue_.size(), 0u);
  Done("foo");
  EXPECT_EQ(queue_.size(), 1u);
}

TEST_F(WorkQueueTest, Len) {
  queue_.Add("foo");
  queue_.Add("bar");
  queue_.Add("foo");
  EXPECT_EQ(queue_.size(), 2u);
}

TEST_F(WorkQueueTest, Reinsert) {
  queue_.Add("foo");
  EXPECT_EQ(Get(), "foo");
  queue_.Add("foo");
  Done("foo");
  EXPECT_EQ(Get(), "foo");
  Done("foo");
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(WorkQueueTest, QueueDrainageUsingShutDown) {
  queue_.Add("foo");
  queue_.Add("bar");
  EXPECT_EQ(Get(), "foo");
  queue_.Add("foo");
  queue_.ShutDown();
  queue_.Add("baz");
  queue_.AddAt("baz", Now(), Now());
  queue_.AddRateLimited("baz", Now());
  EXPECT_EQ(Get(), "bar");
  Done("bar");
  Done("foo", absl::Seconds(1));
  EXPECT_EQ(Get(), "foo") << "it was added before the shutdown; no spacing any more";
  Done("foo");
  EXPECT_EQ(Get(), "");
  EXPECT_EQ(queue_.tracked(), 0u);
}

TEST_F(WorkQueueTest, ShutDownForgetsWaitingTimes) {
  queue_.AddAfter("delayed", absl::Seconds(5), Now());
  queue_.Add("spaced");
  Get();
  Done("spaced", absl::Seconds(1));
  queue_.Add("spaced");
  queue_.ShutDown();
  EXPECT_EQ(Get(), "spaced") << "it needs work, so it is drained";
  Done("spaced");
  EXPECT_EQ(queue_.NextReady(), std::nullopt);
  EXPECT_EQ(queue_.tracked(), 0u);
}

TEST_F(WorkQueueTest, GarbageCollection) {
  for (int i = 0; i < 100; ++i) queue_.Add(std::to_string(i));
  EXPECT_EQ(queue_.tracked(), 100u);
  for (std::string key = Get(); !key.empty(); key = Get()) Done(key);
  EXPECT_EQ(queue_.tracked(), 0u);
}

TEST_F(WorkQueueTest, SimpleQueue) {
  queue_.AddAfter("one", absl::Milliseconds(50), Now());
  EXPECT_EQ(Get(), "");
  EXPECT_EQ(queue_.NextReady(), Now() + absl::Milliseconds(50));
  clock_.Advance(absl::Milliseconds(60));
  EXPECT_EQ(Get(), "one");
  Done("one");
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(), "") << "once";
}

TEST_F(WorkQueueTest, Deduping) {
  queue_.AddAfter("first", absl::Milliseconds(50), Now());
  queue_.AddAfter("first", absl::Milliseconds(70), Now());
  clock_.Advance(absl::Milliseconds(60));
  EXPECT_EQ(Get(), "first");
  Done("first");
  clock_.Advance(absl::Milliseconds(20));
  EXPECT_EQ(Get(), "") << "the later time was dropped";

  queue_.AddAfter("second", absl::Milliseconds(50), Now());
  queue_.AddAfter("second", absl::Milliseconds(30), Now());
  clock_.Advance(absl::Milliseconds(40));
  EXPECT_EQ(Get(), "second") << "the earlier time wins";
  Done("second");
  clock_.Advance(absl::Milliseconds(20));
  EXPECT_EQ(Get(), "");
}

TEST_F(WorkQueueTest, AddTwoFireEarly) {
  queue_.AddAfter("third", absl::Seconds(1), Now());
  queue_.AddAfter("second", absl::Milliseconds(500), Now());
  queue_.AddAfter("first", absl::Milliseconds(50), Now());
  clock_.Advance(absl::Milliseconds(60));
  EXPECT_EQ(Get(), "first");
  clock_.Advance(absl::Milliseconds(450));
  EXPECT_EQ(Get(), "second");
  EXPECT_EQ(Get(), "");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), "third");
}

TEST_F(WorkQueueTest, CopyShifting) {
  for (int i : {3, 1, 2}) {
    queue_.AddAfter(std::to_string(i), absl::Milliseconds(100 * i), Now());
  }
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Get(), "1");
  EXPECT_EQ(Get(), "2");
  EXPECT_EQ(Get(), "3");
}

TEST_F(WorkQueueTest, AddAfterZeroIsAdd) {
  queue_.AddAfter("a", absl::ZeroDuration(), Now());
  queue_.AddAfter("b", absl::Seconds(-1), Now());
  EXPECT_EQ(queue_.size(), 2u);
}

TEST_F(WorkQueueTest, AddKeepsALaterDelayedAdd) {
  queue_.AddAfter("a", absl::Seconds(10), Now());
  queue_.Add("a");
  EXPECT_EQ(Get(), "a");
  Done("a");
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(), "a");
}

TEST_F(WorkQueueTest, ATimeThatHasComeDoesNotSwallowALaterOne) {
  queue_.AddAfter("a", absl::Seconds(1), Now());
  clock_.Advance(absl::Seconds(2));
  queue_.AddAfter("a", absl::Seconds(10), Now());
  EXPECT_EQ(Get(), "a");
  Done("a");
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(), "a");
}

TEST_F(WorkQueueTest, DelayedAddWhileProcessingWaitsForDone) {
  queue_.Add("a");
  Get();
  queue_.AddAfter("a", absl::Seconds(1), Now());
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Get(), "");
  Done("a");
  EXPECT_EQ(Get(), "a");
}

TEST_F(WorkQueueTest, RateLimitingQueue) {
  const std::vector<int> want_ms = {5, 10, 20, 40, 80};
  for (size_t i = 0; i < want_ms.size(); ++i) {
    EXPECT_EQ(queue_.failures("one"), static_cast<int>(i));
    queue_.AddRateLimited("one", Now());
    EXPECT_EQ(queue_.NextReady(), Now() + absl::Milliseconds(want_ms[i]));
    clock_.Advance(absl::Milliseconds(want_ms[i]));
    EXPECT_EQ(Get(), "one");
    Done("one");
  }
  EXPECT_EQ(queue_.failures("two"), 0) << "by key";
  queue_.Forget("one");
  EXPECT_EQ(queue_.tracked(), 0u);
  queue_.AddRateLimited("one", Now());
  EXPECT_EQ(queue_.NextReady(), Now() + absl::Milliseconds(5)) << "Forget resets";
}

TEST(ExponentialDelay, ItemExponentialFailureRateLimiter) {
  struct Case {
    int failures;
    absl::Duration want;
  };
  for (const Case& c : {Case{0, absl::Milliseconds(1)}, Case{1, absl::Milliseconds(2)},
                        Case{4, absl::Milliseconds(16)}, Case{10, absl::Seconds(1)},
                        Case{1'000'000, absl::Seconds(1)}}) {
    SCOPED_TRACE(c.failures);
    EXPECT_EQ(ExponentialDelay(absl::Milliseconds(1), absl::Seconds(1), c.failures), c.want);
  }
}

// From here on: what client-go does not have.

TEST_F(WorkQueueTest, NextEvaluationWaitsTwentyTimesTheLast) {
  queue_.Add("slow");
  Get();
  Done("slow", absl::Milliseconds(100));
  queue_.Add("slow");
  queue_.Add("other");
  EXPECT_EQ(Get(), "other") << "spacing is per key";
  Done("other");
  EXPECT_EQ(queue_.NextReady(), Now() + absl::Seconds(2));
  clock_.Advance(absl::Milliseconds(1999));
  EXPECT_EQ(Get(), "");
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Get(), "slow");
}

TEST_F(WorkQueueTest, SpacingDelaysWhatWasAddedWhileProcessing) {
  queue_.Add("slow");
  Get();
  queue_.Add("slow");
  Done("slow", absl::Milliseconds(100));
  EXPECT_EQ(Get(), "");
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Get(), "slow");
}

TEST_F(WorkQueueTest, SpacingDoesNotSwallowADelayedAdd) {
  queue_.Add("slow");
  Get();
  Done("slow", absl::Milliseconds(100));
  queue_.AddAfter("slow", absl::Seconds(1), Now());
  queue_.AddAfter("later", absl::Seconds(5), Now());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), "") << "its time came inside the spacing";
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), "slow");
  Done("slow");
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Get(), "later");
}

TEST_F(WorkQueueTest, SpacingIsForgottenWhenItIsOver) {
  queue_.Add("slow");
  Get();
  Done("slow", absl::Milliseconds(100));
  EXPECT_EQ(queue_.tracked(), 1u);
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Get(), "");
  EXPECT_EQ(queue_.tracked(), 0u);
}

TEST_F(WorkQueueTest, QuickEvaluationsCostNoSpacing) {
  queue_.Add("quick");
  Get();
  Done("quick", absl::Microseconds(10));
  EXPECT_EQ(queue_.tracked(), 0u);
}

TEST_F(WorkQueueTest, DoneOfAKeyThatIsNotProcessedIsIgnored) {
  Done("unknown");
  queue_.Add("a");
  Done("a");
  EXPECT_EQ(Get(), "a");
}

// Against a model that keeps a set per rule: random operations never lose an add, never hand a key
// out twice at a time, never hand it out early, and leave nothing behind.
TEST_F(WorkQueueTest, RandomOperationsAgreeWithTheRules) {
  std::mt19937 random(42);
  std::set<std::string> dirty, processing;
  std::map<std::string, MonotonicTime> not_before;
  std::map<std::string, MonotonicTime> delayed;
  const auto mature = [&] {
    std::erase_if(delayed, [&](const auto& entry) {
      if (entry.second > Now()) return false;
      dirty.insert(entry.first);
      return true;
    });
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::string key(1, static_cast<char>('a' + random() % 8));
    switch (random() % 5) {
      case 0:
        queue_.Add(key);
        dirty.insert(key);
        break;
      case 1: {
        const MonotonicTime when = Now() + absl::Milliseconds(1 + random() % 40);
        queue_.AddAt(key, when, Now());
        auto [it, fresh] = delayed.emplace(key, when);
        if (!fresh && when < it->second) it->second = when;
        break;
      }
      case 2: {
        mature();
        const std::optional<std::string> got = queue_.Get(Now());
        if (got) {
          ASSERT_TRUE(dirty.erase(*got)) << "nobody asked for it";
          ASSERT_TRUE(processing.insert(*got).second) << "twice at a time";
          ASSERT_LE(not_before[*got], Now()) << "too early";
        } else {
          for (const std::string& waiting : dirty) {
            ASSERT_TRUE(processing.contains(waiting) || not_before[waiting] > Now())
                << "lost " << waiting;
          }
        }
        break;
      }
      case 3:
        if (processing.erase(key)) {
          const absl::Duration busy = absl::Microseconds(random() % 500);
          queue_.Done(key, busy, Now());
          if (busy * 20 >= absl::Milliseconds(1)) not_before[key] = Now() + busy * 20;
        }
        break;
      case 4:
        clock_.Advance(absl::Milliseconds(random() % 5));
        mature();
        break;
    }
  }
  for (const std::string& key : processing) queue_.Done(key, kNoWork, Now());
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(absl::Milliseconds(10));
    for (std::string key = Get(); !key.empty(); key = Get()) Done(key);
  }
  EXPECT_EQ(queue_.tracked(), 0u);
}

}  // namespace
}  // namespace kr::runtime
