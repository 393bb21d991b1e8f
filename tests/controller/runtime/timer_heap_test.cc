#include "controller/runtime/timer_heap.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kr::runtime {
namespace {

MonotonicTime At(int seconds) {
  return MonotonicTime(absl::Seconds(seconds));
}

class TimerHeapTest : public ::testing::Test {
 protected:
  TimerHeap::Task Log(std::string name) {
    return [this, name] { log_.push_back(name); };
  }
  std::vector<std::string> RunDue(int seconds) {
    log_.clear();
    while (auto task = heap_.PopDue(At(seconds))) (*task)();
    return log_;
  }

  TimerHeap heap_;
  std::vector<std::string> log_;
};

using Names = std::vector<std::string>;

TEST_F(TimerHeapTest, RunsByTimeThenByAge) {
  heap_.Add(At(3), Log("late"));
  heap_.Add(At(1), Log("first"));
  heap_.Add(At(1), Log("second"));
  heap_.Add(At(0), Log("zero"));
  EXPECT_EQ(heap_.Next(), At(0));
  EXPECT_EQ(RunDue(2), (Names{"zero", "first", "second"}));
  EXPECT_EQ(heap_.Next(), At(3));
  EXPECT_EQ(RunDue(3), Names{"late"});
  EXPECT_EQ(heap_.Next(), std::nullopt);
}

TEST_F(TimerHeapTest, CancelledTimersDoNotRun) {
  const TimerId top = heap_.Add(At(1), Log("top"));
  const TimerId middle = heap_.Add(At(2), Log("middle"));
  heap_.Add(At(3), Log("end"));
  EXPECT_TRUE(heap_.Cancel(middle));
  EXPECT_TRUE(heap_.Cancel(top));
  EXPECT_FALSE(heap_.Cancel(top)) << "twice";
  EXPECT_FALSE(heap_.Cancel(TimerId::kNone));
  EXPECT_EQ(heap_.Next(), At(3)) << "the next time is never that of a cancelled timer";
  EXPECT_EQ(RunDue(9), Names{"end"});
}

TEST_F(TimerHeapTest, TimerThatRanCannotBeCancelled) {
  const TimerId id = heap_.Add(At(1), Log("a"));
  EXPECT_EQ(RunDue(1), Names{"a"});
  EXPECT_FALSE(heap_.Cancel(id));
}

TEST_F(TimerHeapTest, CancelDestroysTheTaskAtOnce) {
  auto alive = std::make_shared<int>(1);
  const TimerId id = heap_.Add(At(1), [alive] {});
  heap_.Cancel(id);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(TimerHeapTest, KeepsOrderAfterMassCancellation) {
  std::vector<TimerId> ids;
  Names want;
  for (int i = 0; i < 1000; ++i) {
    const int time = (i * 7919) % 1000;
    ids.push_back(heap_.Add(At(time), Log(std::to_string(time))));
  }
  for (int i = 0; i < 1000; ++i) {
    if ((i * 7919) % 1000 % 10 != 0) heap_.Cancel(ids[static_cast<size_t>(i)]);
  }
  for (int time = 0; time < 1000; time += 10) want.push_back(std::to_string(time));
  EXPECT_EQ(heap_.size(), 100u);
  EXPECT_EQ(RunDue(1000), want);
}

}  // namespace
}  // namespace kr::runtime
