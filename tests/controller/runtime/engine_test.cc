#include "controller/runtime/engine.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace kr::runtime {
namespace {

using Names = std::vector<std::string>;

class EngineTest : public ::testing::Test {
 protected:
  Engine::Task Log(std::string name) {
    return [this, name] { log_.push_back(name); };
  }

  testing::FakeClock clock_;
  Engine engine_{clock_, EngineMetrics(), {.queue_limit_bytes = 100}};
  Names log_;
};

TEST_F(EngineTest, InputsRunInOrder) {
  for (const char* name : {"a", "b", "c"}) engine_.Post(1, Log(name));
  EXPECT_EQ(engine_.queued_inputs(), 3u);
  EXPECT_EQ(engine_.RunUntilIdle(), 3u);
  EXPECT_EQ(log_, (Names{"a", "b", "c"}));
  EXPECT_EQ(engine_.queued_bytes(), 0u);
}

TEST_F(EngineTest, TimersRunWhenDueAndNotBefore) {
  engine_.After(absl::Seconds(2), Log("two"));
  engine_.After(absl::Seconds(1), Log("one"));
  EXPECT_EQ(engine_.RunUntilIdle(), 0u);
  EXPECT_EQ(engine_.NextTimer(), engine_.Now() + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, Names{"one"});
  clock_.Advance(absl::Seconds(1));
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, (Names{"one", "two"}));
}

TEST_F(EngineTest, CancelledTimerDoesNotRun) {
  const TimerId id = engine_.After(absl::Seconds(1), Log("never"));
  EXPECT_TRUE(engine_.Cancel(id));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(engine_.RunUntilIdle(), 0u);
}

TEST_F(EngineTest, TimerInThePastIsDueButNotInsideTheCall) {
  engine_.At(engine_.Now() - absl::Seconds(5), Log("past"));
  EXPECT_TRUE(log_.empty());
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, Names{"past"});
}

TEST_F(EngineTest, TimerThatAlwaysComesBackDoesNotStarveInputs) {
  int left = 1000;
  std::function<void()> again = [&] {
    log_.push_back("t");
    if (--left > 0) engine_.At(engine_.Now(), again);
  };
  engine_.At(engine_.Now(), again);
  for (int i = 0; i < 3; ++i) engine_.Post(1, Log("i"));
  engine_.RunUntilIdle();
  EXPECT_EQ(Names(log_.begin(), log_.begin() + 6), (Names{"t", "i", "t", "i", "t", "i"}));
}

TEST_F(EngineTest, FloodOfInputsDoesNotStarveTimers) {
  for (int i = 0; i < 100; ++i) engine_.Post(0, Log("i"));
  engine_.At(engine_.Now(), Log("t"));
  engine_.RunUntilIdle();
  EXPECT_EQ(log_.front(), "t");
}

TEST_F(EngineTest, IdleWorkYieldsToInputsAndTimers) {
  int slices = 0;
  engine_.AddIdleWork([&] {
    log_.push_back("idle");
    if (++slices == 1) {
      engine_.Post(1, Log("input"));
      engine_.At(engine_.Now(), Log("timer"));
    }
    return slices < 3;
  });
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, (Names{"idle", "timer", "input", "idle", "idle"}));
}

TEST_F(EngineTest, IdleWorkTakesTurns) {
  for (const char* name : {"a", "b"}) {
    engine_.AddIdleWork([this, name, left = 2]() mutable {
      log_.push_back(name);
      return --left > 0;
    });
  }
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, (Names{"a", "b", "a", "b"}));
}

TEST_F(EngineTest, AsksToPauseAboveTheLimitUntilDrainedBelowHalf) {
  int drained = 0;
  engine_.AddDrainListener([&] { ++drained; });
  EXPECT_FALSE(engine_.Post(100, Log("fits")));
  EXPECT_TRUE(engine_.Post(1, Log("over")));
  EXPECT_TRUE(engine_.Post(0, Log("still over")));
  EXPECT_EQ(drained, 0);
  engine_.RunUntilIdle();
  EXPECT_EQ(drained, 1) << "once, however many inputs follow";
  EXPECT_EQ(log_.size(), 3u) << "nothing is refused";
  EXPECT_FALSE(engine_.Post(10, Log("again")));
}

TEST_F(EngineTest, BetweenHalfAndLimitAPausedPosterStaysPaused) {
  engine_.AddDrainListener([&] { log_.push_back("drained"); });
  engine_.Post(41, Log("a"));
  engine_.Post(30, Log("b"));
  // While this runs, the queue holds 71 of 100 bytes and was over the limit.
  EXPECT_TRUE(
      engine_.Post(30, [&] { log_.push_back(engine_.Post(0, Log("d")) ? "pause" : "go"); }));
  engine_.RunUntilIdle();
  EXPECT_EQ(log_, (Names{"a", "b", "drained", "go", "d"}));
}

