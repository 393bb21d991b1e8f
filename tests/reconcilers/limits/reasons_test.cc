#include "reconcilers/limits/reasons.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

TEST(ReasonsTest, EveryReasonHasItsOwnNameAndASentence) {
  std::set<std::string_view> names;
  for (Reason reason : AllReasons()) {
    SCOPED_TRACE(Name(reason));
    EXPECT_TRUE(names.insert(Name(reason)).second);
    ASSERT_FALSE(Meaning(reason).empty());
    EXPECT_EQ(Meaning(reason).back(), '.');
    EXPECT_TRUE(Meaning(reason).front() >= 'A' && Meaning(reason).front() <= 'Z');
  }
  EXPECT_EQ(names.size(), kReasonCount);
}

TEST(ReasonsTest, TheListIsTheDocumentedOne) {
  std::string names;
  for (Reason reason : AllReasons()) names.append(Name(reason)).append(" ");
  EXPECT_EQ(names,
            "MaxConcurrent BudgetExhausted BreakerOpen CoolingDown RateLimited OutsideWindow "
            "ForeignMaintenance Protected ApprovalRequired PlanChanged TargetBusy Contended "
            "Exhausted PermissionDenied StaleView SymptomGone SymptomUnknown PlanTooLarge "
            "CacheBudgetExceeded Paused ");
}

}  // namespace
}  // namespace kr::limits
