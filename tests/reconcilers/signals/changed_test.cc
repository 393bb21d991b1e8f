#include "reconcilers/signals/changed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/signals/fake_view.h"
#include "tests/support/status_matchers.h"

namespace kr::signals {
namespace {

using ::testing::HasSubstr;

class Changed : public ::testing::Test {
 protected:
  Changed() {
    auto made = MakeChanged({.expression = "object.metadata.annotations"}, ObjectScope(),
                            "uid//Service", "drift", "spec.triggers[0].changed");
    KR_EXPECT_OK(made.status());
    signal_ = *std::move(made);
    view.remembered.baselines.SetComplete();
  }
  void Annotations(const nlohmann::json& annotations) {
    view.Set({{"metadata", {{"annotations", annotations}}}});
  }
  void Record() {
    crds::TargetBaseline baseline;
    baseline.spec.policy_ref.uid = "uid";
    baseline.spec.target_ref = {"v1", "Service", "shop", "web", std::string(view.target().uid)};
    baseline.status.values.push_back(*signal_->Baseline(view));
    view.remembered.baselines.Set(baseline);
  }
  FakeView view;
  SignalPtr signal_;
};

TEST_F(Changed, WithoutABaselineNothingHasChanged) {
  Annotations({{"a", "1"}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
}

TEST_F(Changed, HoldsWhileTheValueIsAnotherOne) {
  Annotations({{"a", "1"}, {"b", "2"}});
  Record();
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
  Annotations({{"b", "2"}, {"a", "1"}});  // another order is the same value
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
  Annotations({{"a", "1"}, {"b", "3"}});
  const Reading reading = signal_->Read(view);
  EXPECT_EQ(reading.value, Tri::kTrue);
  EXPECT_EQ(reading.evidence.at(0).message,
            R"(was {"a":"1","b":"2"}, is {"a":"1","b":"3"}: object.metadata.annotations)");
  Annotations({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
}

TEST_F(Changed, OfALongValueOnlyTheDigestIsKept) {
  Annotations({{"a", std::string(2000, 'x')}});
  Record();
  EXPECT_EQ(signal_->Baseline(view)->value, "");
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
  Annotations({{"a", std::string(2001, 'x')}});
  const Reading reading = signal_->Read(view);
  EXPECT_EQ(reading.value, Tri::kTrue);
  EXPECT_THAT(reading.evidence.at(0).message, HasSubstr("was (more than 1 KiB)"));
}

TEST_F(Changed, AnotherObjectOfTheNameHasNoBaseline) {
  Annotations({{"a", "1"}});
  Record();
  view.Set({{"metadata", {{"uid", "another"}, {"annotations", {{"a", "2"}}}}}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
}

TEST_F(Changed, UntilTheBaselinesAreKnownNobodyKnows) {
  view.remembered.baselines = {};
  Annotations({{"a", "1"}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kUnknown);
}

TEST_F(Changed, NoValueIsNeitherRememberedNorAChange) {
  auto made = MakeChanged({.expression = "object.metadata.?annotations"}, ObjectScope(),
                          "uid//Service", "drift", "p");
  KR_ASSERT_OK(made.status());
  signal_ = *std::move(made);
  view.Set({{"metadata", {{"name", "web"}}}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
  EXPECT_FALSE(signal_->Baseline(view).has_value());
  Annotations({{"a", "1"}});
  Record();
  view.Set({{"metadata", {{"name", "web"}}}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kFalse);
  Annotations({{"a", "2"}});
  EXPECT_EQ(signal_->Read(view).value, Tri::kTrue);
}

TEST_F(Changed, AnExpressionThatFailsIsUnknown) {
  view.Set({});
  EXPECT_EQ(signal_->Read(view).value, Tri::kUnknown);
  EXPECT_FALSE(signal_->Baseline(view).has_value());
}

}  // namespace
}  // namespace kr::signals
