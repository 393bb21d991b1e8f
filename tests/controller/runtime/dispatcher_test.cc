#include "controller/runtime/dispatcher.h"

#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "controller/kube/api_error.h"
#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

using ::testing::HasSubstr;

// Each request waits until the test lets it go, or it is cancelled.
class BlockingClient final : public kube::Client {
 public:
  StatusOr<kube::Reply> Send(const kube::HttpRequest& request, std::stop_token stop) override {
    MutexLock lock(mu_);
    threads_.insert(std::this_thread::get_id());
    running_.insert(request.target);
    changed_.NotifyAll();
    const bool allowed =
        changed_.Wait(mu_, stop, absl::Seconds(20), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
          return open_ || allowed_.contains(request.target);
        });
    running_.erase(running_.find(request.target));
    changed_.NotifyAll();
    if (!allowed) return Cancelled("cancelled in flight");
    auto it = answers_.find(request.target);
    if (it != answers_.end()) return it->second;
    return kube::Reply{.code = 200, .body = "answer to " + request.target};
  }

  void Allow(const std::string& target) {
    MutexLock lock(mu_);
    allowed_.insert(target);
    changed_.NotifyAll();
  }
  void AllowAll() {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }
  void SetAnswer(const std::string& target, Status status) {
    MutexLock lock(mu_);
    answers_.emplace(target, std::move(status));
  }
  size_t threads() {
    MutexLock lock(mu_);
    return threads_.size();
  }
  // Waits until exactly these run; what was seen last.
  std::multiset<std::string> AwaitRunning(const std::multiset<std::string>& want) {
    MutexLock lock(mu_);
    changed_.Wait(mu_, {}, absl::Seconds(20),
                  [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return running_ == want; });
    return running_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  std::set<std::string> allowed_ ABSL_GUARDED_BY(mu_);
  std::multiset<std::string> running_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Status> answers_ ABSL_GUARDED_BY(mu_);
  std::set<std::thread::id> threads_ ABSL_GUARDED_BY(mu_);
};

using Targets = std::multiset<std::string>;

class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() : runtime_(metrics_) {}

  void Send(const std::string& method, const std::string& target, SendOptions options = {}) {
    kube::HttpRequest request;
    request.method = method;
    request.target = target;
    request.timeout = absl::Seconds(5);
    dispatcher_.Send(
        request,
        [this, target](StatusOr<kube::Reply> reply) {
          EXPECT_EQ(std::this_thread::get_id(), thread_);
          ASSERT_TRUE(answers_.emplace(target, std::move(reply)).second) << "answered twice";
        },
        options);
  }
  // Runs the engine here until `count` answers came in all.
  void AwaitAnswers(size_t count) {
    while (answers_.size() < count) {
      if (engine_.RunUntilIdle() == 0) std::this_thread::yield();
    }
  }
  Status AnswerTo(const std::string& target) {
    auto it = answers_.find(target);
    return it == answers_.end() ? NotFound("no answer") : it->second.status();
  }
  void Lead() { permit_.Begin({.holder = "me"}, clock_.Monotonic(), clock_.Monotonic()); }

  const std::thread::id thread_ = std::this_thread::get_id();
  RealClock clock_;
  Engine engine_{clock_};
  Metrics metrics_;
  RuntimeMetrics runtime_;
  BlockingClient client_;
  WritePermit permit_;
  std::map<std::string, StatusOr<kube::Reply>> answers_;
  Dispatcher dispatcher_{client_, permit_, clock_, engine_, runtime_.request, {.workers = 4}};
};

// What nobody needs costs no memory.
TEST_F(DispatcherTest, WorkersAreStartedWhenThereIsWorkForThem) {
  Send("GET", "/a");
  Send("GET", "/b");
  EXPECT_EQ(client_.AwaitRunning({"/a", "/b"}), (Targets{"/a", "/b"}));
  EXPECT_EQ(client_.threads(), 2u);
  client_.AllowAll();
  AwaitAnswers(2);
  ASSERT_TRUE(dispatcher_.WaitIdle(absl::Seconds(20)));
  Send("GET", "/c");
  AwaitAnswers(3);
  EXPECT_LE(client_.threads(), 3u) << "one that was on its way to its next wait";
}

