#include "controller/runtime/event_recorder.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_api_sender.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fixed_random.h"

namespace kr::runtime {
namespace {

Event About(const std::string& node) {
  return {.reason = "Cordoned",
          .action = "Cordon",
          .note = "Cordoned the node",
          .regarding = {.api_version = "v1", .kind = "Node", .name = node, .uid = "uid-" + node}};
}

class EventRecorderTest : public ::testing::Test {
 protected:
  EventRecorderTest() : runtime_(metrics_) {
    recorder_ = std::make_unique<EventRecorder>(
        EventSource{"kube-remedy.io/controller", "pod-1"}, sender_, engine_, random_,
        runtime_.event,
        EventRecorder::Options{.max_queued = 5, .max_in_flight = 2, .max_tries = 3});
  }
  void Advance(absl::Duration d) {
    clock_.Advance(d);
    engine_.RunUntilIdle();
  }
  size_t InFlight() const { return sender_.pending().size(); }
  double Dropped() const { return runtime_.event.dropped.value(); }

  testing::FakeClock clock_;
  Engine engine_{clock_};
  testing::FixedRandom random_{0.5};  // the middle: waits are exactly retry_wait
  testing::FakeApiSender sender_;
  Metrics metrics_;
  RuntimeMetrics runtime_;
  std::unique_ptr<EventRecorder> recorder_;
};

TEST_F(EventRecorderTest, WritesOnTheBackgroundLaneWithoutAPermit) {
  recorder_->Record(About("n1"));
  ASSERT_EQ(InFlight(), 1u);
  EXPECT_EQ(sender_.pending()[0].options.lane, Lane::kBackground);
  EXPECT_EQ(sender_.pending()[0].options.permit, PermitNeed::kNone);
  EXPECT_FALSE(recorder_->idle());
  sender_.Reply(201);
  EXPECT_TRUE(recorder_->idle());
  EXPECT_EQ(runtime_.event.recorded.value(), 1);
}

TEST_F(EventRecorderTest, RepetitionsCostTwoWrites) {
  recorder_->Record(About("n1"));
  sender_.Reply(201);
  for (int i = 0; i < 50; ++i) recorder_->Record(About("n1"));
  ASSERT_EQ(InFlight(), 1u);
  EXPECT_EQ(sender_.pending()[0].request.method, "PATCH");
  sender_.Reply(200);
  EXPECT_EQ(InFlight(), 0u);
  EXPECT_EQ(sender_.log().size(), 2u);
}

TEST_F(EventRecorderTest, FewAtATime) {
  for (const char* node : {"a", "b", "c", "d"}) recorder_->Record(About(node));
  EXPECT_EQ(InFlight(), 2u);
  sender_.Reply(201);
  EXPECT_EQ(InFlight(), 2u);
}

TEST_F(EventRecorderTest, DroppedWhenFull) {
  for (const char* node : {"a", "b", "c", "d", "e", "f", "g"}) recorder_->Record(About(node));
  EXPECT_EQ(Dropped(), 2);
  while (InFlight() > 0) sender_.Reply(201);
  EXPECT_EQ(sender_.log().size(), 5u);
  EXPECT_TRUE(recorder_->idle());
  recorder_->Record(About("f"));
  EXPECT_EQ(InFlight(), 1u) << "there is room again, and it is not taken for a repetition";
}

TEST_F(EventRecorderTest, OutageIsRetriedAFewTimes) {
  recorder_->Record(About("n1"));
  for (int i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    ASSERT_EQ(InFlight(), 1u);
    sender_.Fail(Unavailable("connection refused"));
    EXPECT_EQ(InFlight(), 0u) << "not at once";
    Advance(absl::Seconds(10));
  }
  EXPECT_EQ(InFlight(), 0u);
  EXPECT_EQ(Dropped(), 1);
  EXPECT_TRUE(recorder_->idle());
}

TEST_F(EventRecorderTest, RefusedEventsAreNotRetried) {
  recorder_->Record(About("n1"));
  sender_.Fail(PermissionDenied("the namespace is being terminated"));
  Advance(absl::Seconds(60));
  EXPECT_EQ(sender_.log().size(), 1u);
  EXPECT_EQ(Dropped(), 1);
}

TEST_F(EventRecorderTest, LostAnswerOfACreateIsNoProblem) {
  recorder_->Record(About("n1"));
  sender_.Fail(DeadlineExceeded("no answer"));
  Advance(absl::Seconds(10));
  sender_.Fail(AlreadyExists("it is there"));
  EXPECT_TRUE(recorder_->idle());
  EXPECT_EQ(Dropped(), 0);
  recorder_->Record(About("n1"));
  EXPECT_EQ(sender_.pending()[0].request.method, "PATCH") << "known to exist";
}

TEST_F(EventRecorderTest, ExpiredEventIsCreatedAgain) {
  recorder_->Record(About("n1"));
  sender_.Reply(201);
  recorder_->Record(About("n1"));
  sender_.Fail(NotFound("the TTL took it"));
  ASSERT_EQ(InFlight(), 1u);
  EXPECT_EQ(sender_.pending()[0].request.method, "POST");
}

TEST_F(EventRecorderTest, SilentSeriesIsFinished) {
  recorder_->Record(About("n1"));
  sender_.Reply(201);
  recorder_->Record(About("n1"));
  sender_.Reply(200);
  recorder_->Record(About("n1"));
  Advance(absl::Minutes(6));
  ASSERT_EQ(InFlight(), 1u);
  const auto body = nlohmann::json::parse(sender_.pending()[0].request.body);
  EXPECT_EQ(body["series"]["count"], 3);
  sender_.Reply(200);
  Advance(absl::Minutes(1));
  EXPECT_EQ(engine_.NextTimer(), std::nullopt) << "nothing left to look after";
}

TEST_F(EventRecorderTest, AnswersAndTimersAfterItsEndAreHarmless) {
  recorder_->Record(About("a"));
  recorder_->Record(About("b"));
  sender_.Fail(Unavailable("connection refused"));
  recorder_.reset();
  sender_.Reply(201);
  Advance(absl::Minutes(5));
}

}  // namespace
}  // namespace kr::runtime
