// A Remediation that does not get on is refused like a target without one: in the same list, with
// the same words, counted by the same metric.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Stalled : public SickSets {
 protected:
  void Begin(const json& patch) {
    Sets(3);
    json spec = AnnotatedSpec({{"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}}}});
    spec.merge_patch(patch);
    s.Policy(spec);
    s.Start();
    Sick(0);
    s.Advance(absl::Seconds(15));
  }
  json Reasons() { return s.PolicyStatus().value("waitingReasons", json::array()); }
  double Refusals(const std::string& reason) {
    return s.Metric("refusals_total{reason=\"" + reason + "\"}");
  }
};

TEST_F(Stalled, ForAPersonIsListedAndCountedUntilThePersonAnswers) {
  Begin({{"mode", "Approve"}});
  ASSERT_EQ(s.Phase(), "AwaitingApproval");
  EXPECT_EQ(Reasons(), json::parse(R"([{"reason": "ApprovalRequired", "count": 1}])"));
  EXPECT_THAT(s.Waiting(), StartsWith("ApprovalRequired: remedy "));
  EXPECT_EQ(s.PolicyStatus()["targets"]["waiting"], 1);
  EXPECT_EQ(Refusals("ApprovalRequired"), 1);
  const json since = s.PolicyStatus()["waiting"][0]["since"];
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(s.PolicyStatus()["waiting"][0]["since"], since);
  EXPECT_EQ(Refusals("ApprovalRequired"), 1);

  json object = s.Remediations().back();
  const json request = object["status"]["approvals"].back();
  object["spec"]["approvals"] = {{{"remedy", request["remedy"]},
                                  {"planHash", request["planHash"]},
                                  {"decision", "Approve"},
                                  {"by", "alice"}}};
  s.server.Put("remediations", object);
  s.Advance(absl::Seconds(15));
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(Reasons(), json::array());
  EXPECT_EQ(s.PolicyStatus()["targets"].value("waiting", 0), 0);
}

TEST_F(Stalled, WhoeverTakesOverSaysTheSame) {
  Begin({{"mode", "Approve"}});
  const std::string waiting = s.Waiting();
  ASSERT_THAT(waiting, StartsWith("ApprovalRequired"));
  s.Restart();
  s.Advance(absl::Seconds(15));
  EXPECT_EQ(s.Waiting(), waiting);
}

TEST_F(Stalled, TogetherWithTargetsThatHaveNone) {
  Begin({{"mode", "Approve"}, {"limits", {{"maxConcurrent", 1}}}});
  s.Edit("remediationpolicies", "/policy", {{"spec", {{"paused", true}}}});
  Sick(1);
  s.Advance(absl::Seconds(15));
  EXPECT_THAT(s.Waiting(), HasSubstr("Paused: "));
  EXPECT_EQ(s.PolicyStatus()["targets"]["waiting"], 2);
}

}  // namespace
}  // namespace kr::remediation