TEST_F(DispatcherTest, AnswersComeBackAsInputsOfTheEngine) {
  client_.AllowAll();
  Send("GET", "/a");
  EXPECT_TRUE(dispatcher_.WaitIdle(absl::Seconds(20)));
  EXPECT_TRUE(answers_.empty()) << "not before the engine runs";
  EXPECT_GE(engine_.queued_bytes(), std::string("answer to /a").size());
  engine_.RunUntilIdle();
  KR_ASSERT_OK(answers_.at("/a"));
  EXPECT_EQ(answers_.at("/a")->body, "answer to /a");
  EXPECT_EQ(runtime_.request.total.With({"GET", "200"}).value(), 1);
}

TEST_F(DispatcherTest, FloodOfReadsLeavesRoomForWrites) {
  for (int i = 0; i < 10; ++i) Send("GET", "/read");
  EXPECT_EQ(client_.AwaitRunning({"/read", "/read", "/read"}).size(), 3u);
  Send("PATCH", "/write");
  EXPECT_EQ(client_.AwaitRunning({"/read", "/read", "/read", "/write"}).size(), 4u);
}

TEST_F(DispatcherTest, FloodOfWritesLeavesRoomForReads) {
  for (int i = 0; i < 10; ++i) Send("POST", "/write");
  Send("GET", "/read");
  EXPECT_EQ(client_.AwaitRunning({"/read", "/write", "/write", "/write"}).size(), 4u);
}

TEST_F(DispatcherTest, EventsTakeOneWorkerOnly) {
  for (int i = 0; i < 10; ++i) Send("POST", "/event", {.lane = Lane::kBackground});
  Send("GET", "/read");
  EXPECT_EQ(client_.AwaitRunning({"/event", "/read"}).size(), 2u);
}

TEST_F(DispatcherTest, ALaneIsFirstInFirstOut) {
  for (const char* target : {"/1", "/2", "/3", "/4", "/5"}) Send("GET", target);
  client_.AwaitRunning({"/1", "/2", "/3"});
  client_.Allow("/2");
  EXPECT_EQ(client_.AwaitRunning({"/1", "/3", "/4"}), (Targets{"/1", "/3", "/4"}));
}

TEST_F(DispatcherTest, WhatHasPatienceLetsOthersGoFirstWhileThereIsMoreToSendThanWorkers) {
  Send("PUT", "/at-once", {.patience = absl::Hours(1)});
  EXPECT_EQ(client_.AwaitRunning({"/at-once"}), Targets{"/at-once"})
      << "nothing else is to be sent";
  for (const char* target : {"/1", "/2"}) Send("PUT", target);
  client_.AwaitRunning({"/at-once", "/1", "/2"});
  Send("PUT", "/report", {.patience = absl::Hours(1)});
  Send("PUT", "/long-over", {.patience = -absl::Hours(1)});
  Send("PUT", "/action");
  client_.Allow("/1");
  client_.AwaitRunning({"/at-once", "/2", "/long-over"});
  client_.Allow("/2");
  client_.AwaitRunning({"/at-once", "/long-over", "/action"});
  client_.Allow("/action");
  EXPECT_EQ(client_.AwaitRunning({"/at-once", "/long-over", "/report"}),
            (Targets{"/at-once", "/long-over", "/report"}));
}

TEST_F(DispatcherTest, ErrorsArePassedOnAndCounted) {
  kube::HttpResponse refusal;
  refusal.code = 409;
  refusal.body = R"({"kind":"Status","reason":"Conflict","code":409})";
  client_.SetAnswer("/conflict", kube::ToStatus(refusal));
  client_.SetAnswer("/broken", Unavailable("reset"));
  client_.AllowAll();
  Send("PUT", "/conflict");
  Send("PUT", "/broken");
  AwaitAnswers(2);
  EXPECT_TRUE(absl::IsAborted(AnswerTo("/conflict")));
  EXPECT_FALSE(IsNotSent(AnswerTo("/broken"))) << "it may have been executed";
  EXPECT_EQ(runtime_.request.total.With({"PUT", "409"}).value(), 1);
  EXPECT_EQ(runtime_.request.total.With({"PUT", "error"}).value(), 1);
}

