#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

// Long after everything has settled, so that there is no other news to be told with.
TEST(Selected, CountsTargetsThatComeAndGoAndAreWell) {
  Simulation s;
  s.DaemonSet("ds-0");
  s.Policy(AnnotatedSpec());
  s.Start();
  s.Advance(absl::Minutes(1));
  ASSERT_EQ(s.PolicyStatus()["targets"]["selected"], 1);
  s.DaemonSet("ds-1");
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 2);
  s.server.Delete("daemonsets", "net", "ds-0");
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.PolicyStatus()["targets"]["selected"], 1);
}

}  // namespace
}  // namespace kr::remediation
