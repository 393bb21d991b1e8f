// What policies read does not fit into memory any more: nothing is concluded from what is not seen.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(CacheBudget, ARemediationWaitsWhileItsPolicyHasToDoWithoutMemory) {
  Simulation s;
  s.options.watches.memory.max_bytes = size_t{256} << 10;
  for (const char* name : {"ds-0", "ds-1"}) s.DaemonSet(name);
  // Reads, and so keeps, all annotations.
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "annotated"},
          {"match",
           {{{"name", "m"},
             {"expression",
              "object.metadata.?annotations.orValue({}).exists(k, k == 'sick')"}}}}}}},
       {"recovery", {{"stableFor", "2m"}}}}));
  s.Start();
  s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  s.Advance(absl::Seconds(10));
  ASSERT_EQ(s.Patches(), 1u);
  s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"annotations", {{"sick", nullptr}}}}}});
  s.Edit("daemonsets", "net/ds-1",
         {{"metadata", {{"annotations", {{"note", std::string(300'000, 'x')}}}}}});
  s.Advance(absl::Minutes(5));
  ASSERT_EQ(s.Remediations().size(), 1u);
  const json waits = s.Remediations()[0]["status"];
  EXPECT_FALSE(waits.contains("endedAt")) << waits.dump(1);
  EXPECT_THAT(waits.value("message", ""), HasSubstr("does not fit into memory"));
  std::string ready, blocked;
  const json status = s.PolicyStatus();
  for (const json& condition : status["conditions"]) {
    if (condition["type"] == "Ready")
      ready = condition["status"].get<std::string>() + " " + condition["reason"].get<std::string>();
    if (condition["type"] == "Blocked") blocked = condition["reason"].get<std::string>();
  }
  EXPECT_EQ(ready, "False CacheBudgetExceeded");
  EXPECT_EQ(blocked, "CacheBudgetExceeded");
  EXPECT_EQ(s.Metric("policies_without_memory"), 1);

  s.Edit("daemonsets", "net/ds-1", {{"metadata", {{"annotations", {{"note", nullptr}}}}}});
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Metric("policies_without_memory"), 0);
  EXPECT_GT(s.Metric("cache_bytes"), 0);
}

}  // namespace
}  // namespace kr::remediation
