#include "reconcilers/remediation/plan_hash.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

namespace kr::remediation {
namespace {

const absl::Time kNoon = absl::FromUnixSeconds(1'767'355'200);

struct Plan {
  PlanIdentity identity{"uid", "cure", 1, kNoon};
  std::vector<crds::PlannedStep> steps = {
      {.id = {"cure", 1, 0},
       .action = "patch",
       .object = crds::ObjectReference{"v1", "Node", "", "n", "uid"},
       .text = "merge patch",
       .body = R"({"metadata":{"resourceVersion":"7"},"spec":{"a":1}})",
       .validation = crds::WriteOutcome::kValidated,
       .message = ""}};
  std::string Hash() const { return PlanHash(identity, steps); }
};

TEST(PlanHash, WhatAPersonLooksAtMakesAnother) {
  const std::function<void(Plan&)> changes[] = {
      [](Plan&) {},
      [](Plan& p) { p.identity.target_uid = "other"; },
      [](Plan& p) { p.identity.remedy = "other"; },
      [](Plan& p) { p.identity.attempt = 2; },
      [](Plan& p) { p.identity.requested_at = kNoon + absl::Microseconds(1); },
      [](Plan& p) { p.steps[0].action = "apply"; },
      [](Plan& p) { p.steps[0].text = "strategic patch"; },
      [](Plan& p) { p.steps[0].object->name = "m"; },
      [](Plan& p) { p.steps[0].object->uid = "new"; },
      [](Plan& p) { p.steps[0].body = R"({"spec":{"a":2}})"; },
      [](Plan& p) { p.steps[0].body = "no JSON"; },
      [](Plan& p) { p.steps[0].body.clear(); },
      [](Plan& p) { p.steps.push_back(p.steps[0]); },
      [](Plan& p) { p.steps.clear(); },
  };
  std::set<std::string> hashes;
  for (const auto& change : changes) {
    Plan plan;
    change(plan);
    EXPECT_EQ(plan.Hash().size(), 64u);
    EXPECT_TRUE(hashes.insert(plan.Hash()).second) << hashes.size();
  }
}

TEST(PlanHash, WhatPassesByDoesNot) {
  const std::string hash = Plan().Hash();
  const std::function<void(Plan&)> changes[] = {
      // A heartbeat of the object.
      [](Plan& p) { p.steps[0].body = R"({"metadata":{"resourceVersion":"8"},"spec":{"a":1}})"; },
      [](Plan& p) { p.steps[0].body = R"({"spec":{"a":1}})"; },
      // What the server said to a dry-run.
      [](Plan& p) { p.steps[0].validation.reset(); },
      [](Plan& p) { p.steps[0].message = "timed out"; },
  };
  for (const auto& change : changes) {
    Plan plan;
    change(plan);
    EXPECT_EQ(plan.Hash(), hash);
  }
}

}  // namespace
}  // namespace kr::remediation