TEST_F(EngineTest, OneInputAboveTheLimitIsTaken) {
  bool drained = false;
  engine_.AddDrainListener([&] { drained = true; });
  EXPECT_TRUE(engine_.Post(1000, Log("huge")));
  engine_.RunUntilIdle();
  EXPECT_TRUE(drained);
}

TEST_F(EngineTest, WeightCountsUntilTheInputIsDone) {
  engine_.Post(60, [&] { EXPECT_EQ(engine_.queued_bytes(), 60u); });
  engine_.RunUntilIdle();
  EXPECT_EQ(engine_.queued_bytes(), 0u);
}

TEST_F(EngineTest, ExceptionsAreCountedAndTheRestGoesOn) {
  Metrics metrics;
  const RuntimeMetrics runtime(metrics);
  Engine engine(clock_, runtime.engine);
  engine.Post(1, [] { throw std::runtime_error("input broke"); });
  engine.Post(1, [] { throw 42; });
  engine.At(engine.Now(), [] { throw std::runtime_error("timer broke"); });
  engine.AddIdleWork([]() -> bool { throw std::runtime_error("slice broke"); });
  engine.Post(1, Log("after"));
  engine.RunUntilIdle();
  EXPECT_EQ(log_, Names{"after"});
  EXPECT_EQ(runtime.engine.exceptions.value(), 4);
  EXPECT_EQ(engine.queued_bytes(), 0u);
}

TEST_F(EngineTest, SameInputsSameOutcome) {
  const auto run = [] {
    testing::FakeClock clock;
    Engine engine(clock);
    Names log;
    for (int i = 0; i < 50; ++i) {
      engine.Post(1, [&, i] {
        log.push_back("i" + std::to_string(i));
        engine.After(absl::Milliseconds((i * 37) % 11), [&, i] {
          log.push_back("t" + std::to_string(i));
          if (i % 3 == 0)
            engine.AddIdleWork([&, i] {
              log.push_back("s" + std::to_string(i));
              return false;
            });
        });
      });
    }
    for (int i = 0; i < 12; ++i) {
      engine.RunUntilIdle();
      clock.Advance(absl::Milliseconds(1));
    }
    return log;
  };
  const Names first = run();
  EXPECT_EQ(first.size(), 117u);
  EXPECT_EQ(run(), first);
}

// From here on with real threads.

TEST(EngineThread, PostsFromManyThreadsAllRunOnOne) {
  RealClock clock;
  Engine engine(clock);
  std::stop_source stop;
  int count = 0;  // engine thread only: ThreadSanitizer would tell
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < kThreads; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < kPosts; ++i) {
          engine.Post(10, [&] {
            if (++count == kThreads * kPosts) stop.request_stop();
          });
        }
      });
    }
    engine.Run(stop.get_token());
  }
  EXPECT_EQ(count, kThreads * kPosts);
}

TEST(EngineThread, StopWakesAnIdleEngine) {
  RealClock clock;
  Engine engine(clock, EngineMetrics(), {.heartbeat = absl::Hours(1)});
  std::jthread runner([&](std::stop_token stop) { engine.Run(stop); });
  std::atomic<bool> ran = false;
  engine.Post(1, [&] {
    ran = true;
    ran.notify_all();
  });
  ran.wait(false);
  runner.request_stop();
  runner.join();
}

TEST(EngineThread, TimerWakesAnIdleEngine) {
  RealClock clock;
  Engine engine(clock, EngineMetrics(), {.heartbeat = absl::Hours(1)});
  std::stop_source stop;
  engine.After(absl::Milliseconds(2), [&] { stop.request_stop(); });
  engine.Run(stop.get_token());
  EXPECT_EQ(engine.NextTimer(), std::nullopt);
}

TEST(EngineThread, IdleEngineKeepsBeating) {
  RealClock clock;
  Engine engine(clock, EngineMetrics(), {.heartbeat = absl::Milliseconds(1)});
  const MonotonicTime first = engine.last_beat();
  std::jthread runner([&](std::stop_token stop) { engine.Run(stop); });
  while (engine.last_beat() <= first) std::this_thread::yield();
}

TEST(EngineThread, InputsThatNeverRanAreDestroyed) {
  auto held = std::make_shared<int>(1);
  {
    testing::FakeClock clock;
    Engine engine(clock);
    engine.Post(1, [held] {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace kr::runtime
