// Signals that say that something happened: times of a schedule, Events; and that something is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/signals/absent.h"
#include "reconcilers/signals/events.h"
#include "reconcilers/signals/schedule.h"
#include "tests/reconcilers/signals/fake_view.h"
#include "tests/support/status_matchers.h"

namespace kr::signals {
namespace {

using ::testing::HasSubstr;

SignalPtr Nightly(absl::Time policy_created = absl::InfinitePast()) {
  auto signal = MakeSchedule({.cron = "0 3 * * *", .starting_deadline = absl::Hours(1)},
                             policy_created, "spec.triggers[0].schedule");
  EXPECT_TRUE(signal.ok()) << signal.status();
  return *std::move(signal);
}

FakeView AtTime(std::string_view time) {
  FakeView view;
  view.Set({{"metadata", {{"creationTimestamp", "2026-01-01T00:00:00Z"}}}});
  view.time = At(time);
  return view;
}

TEST(Schedule, HoldsFromItsTimeToItsDeadline) {
  const SignalPtr signal = Nightly();
  const Reading before = signal->Read(AtTime("02:59:59"));
  EXPECT_EQ(before.value, Tri::kFalse);
  EXPECT_EQ(before.valid_until, At("03:00:00"));
  const Reading due = signal->Read(AtTime("03:00:00"));
  EXPECT_EQ(due.value, Tri::kTrue);
  EXPECT_EQ(due.valid_until, At("04:00:00"));
  EXPECT_EQ(due.since, At("03:00:00"));
  EXPECT_EQ(due.evidence.at(0).message, "0 3 * * * (UTC) was due at 2026-03-02T03:00:00Z");
  EXPECT_EQ(signal->Read(AtTime("03:59:59")).value, Tri::kTrue);
  const Reading missed = signal->Read(AtTime("04:00:00"));
  EXPECT_EQ(missed.value, Tri::kFalse);
  EXPECT_EQ(missed.valid_until, At("03:00:00") + absl::Hours(24));
}

TEST(Schedule, IsAnsweredByARemediation) {
  FakeView view = AtTime("03:10:00");
  view.schedule_answered_at = At("03:00:00");  // made in the very second
  EXPECT_EQ(Nightly()->Read(view).value, Tri::kFalse);
  view.schedule_answered_at = At("02:59:59");  // of another trigger
  EXPECT_EQ(Nightly()->Read(view).value, Tri::kTrue);
}

TEST(Schedule, ARemediationThatWaitedIsStillAskedForAndItsWriteAnswersIt) {
  FakeView view = AtTime("06:00:00");
  view.began = At("03:00:01");
  EXPECT_EQ(Nightly()->Read(view).value, Tri::kTrue);
  view.answered_at = At("05:59:00");
  EXPECT_EQ(Nightly()->Read(view).value, Tri::kFalse);
}

TEST(Schedule, TimesBeforeThePolicyOrTheObjectAreNobodys) {
  FakeView view = AtTime("03:10:00");
  EXPECT_EQ(Nightly(At("03:05:00"))->Read(view).value, Tri::kFalse);
  view.Set({{"metadata", {{"creationTimestamp", "2026-03-02T03:05:00Z"}}}});
  EXPECT_EQ(Nightly()->Read(view).value, Tri::kFalse);
  EXPECT_EQ(Nightly()->Read(view).valid_until, At("03:00:00") + absl::Hours(24));
}

TEST(Schedule, IsPlannedAndProvesNothing) {
  EXPECT_TRUE(Nightly()->IsPlanned());
  EXPECT_TRUE(Nightly()->IsOccurrence());
}

TEST(Schedule, WhatCanNeverBeIsRefused) {
  for (const auto& [spec, problem] :
       {std::pair<crds::ScheduleSignal, const char*>{{.cron = "0 0 30 2 *"},
                                                     "spec.triggers[0].schedule.cron: "},
        {{.cron = "0 25 * * *"}, "spec.triggers[0].schedule.cron: "},
        {{.cron = "@daily", .time_zone = "Middle/Earth"},
         "spec.triggers[0].schedule.timeZone: \"Middle/Earth\" is no known time zone"}}) {
    EXPECT_THAT(MakeSchedule(spec, absl::InfinitePast(), "spec.triggers[0].schedule").status(),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem)));
  }
}

TEST(Absent, HoldsWhileThereIsNoObject) {
  const SignalPtr signal = MakeAbsent("ConfigMap");
  FakeView view;
  const Reading reading = signal->Read(view);
  EXPECT_EQ(reading.value, Tri::kTrue);
  EXPECT_EQ(reading.evidence.at(0).message, "there is no ConfigMap shop/web");
  EXPECT_EQ(reading.valid_until, absl::InfiniteFuture());
  view.Set({});
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
}

EventFacts Facts(const std::string& pod, const std::string& owner, const std::string& node,
                 absl::Time none_from, int64_t count = 1) {
  return {.object = {"v1", "Pod", "shop", pod, ""},
          .owner = owner,
          .node = node,
          .count = count,
          .none_from = none_from};
}

struct DistinctCase {
  crds::Distinct distinct;
  int64_t count;
  Tri want;
  const char* until;    // of True
  const char* message;  // of True
};
const DistinctCase kDistinct[] = {
    {crds::Distinct::kObject, 4, Tri::kTrue, "12:01:00",
     "4 different objects: shop/a, shop/b, shop/c, shop/d"},
    {crds::Distinct::kObject, 3, Tri::kTrue, "12:02:00",
     "4 different objects: shop/a, shop/b, shop/c, shop/d"},
    {crds::Distinct::kObject, 5, Tri::kFalse, "", ""},
    {crds::Distinct::kOwner, 3, Tri::kTrue, "12:02:00",
     "3 different owners: shop/d, shop/web, shop/worker"},
    {crds::Distinct::kOwner, 4, Tri::kFalse, "", ""},
    {crds::Distinct::kNode, 2, Tri::kTrue, "12:02:00", "2 different nodes: n1, n2"},
    {crds::Distinct::kNode, 3, Tri::kFalse, "", ""},  // d is on no node
};

TEST(Events, DistinctCountsWhatIsDifferent) {
  for (const DistinctCase& c : kDistinct) {
    SCOPED_TRACE(std::string(crds::ToString(c.distinct)) + " " + std::to_string(c.count));
    FakeView view;
    view.facts = std::vector<EventFacts>{
        Facts("a", "web", "n1", At("12:01:00"), 7), Facts("b", "web", "n2", At("12:02:00")),
        Facts("c", "worker", "n1", At("12:03:00")), Facts("d", "", "", At("12:04:00")),
        Facts("e", "none", "n9", At("12:09:00"), 0)};
    const Reading reading =
        MakeEvents({.from = "s", .count = c.count, .distinct = c.distinct})->Read(view);
    ASSERT_EQ(reading.value, c.want);
    if (c.want != Tri::kTrue) continue;
    EXPECT_EQ(reading.valid_until, At(c.until));
    EXPECT_EQ(reading.evidence.at(0).message, c.message);
    EXPECT_EQ(reading.evidence.at(1).count, 7);  // then the noisiest
  }
}

}  // namespace
}  // namespace kr::signals
