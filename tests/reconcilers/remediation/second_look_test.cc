// A cache that stays behind the API server without knowing it: a target is admitted again and
// again, and each time the live read finds that there is nothing to do. Few Remediations may come
// of that, and none of them may hold a slot.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SecondLook : public ::testing::Test {
 protected:
  // DaemonSets are sick by a label of a pod of theirs.
  json SickByPod() {
    return AnnotatedSpec(
        {{"related", {{{"name", "pods"}, {"preset", "OwnedPods"}}}},
         {"triggers",
          {{{"name", "t"},
            {"for", "5s"},
            {"match",
             {{{"name", "m"},
               {"expression",
                "related.pods.exists(p, p.metadata.?labels.?state.orValue('') == 'bad')"}}}}}}},
         {"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}, {"cooldown", "10m"}}}});
  }
  void Sets(int n) {
    for (int i = 0; i < n; ++i) {
      s.DaemonSet("ds-" + std::to_string(i));
      s.Pod("pod-" + std::to_string(i), "ds-" + std::to_string(i));
    }
  }
  void Pod(int i, const char* state) {
    s.Edit("pods", "net/pod-" + std::to_string(i),
           {{"metadata", {{"labels", {{"app", "ds-" + std::to_string(i)}, {"state", state}}}}}});
  }
  void Sick(int i, bool sick = true) {
    s.Edit("daemonsets", "net/ds-" + std::to_string(i),
           {{"metadata", {{"annotations", sick ? json{{"sick", "yes"}} : json()}}}});
  }
  // Of one target.
  size_t RemediationsOf(const std::string& target) const {
    const std::vector<json> all = s.Remediations();
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const json& one) {
      return one["spec"]["targetRef"]["name"] == target;
    }));
  }
  Simulation s;
};

TEST_F(SecondLook, AFrozenJoinIsNoReasonForAStorm) {
  Sets(1);
  Pod(0, "bad");
  s.Policy(SickByPod());
  s.Start();
  s.server.Freeze("pods");
  Pod(0, "good");
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_LE(s.Remediations().size(), 2u);
  EXPECT_EQ(s.Reason(), "SymptomGone");
  EXPECT_THAT(s.Waiting(), AllOf(HasSubstr("StaleView: Remediation policy-ds-0-"),
                                 HasSubstr("that the symptom was gone; what is watched has not "
                                           "caught up with that yet")));
  EXPECT_GE(s.Metric("refusals_total{reason=\"StaleView\"}"), 1);
  // It sees again: nothing is wrong, and what goes wrong next is treated.
  s.server.Thaw("pods");
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Waiting(), "");
  const size_t before = s.Remediations().size();
  Pod(0, "bad");
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Remediations().size(), before + 1);
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(SecondLook, AFrozenTargetThatHealedHoldsNoSlot) {
  Sets(2);
  s.Policy(AnnotatedSpec(
      {{"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}, {"cooldown", "10m"}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(2));
  Sick(1);
  s.Run();
  s.server.Freeze("daemonsets");
  Sick(0, false);
  s.Advance(absl::Minutes(10));
  EXPECT_LE(RemediationsOf("ds-0"), 2u);
  EXPECT_EQ(s.HealthHost("ds-0"), "");
  EXPECT_EQ(s.HealthHost("ds-1"), "127.0.0.1") << "it is sick, and its turn has come";
}

TEST_F(SecondLook, ATargetThatIsGoneIsNotLookedForAgainAndAgain) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Run();
  s.server.Freeze("daemonsets");
  s.server.Delete("daemonsets", "net", "ds-0");
  s.Advance(absl::Minutes(10));
  EXPECT_LE(s.Remediations().size(), 2u);
  EXPECT_EQ(s.Reason(), "TargetGone");
  EXPECT_LE(s.api.reads["daemonsets"], 5);
  EXPECT_THAT(s.Waiting(), HasSubstr("StaleView"));
  s.server.Thaw("daemonsets");
  s.DaemonSet("ds-0");
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.HealthHost("ds-0"), "127.0.0.1") << "another object has nothing to wait for";
}

// The Events in memory still count, and what they are about has been repaired by somebody.
TEST_F(SecondLook, EventsThatWereAnsweredBySomebodyElse) {
  Sets(1);
  s.Policy(FelixSpec());
  s.Start();
  s.server.Freeze("daemonsets");
  s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"labels", {{"touched", "yes"}}}}}});
  json set = s.Get("daemonsets", "net/ds-0");
  set["spec"]["template"]["spec"]["containers"][0]["env"].push_back(
      {{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}});
  s.server.Put("daemonsets", set);
  for (int i = 0; i < 20; ++i) {
    s.Event("pod-0", "probe-" + std::to_string(i), 3);
    s.Advance(absl::Seconds(30));
  }
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_LE(s.Remediations().size(), 3u);
  EXPECT_EQ(s.Reason(), "SymptomGone");
}

// Every process finds what the one before has written; a cache that is filled anew may be as far
// behind as the old one.
TEST_F(SecondLook, RestartsDoNotForgetIt) {
  Sets(1);
  Pod(0, "bad");
  s.Policy(SickByPod());
  s.Start();
  s.server.Freeze("pods");
  Pod(0, "good");
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Remediations().size(), 1u);
  for (int i = 0; i < 20; ++i) {
    s.Restart();
    s.Advance(absl::Seconds(25));
  }
  EXPECT_LE(s.Remediations().size(), 2u);
  EXPECT_THAT(s.Waiting(), HasSubstr("StaleView"));
}

TEST_F(SecondLook, ANewProcessThatSeesEverythingDoesNotWait) {
  Sets(1);
  Pod(0, "bad");
  s.Policy(SickByPod());
  s.Start();
  s.server.Freeze("pods");
  Pod(0, "good");
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Reason(), "SymptomGone");
  s.server.Thaw("pods");
  Pod(0, "bad");
  s.Restart();
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Patches(), 1u);
}

// What comes and goes faster than anybody can look: the caches are right, and so is the live read.
TEST_F(SecondLook, AFlappingSymptomIsPaced) {
  Sets(1);
  json spec = SickByPod();
  spec["triggers"][0]["for"] = "0s";
  s.Policy(spec);
  s.Start();
  // Well whenever somebody looks live.
  s.api.refuse_read = [&](const std::string& target) {
    if (target.find("daemonsets/ds-0") != std::string::npos) Pod(0, "good");
    return 0;
  };
  for (int i = 0; i < 600; ++i) {
    Pod(0, "bad");
    s.Advance(absl::Milliseconds(997));  // never at the moment at which one ends
  }
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_GE(s.Remediations().size(), 5u);
  EXPECT_LE(s.Remediations().size(), 9u) << "5 s, 10 s, 20 s ... apart";
}

TEST_F(SecondLook, APersonNeedNotWait) {
  Sets(1);
  Pod(0, "bad");
  s.Policy(SickByPod());
  s.Start();
  s.server.Freeze("pods");
  Pod(0, "good");
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Remediations().size(), 1u);
  json one = s.Remediations()[0];
  one["spec"]["retry"] = true;
  s.server.Put("remediations", one);
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Remediations().size(), 2u);
}

}  // namespace
}  // namespace kr::remediation
