// What the API server refuses of our own objects: nothing is done without the log, everybody can
// read why, and it goes on when the server takes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class RefusedWrites : public SickSets {
 protected:
  RefusedWrites() {
    s.api.fault = [this](const FakeApi::Request& request) {
      const bool status = request.target.find("/status") != std::string::npos;
      const bool refused = request.target.find("/remediations") != std::string::npos &&
                           (status ? statuses_refused : creations_refused);
      asked += refused ? 1 : 0;
      return refused ? FakeApi::Fault::kForbidden : FakeApi::Fault::kNone;
    };
    Sets(3);
    s.Policy(AnnotatedSpec({{"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}}}}));
    s.Start();
  }
  bool statuses_refused = false, creations_refused = false;
  int asked = 0;
};

TEST_F(RefusedWrites, ATargetWithoutRemediationWaitsForTheReasonThatTheServerGave) {
  creations_refused = true;
  Sick(0);
  for (int i = 0; i < 6; ++i) {
    s.Advance(absl::Seconds(20));
    EXPECT_THAT(s.Waiting(), HasSubstr("PermissionDenied: the API server refuses Remediation"));
  }
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_LE(asked, 6);
  creations_refused = false;
  s.Advance(absl::Seconds(40));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Waiting(), "");
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(RefusedWrites, NothingIsDoneWithoutTheLogAndItGoesOnWithIt) {
  statuses_refused = true;
  Sick(0);
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_GT(asked, 5);
  statuses_refused = false;
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.Patches(), 1u);
}

}  // namespace
}  // namespace kr::remediation
