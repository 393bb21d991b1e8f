// What a policy will not be permitted is told before anybody is sick.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Permissions : public SickSets {
 protected:
  Permissions() {
    s.options.preflight.enabled = true;
    s.api.review = [this](const json& asked) -> json {
      if (away) return nullptr;
      if (asked["verb"] != "patch" || asked["resource"] != "daemonsets") return {{"allowed", true}};
      const std::string where = asked.value("namespace", "") + "/" + asked.value("name", "");
      if (granted.contains(where) || granted.contains("/")) return {{"allowed", true}};
      return broken ? json{{"allowed", false}, {"evaluationError", "webhook is away"}}
                    : json{{"allowed", false}};
    };
  }
  void Begin(const json& target = json::object()) {
    json spec = AnnotatedSpec();
    spec["target"].merge_patch(target);
    s.Policy(spec);
    s.Start();
    s.Advance(absl::Seconds(10));
  }
  json Ready() {
    const json status = s.PolicyStatus();
    for (const json& condition : status["conditions"]) {
      if (condition["type"] == "Ready") return condition;
    }
    return json::object();
  }
  std::set<std::string> granted;  // "namespace/name"; "/" = everywhere
  bool away = false, broken = false;
};

TEST_F(Permissions, WhatIsMissingIsNamedWithVerbResourceAndPlace) {
  Sets(2);
  Begin();
  EXPECT_EQ(Ready()["status"], "False");
  EXPECT_EQ(Ready()["reason"], "PermissionDenied");
  const std::string message = Ready()["message"];
  EXPECT_THAT(message, HasSubstr("may not patch daemonsets.apps ds-0 in namespace net; "));
  EXPECT_THAT(message, HasSubstr("kubectl get rempol policy -o yaml | kubectl remedy rbac -f -"));
  EXPECT_THAT(message, Not(HasSubstr("get daemonsets")));
}

TEST_F(Permissions, AGrantMakesItReadyWithoutARestart) {
  Sets(1);
  Begin();
  ASSERT_EQ(Ready()["reason"], "PermissionDenied");
  granted = {"/"};
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(Ready()["status"], "True");
  const int asked = s.api.reviews;
  s.Advance(absl::Hours(1));
  EXPECT_EQ(s.api.reviews, asked) << "what is permitted is not asked for again";
}

TEST_F(Permissions, WhileItIsMissingItIsAskedForLessAndLessOften) {
  Sets(1);
  Begin();
  s.Advance(absl::Minutes(30));
  const int before = s.api.reviews;
  s.Advance(absl::Hours(1));
  EXPECT_GT(s.api.reviews, before);
  EXPECT_LE(s.api.reviews - before, 13 * 10);
}

TEST_F(Permissions, AGrantForTheNamedObjectIsEnough) {
  Sets(2);
  granted = {"net/ds-1"};
  Begin({{"names", {"ds-1"}}});
  EXPECT_EQ(Ready()["status"], "True");
}

TEST_F(Permissions, WithoutNamesATargetThatIsThereDecides) {
  granted = {"net/ds-0"};
  Begin();
  EXPECT_EQ(Ready()["status"], "True") << "there is none: whether one may be written nobody knows";
  s.DaemonSet("a-first");
  s.Advance(absl::Minutes(10));
  EXPECT_THAT(Ready()["message"].get<std::string>(), HasSubstr("daemonsets.apps a-first in"));
}

TEST_F(Permissions, AServerThatDoesNotAnswerTakesNothingAway) {
  Sets(1);
  away = true;
  Begin();
  EXPECT_EQ(Ready()["status"], "True");
  away = false;
  broken = true;  // "no" that is none
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(Ready()["status"], "True");
  broken = false;
  s.Advance(absl::Minutes(10));
  EXPECT_EQ(Ready()["reason"], "PermissionDenied");
  away = true;
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(Ready()["reason"], "PermissionDenied") << "and it gives nothing back";
}

TEST_F(Permissions, NothingIsStoppedByIt) {
  Sets(2);
  Begin();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u) << "the API server decides about each write";
}

}  // namespace
}  // namespace kr::remediation
