#include "controller/runtime/signals.h"

#include <csignal>
#include <future>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

// Signals are per process, so each test runs in a child; its exit status is the result.
constexpr int kFine = 42;

TEST(SignalsDeathTest, FirstSignalAsksAndSecondInsists) {
  for (int signal : {SIGTERM, SIGINT}) {
    SCOPED_TRACE(signal);
    EXPECT_EXIT(
        {
          std::promise<void> first;
          std::promise<void> second;
          auto watcher =
              SignalWatcher::Start([&] { first.set_value(); }, [&] { second.set_value(); });
          if (!watcher.ok()) _exit(1);
          kill(getpid(), signal);
          first.get_future().get();
          kill(getpid(), signal);
          second.get_future().get();
          watcher->reset();
          _exit(kFine);
        },
        ::testing::ExitedWithCode(kFine), "");
  }
}

TEST(SignalsDeathTest, SecondSignalEndsTheProcessWithOne) {
  EXPECT_EXIT(
      {
        std::promise<void> first;
        auto watcher = SignalWatcher::Start([&] { first.set_value(); });
        if (!watcher.ok()) _exit(kFine);
        kill(getpid(), SIGTERM);
        first.get_future().get();
        kill(getpid(), SIGTERM);
        for (;;) pause();
      },
      ::testing::ExitedWithCode(1), "");
}

TEST(SignalsDeathTest, BrokenPipesDoNotKill) {
  EXPECT_EXIT(
      {
        auto watcher = SignalWatcher::Start([] {});
        if (!watcher.ok()) _exit(1);
        raise(SIGPIPE);
        _exit(kFine);
      },
      ::testing::ExitedWithCode(kFine), "");
}

TEST(SignalsDeathTest, EndsWithoutASignal) {
  EXPECT_EXIT(
      {
        auto watcher = SignalWatcher::Start([] { _exit(2); });
        if (!watcher.ok()) _exit(1);
        watcher->reset();
        _exit(kFine);
      },
      ::testing::ExitedWithCode(kFine), "");
}

}  // namespace
}  // namespace kr::runtime