TEST_F(DispatcherTest, WritesWithoutAPermitAreNotSent) {
  Send("PATCH", "/write", {.permit = PermitNeed::kWrite});
  AwaitAnswers(1);
  EXPECT_TRUE(IsNotSent(AnswerTo("/write")));
  EXPECT_TRUE(absl::IsFailedPrecondition(AnswerTo("/write")));
  EXPECT_EQ(runtime_.request.refused.value(), 1);
}

TEST_F(DispatcherTest, APermitThatEndsBeforeTheWriteCouldIsNoPermit) {
  permit_.Begin({.holder = "me"}, clock_.Monotonic() - absl::Seconds(10), clock_.Monotonic());
  Send("PATCH", "/write", {.permit = PermitNeed::kWrite});
  AwaitAnswers(1);
  EXPECT_TRUE(IsNotSent(AnswerTo("/write")));
}

TEST_F(DispatcherTest, DisruptiveWritesWaitOutATakeover) {
  permit_.Begin({.holder = "me", .unreleased_takeover = true}, clock_.Monotonic(),
                clock_.Monotonic());
  client_.AllowAll();
  Send("POST", "/eviction", {.permit = PermitNeed::kDisruptive});
  Send("PATCH", "/status", {.permit = PermitNeed::kWrite});
  AwaitAnswers(2);
  EXPECT_TRUE(IsNotSent(AnswerTo("/eviction")));
  KR_EXPECT_OK(AnswerTo("/status"));
}

TEST_F(DispatcherTest, EndOfThePermitCancelsWritesInFlightAndNotReads) {
  Lead();
  Send("PATCH", "/write", {.permit = PermitNeed::kWrite});
  Send("GET", "/read");
  client_.AwaitRunning({"/read", "/write"});
  permit_.End();
  AwaitAnswers(1);
  EXPECT_TRUE(absl::IsCancelled(AnswerTo("/write")));
  EXPECT_FALSE(IsNotSent(AnswerTo("/write"))) << "its outcome is unknown";
  EXPECT_EQ(client_.AwaitRunning({"/read"}), Targets{"/read"});
}

TEST_F(DispatcherTest, StopCancelsWhatRunsAndRefusesWhatWaits) {
  for (const char* target : {"/1", "/2", "/3", "/waits"}) Send("GET", target);
  client_.AwaitRunning({"/1", "/2", "/3"});
  dispatcher_.Stop();
  Send("GET", "/late");
  AwaitAnswers(5);
  EXPECT_TRUE(absl::IsCancelled(AnswerTo("/1")));
  EXPECT_TRUE(IsNotSent(AnswerTo("/waits")));
  EXPECT_TRUE(IsNotSent(AnswerTo("/late")));
  dispatcher_.Stop();
}

TEST_F(DispatcherTest, WaitIdleTellsWhetherItWasReached) {
  Send("GET", "/a");
  client_.AwaitRunning({"/a"});
  EXPECT_FALSE(dispatcher_.WaitIdle(absl::Milliseconds(1)));
  client_.AllowAll();
  EXPECT_TRUE(dispatcher_.WaitIdle(absl::Seconds(20)));
}

TEST_F(DispatcherTest, ManyRequestsEachAnsweredOnce) {
  client_.AllowAll();
  for (int i = 0; i < 500; ++i) Send(i % 2 == 0 ? "GET" : "PATCH", "/" + std::to_string(i));
  AwaitAnswers(500);
  EXPECT_EQ(answers_.size(), 500u);
}

TEST(NotSent, IsToldApartFromOtherRefusals) {
  EXPECT_TRUE(IsNotSent(NotSent("why")));
  EXPECT_TRUE(IsNotSent(Annotate(NotSent("why"), "patching node n1")));
  EXPECT_FALSE(IsNotSent(FailedPrecondition("why")));
  EXPECT_FALSE(IsNotSent(OkStatus()));
}

}  // namespace
}  // namespace kr::runtime
