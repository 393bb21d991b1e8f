#include "controller/runtime/manager.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

using Names = std::vector<std::string>;

class ManagerTest : public ::testing::Test {
 protected:
  // Starts and stops with these results and writes down what happened.
  void Add(const std::string& name, Status start = OkStatus(), Status stop = OkStatus()) {
    manager_.Add({.name = name,
                  .start =
                      [this, name, start] {
                        log_.push_back("start " + name);
                        return start;
                      },
                  .stop =
                      [this, name, stop](const Manager::Stopping& stopping) {
                        log_.push_back("stop " + name + (stopping.clean ? "" : " unclean"));
                        deadlines_.push_back(stopping.deadline);
                        ready_while_stopping_ |= manager_.Ready()().ok();
                        return stop;
                      }});
  }
  Status RunAndStop() {
    std::stop_source stop;
    manager_.Add({.name = "stopper",
                  .start =
                      [&stop] {
                        stop.request_stop();
                        return OkStatus();
                      },
                  .stop = {}});
    return manager_.Run(stop.get_token());
  }

  testing::FakeClock clock_;
  Manager manager_{clock_};
  Names log_;
  std::vector<MonotonicTime> deadlines_;
  bool ready_while_stopping_ = false;
};

TEST_F(ManagerTest, StopsInReverseOrderOfStarting) {
  for (const char* name : {"health", "watches", "lease", "events", "work"}) Add(name);
  KR_EXPECT_OK(RunAndStop());
  EXPECT_EQ(log_,
            (Names{"start health", "start watches", "start lease", "start events", "start work",
                   "stop work", "stop events", "stop lease", "stop watches", "stop health"}));
}

TEST_F(ManagerTest, NotReadyBeforeAndWhileStopping) {
  Add("work");
  EXPECT_FALSE(manager_.Ready()().ok());
  KR_EXPECT_OK(RunAndStop());
  EXPECT_FALSE(ready_while_stopping_);
  EXPECT_FALSE(manager_.Ready()().ok());
}

TEST_F(ManagerTest, ReadyWhileItRuns) {
  Add("work");
  std::stop_source stop;
  std::jthread runner([&] { KR_EXPECT_OK(manager_.Run(stop.get_token())); });
  while (!manager_.Ready()().ok()) std::this_thread::yield();
  stop.request_stop();
}

TEST_F(ManagerTest, WorkThatDoesNotStopKeepsTheLeaseFromBeingReleased) {
  Add("lease");
  Add("events");
  Add("work", OkStatus(), DeadlineExceeded("a write hangs"));
  EXPECT_THAT(RunAndStop(), testing::StatusIs(absl::StatusCode::kDeadlineExceeded,
                                              "stopping work: a write hangs"));
  EXPECT_EQ(Names(log_.begin() + 3, log_.end()),
            (Names{"stop work", "stop events unclean", "stop lease unclean"}));
}

TEST_F(ManagerTest, AllPartsShareOneGracePeriod) {
  Add("a");
  Add("b");
  const MonotonicTime before = clock_.Monotonic();
  KR_EXPECT_OK(RunAndStop());
  EXPECT_EQ(deadlines_,
            (std::vector<MonotonicTime>{before + absl::Seconds(30), before + absl::Seconds(30)}));
}

TEST_F(ManagerTest, FailedStartStopsWhatWasStarted) {
  Add("health");
  Add("lease", PermissionDenied("leases"));
  Add("work");
  EXPECT_THAT(manager_.Run({}),
              testing::StatusIs(absl::StatusCode::kPermissionDenied, "starting lease: leases"));
  EXPECT_EQ(log_, (Names{"start health", "start lease", "stop health"}));
}

TEST_F(ManagerTest, FailEndsTheRunAndTheFirstReasonCounts) {
  Add("work");
  std::jthread failer;
  manager_.Add({.name = "failer",
                .start =
                    [&] {
                      failer = std::jthread([&] {
                        manager_.Fail(Aborted("lost the lease"));
                        manager_.Fail(Internal("and then something else"));
                      });
                      return OkStatus();
                    },
                .stop = {}});
  EXPECT_THAT(manager_.Run({}), testing::StatusIs(absl::StatusCode::kAborted, "lost the lease"));
  EXPECT_EQ(log_, (Names{"start work", "stop work"}));
}

TEST_F(ManagerTest, StopBeforeTheStartStartsNothing) {
  Add("work");
  std::stop_source stop;
  stop.request_stop();
  KR_EXPECT_OK(manager_.Run(stop.get_token()));
  EXPECT_EQ(log_, Names{});
}

}  // namespace
}  // namespace kr::runtime
