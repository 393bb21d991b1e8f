#include "reconcilers/signals/increase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/random.h"
#include "tests/reconcilers/signals/fake_view.h"
#include "tests/support/status_matchers.h"

namespace kr::signals {
namespace {

using crds::IntOrPercent;
using ::testing::HasSubstr;

class Increase : public ::testing::Test {
 protected:
  Increase() { Make(IntOrPercent::Count(5), absl::Minutes(10)); }

  void Make(IntOrPercent by, absl::Duration within, const std::string& expression = "object.n") {
    auto made = MakeIncrease({.expression = expression, .by = by, .within = within}, ObjectScope(),
                             "number", "spec.triggers[0].increase");
    KR_ASSERT_OK(made.status());
    signal_ = *std::move(made);
  }
  // The object has that number from now on, and is evaluated.
  Reading Becomes(double n, absl::Duration after = absl::ZeroDuration()) {
    view.time += after;
    view.Set({{"n", n}});
    signal_->Note(view, since_start, view.remembered);
    return signal_->Read(view);
  }
  Reading Later(absl::Duration after) {
    view.time += after;
    return signal_->Read(view);
  }

  FakeView view;
  bool since_start = false;
  SignalPtr signal_;
};

TEST_F(Increase, HoldsFromTheValueThatReachesItUntilTheLowOneLeavesTheWindow) {
  EXPECT_EQ(Becomes(3).value, Tri::kFalse);
  EXPECT_EQ(Becomes(7, absl::Minutes(2)).value, Tri::kFalse);
  const Reading reading = Becomes(8, absl::Minutes(1));
  ASSERT_EQ(reading.value, Tri::kTrue);
  // 3 was left two minutes after noon.
  EXPECT_EQ(reading.valid_until, At("12:12:00"));
  EXPECT_EQ(reading.evidence.at(0).message,
            "grew from 3 to 8 within 10m (5 is too much): object.n");
  EXPECT_EQ(reading.evidence.at(0).first_seen, At("12:02:00"));
  EXPECT_EQ(Later(absl::Minutes(9) - absl::Nanoseconds(1)).value, Tri::kTrue);
  EXPECT_EQ(Later(absl::Nanoseconds(1)).value, Tri::kFalse);
}

TEST_F(Increase, ANumberThatStaysHasNoTimer) {
  EXPECT_EQ(Becomes(3).valid_until, absl::InfiniteFuture());
  EXPECT_EQ(Becomes(4, absl::Minutes(1)).valid_until, absl::InfiniteFuture());
}

TEST_F(Increase, AfterAFallItCountsFromTheLowestPoint) {
  Becomes(100);
  Becomes(10, absl::Minutes(1));
  EXPECT_EQ(Becomes(14, absl::Minutes(1)).value, Tri::kFalse);
  const Reading reading = Becomes(15, absl::Minutes(1));
  ASSERT_EQ(reading.value, Tri::kTrue);
  EXPECT_THAT(reading.evidence.at(0).message, HasSubstr("from 10 to 15"));
}

struct ShareCase {
  double from, to;
  int percent;
  Tri want;
};
const ShareCase kShares[] = {
    {10, 15, 50, Tri::kTrue},   {10, 14, 50, Tri::kFalse}, {3, 4, 50, Tri::kFalse},
    {3, 5, 50, Tri::kTrue},     {0, 1, 100, Tri::kTrue},   {0, 0, 1, Tri::kFalse},
    {-10, -5, 50, Tri::kTrue},  // half of ten replicas are gone
    {-10, -6, 50, Tri::kFalse}, {-3, 0, 100, Tri::kTrue},  {5, 5, 1, Tri::kFalse},
};

TEST_F(Increase, AShareIsOneOfTheValueThatItGrewFrom) {
  for (const ShareCase& c : kShares) {
    SCOPED_TRACE(::testing::Message() << c.from << " to " << c.to << " by " << c.percent << "%");
    view.remembered = {};
    Make(IntOrPercent::Percent(c.percent), absl::Minutes(10));
    Becomes(c.from);
    EXPECT_EQ(Becomes(c.to, absl::Minutes(1)).value, c.want);
  }
}

TEST_F(Increase, WhatGrewBeforeTheLastWriteIsAnswered) {
  Becomes(3);
  ASSERT_EQ(Becomes(9, absl::Minutes(1)).value, Tri::kTrue);
  view.answered_at = view.time + absl::Seconds(1);
  EXPECT_EQ(Later(absl::Seconds(2)).value, Tri::kFalse);
  EXPECT_EQ(Becomes(13, absl::Seconds(1)).value, Tri::kFalse);
  EXPECT_EQ(Becomes(14, absl::Seconds(1)).value, Tri::kTrue);  // five more than at the write
}

TEST_F(Increase, AfterAStartARemediationIsToldThatNobodyKnows) {
  since_start = true;
  EXPECT_EQ(Becomes(3).value, Tri::kFalse);  // nothing is done about it: no reason to call it sick
  view.began = view.time;
  const Reading reading = Becomes(3, absl::Minutes(1));
  EXPECT_EQ(reading.value, Tri::kUnknown);
  EXPECT_THAT(reading.cause, HasSubstr("has not been watched for 10m yet"));
  EXPECT_EQ(reading.valid_until, At("12:10:00"));
  EXPECT_EQ(Later(absl::Minutes(9)).value, Tri::kFalse);
}

TEST_F(Increase, GrowthThatWasSeenIsNoQuestion) {
  since_start = true;
  view.began = view.time;
  Becomes(3);
  EXPECT_EQ(Becomes(8, absl::Minutes(1)).value, Tri::kTrue);
}

TEST_F(Increase, AWriteAfterTheStartEndsTheDoubt) {
  since_start = true;
  Becomes(3);
  view.began = view.time;
  view.answered_at = view.time + absl::Minutes(1);
  EXPECT_EQ(Later(absl::Minutes(2)).value, Tri::kFalse);
}

TEST_F(Increase, AnObjectThatCameLaterHasNoPast) {
  Becomes(3);
  view.began = view.time;
  EXPECT_EQ(Becomes(3, absl::Seconds(1)).value, Tri::kFalse);
}

TEST_F(Increase, AnotherObjectOfTheNameBeginsAnew) {
  Becomes(3);
  view.time += absl::Minutes(1);
  view.Set({{"metadata", {{"uid", "other"}}}, {"n", 50}});
  signal_->Note(view, false, view.remembered);
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
}

TEST_F(Increase, WhatIsNoNumberIsUnknown) {
  view.Set({{"n", "three"}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kUnknown);
  EXPECT_EQ(signal_->Read(view).cause, "increase: the value is no number");
  view.Set({{"m", 1}});
  EXPECT_THAT(signal_->Read(view).cause, HasSubstr("increase: 1:8: no such key"));
}

TEST(IncreaseExpression, MustGiveANumber) {
  const crds::IncreaseSignal text{.expression = "'three'"};
  EXPECT_THAT(MakeIncrease(text, ObjectScope(), "n", "spec.triggers[0].increase").status(),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "spec.triggers[0].increase.expression: expected a number, found "
                                "string"));
  const crds::IncreaseSignal typo{.expression = "objct.n"};
  EXPECT_THAT(MakeIncrease(typo, ObjectScope(), "n", "spec.triggers[0].increase").status(),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("spec.triggers[0].increase.expression: 1:1: ")));
}

// Against a list of all that ever was: what is found is never more, and where few values were, the
// same.
TEST(NumberHistoryProperty, NeverClaimsMoreThanWhatWas) {
  for (unsigned long seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    const absl::Duration within = absl::Minutes(10);
    absl::Time now = At("12:00:00");
    std::vector<std::pair<double, absl::Time>> all = {{5, now}};  // value, since
    NumberHistory history(5, now, true);
    const bool few = seed % 2 == 0;
    for (int step = 0; step < (few ? 12 : 200); ++step) {
      now += absl::Seconds(1 + static_cast<int64_t>(random.Uniform() * (few ? 120 : 9)));
      const double value = std::floor(random.Uniform() * 40) + step * 0.1;
      history.Observe(value, now, within);
      all.emplace_back(value, now);
      double lowest = value, found = value;
      for (size_t i = 0; i + 1 < all.size(); ++i) {
        if (all[i + 1].second + within > now) lowest = std::min(lowest, all[i].first);
      }
      history.ForEach(within, now, [&](double earlier, absl::Time left) {
        EXPECT_LE(left, now);
        EXPECT_GT(left + within, now);
        found = std::min(found, earlier);
      });
      if (few) {
        ASSERT_EQ(found, lowest) << "seed " << seed << " step " << step;
      } else {
        ASSERT_GE(found, lowest) << "seed " << seed << " step " << step;
      }
      ASSERT_LE(history.kept(), NumberHistory::kCapacity);
    }
  }
}

TEST(NumberHistory, ACounterThatTicksAllTheTimeIsSeenWithinASixteenth) {
  absl::Time now = At("12:00:00");
  NumberHistory history(0, now, true);
  for (int tick = 1; tick <= 3600; ++tick) {
    now += absl::Seconds(1);
    history.Observe(tick, now, absl::Minutes(10));
    if (tick < 700) continue;
    double lowest = tick;
    history.ForEach(absl::Minutes(10), now,
                    [&](double value, absl::Time) { lowest = std::min(lowest, value); });
    ASSERT_GE(tick - lowest, 600 - 600 / 6) << tick;
    ASSERT_LE(tick - lowest, 601) << tick;
  }
}

TEST(NumberMemory, SteadyNumbersKeepNothingButTheirValue) {
  NumberMemory memory;
  const absl::Time now = At("12:00:00");
  memory.Observe("n", "uid-1", 1, now, absl::Minutes(1), true);
  memory.Observe("n", "uid-1", 2, now + absl::Seconds(1), absl::Minutes(1), true);
  EXPECT_EQ(memory.Find("n", "uid-1")->kept(), 1u);
  memory.Observe("n", "uid-1", 2, now + absl::Minutes(2), absl::Minutes(1), true);
  EXPECT_EQ(memory.Find("n", "uid-1")->kept(), 0u);
}

TEST(NumberMemory, ForgetsObjectsAndNumbersThatAreGone) {
  NumberMemory memory;
  const absl::Time now = At("12:00:00");
  for (const char* number : {"a", "b"}) {
    for (const char* uid : {"11111111-2222-3333-4444-555555555555", "x"}) {
      memory.Observe(number, uid, 1, now, absl::Minutes(1), true);
    }
  }
  EXPECT_EQ(memory.size(), 4u);
  memory.Forget("11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(memory.size(), 2u);
  memory.Keep([](const std::string& number) { return number == "a"; });
  EXPECT_NE(memory.Find("a", "x"), nullptr);
  EXPECT_EQ(memory.Find("b", "x"), nullptr);
}

}  // namespace
}  // namespace kr::signals
