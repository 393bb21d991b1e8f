#include "controller/runtime/outbound_sender.h"

#include <thread>

#include <gtest/gtest.h>

#include "controller/runtime/api_sender.h"
#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

// Answers when it is let, or when it is stopped.
class BlockingCaller final : public kube::OutboundCaller {
 public:
  StatusOr<kube::OutboundAnswer> Send(const kube::OutboundRequest& request,
                                      std::stop_token stop) override {
    MutexLock lock(mu_);
    ++running_;
    changed_.NotifyAll();
    const bool let = changed_.Wait(mu_, stop, absl::Seconds(20),
                                   [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return open_; });
    --running_;
    if (!let) return Cancelled("cut off");
    return kube::OutboundAnswer{.response = {.code = 200, .headers = {}, .body = request.body}};
  }
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }
  size_t AwaitRunning(size_t count) {
    MutexLock lock(mu_);
    changed_.Wait(mu_, {}, absl::Seconds(20),
                  [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return running_ == count; });
    return running_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  size_t running_ ABSL_GUARDED_BY(mu_) = 0;
};

class OutboundWorkersTest : public ::testing::Test {
 protected:
  void Send(const std::string& body) {
    workers_.Send({.body = body}, [this](StatusOr<kube::OutboundAnswer> answer) {
      EXPECT_EQ(std::this_thread::get_id(), thread_);
      answers_.push_back(std::move(answer));
    });
  }
  void AwaitAnswers(size_t count) {
    while (answers_.size() < count) {
      if (engine_.RunUntilIdle() == 0) std::this_thread::yield();
    }
  }
  void Lead() { permit_.Begin({.holder = "me"}, clock_.Monotonic(), clock_.Monotonic()); }

  const std::thread::id thread_ = std::this_thread::get_id();
  RealClock clock_;
  Engine engine_{clock_};
  BlockingCaller caller_;
  WritePermit permit_;
  std::vector<StatusOr<kube::OutboundAnswer>> answers_;
  OutboundWorkers workers_{caller_, permit_, clock_, engine_, {.workers = 2}};
};

TEST_F(OutboundWorkersTest, AnswersComeBackAsInputsOfTheEngine) {
  Lead();
  caller_.Open();
  for (const char* body : {"a", "b", "c"}) Send(body);
  AwaitAnswers(3);
  for (const auto& answer : answers_) KR_EXPECT_OK(answer);
}

TEST_F(OutboundWorkersTest, SlowReceiversHoldNoMoreThanTheirThreads) {
  Lead();
  for (int i = 0; i < 5; ++i) Send("x");
  EXPECT_EQ(caller_.AwaitRunning(2), 2u);
  caller_.Open();
  AwaitAnswers(5);
}

TEST_F(OutboundWorkersTest, NoCallWithoutThePermit) {
  caller_.Open();
  Send("a");
  AwaitAnswers(1);
  EXPECT_TRUE(IsNotSent(answers_[0].status()));
}

TEST_F(OutboundWorkersTest, ACallEndsWithTheTerm) {
  Lead();
  Send("a");
  caller_.AwaitRunning(1);
  permit_.End();
  AwaitAnswers(1);
  EXPECT_THAT(answers_[0], testing::StatusIs(absl::StatusCode::kCancelled, "cut off"));
}

TEST_F(OutboundWorkersTest, StoppedItCutsOffAndSendsNothingMore) {
  Lead();
  Send("a");
  Send("b");
  caller_.AwaitRunning(2);
  Send("queued");
  workers_.Stop();
  Send("late");
  AwaitAnswers(4);
  size_t not_sent = 0;
  for (const auto& answer : answers_) not_sent += IsNotSent(answer.status()) ? 1 : 0;
  EXPECT_EQ(not_sent, 2u);
}

}  // namespace
}  // namespace kr::runtime
