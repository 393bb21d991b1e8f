#include "reconcilers/remediation/status_reporter.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_api_sender.h"
#include "tests/support/fake_clock.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

class StatusReporterTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration duration) {
    clock.Advance(duration);
    engine.RunUntilIdle();
  }
  void Touch() {
    reporter.Touch("u");
    engine.RunUntilIdle();
  }

  testing::FakeClock clock;
  runtime::Engine engine{clock};
  testing::FakeApiSender api;
  json before = {{"a", 1}};
  json after = {{"a", 2}};
  int looks = 0;
  StatusReporter reporter{StatusReporter::Options{.interval = absl::Seconds(5)}, engine, api,
                          [this](const std::string&) {
                            ++looks;
                            StatusReporter::Wanted wanted;
                            wanted.resource = {{"g", "v1", "Kind"}, "kinds", false};
                            wanted.metadata.name = "o";
                            wanted.before = before;
                            wanted.after = after;
                            return std::optional(wanted);
                          }};
};

TEST_F(StatusReporterTest, TheFirstReportGoesOutAtOnceAndTheNextAfterTheInterval) {
  Touch();
  ASSERT_EQ(api.log().size(), 1u);
  api.Reply(200);
  before = after;
  after = {{"b", 1}};
  Touch();
  Pass(absl::Milliseconds(4900));
  EXPECT_EQ(api.log().size(), 1u);
  Pass(absl::Milliseconds(200));
  ASSERT_EQ(api.log().size(), 2u);
  EXPECT_EQ(json::parse(api.pending().front().request.body)["status"],
            json({{"a", nullptr}, {"b", 1}}));
}

TEST_F(StatusReporterTest, WhatChangesDuringAWriteIsToldAfterIt) {
  Touch();
  after = {{"a", 3}};
  Touch();
  Pass(absl::Seconds(10));
  EXPECT_EQ(api.log().size(), 1u);
  api.Reply(200);
  Pass(absl::Seconds(5));
  EXPECT_EQ(api.log().size(), 2u);
}

// Each of thousands of targets that come touches the policy, and its status stays as it is.
TEST_F(StatusReporterTest, ThatNothingIsNewIsNotFoundOutEachTime) {
  after = before;
  for (int i = 0; i < 1000; ++i) Touch();
  EXPECT_EQ(looks, 1);
  after = {{"a", 2}};
  Touch();
  EXPECT_EQ(api.log().size(), 0u);
  Pass(absl::Milliseconds(100));
  EXPECT_EQ(api.log().size(), 1u) << "news does not wait for the whole interval then";
  EXPECT_EQ(looks, 2);
}

}  // namespace
}  // namespace kr::remediation
