// remediation.previous: a remedy that knows what was tried before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Previous : public ::testing::Test {
 protected:
  Previous() {
    s.DaemonSet("calico-node");
    s.DaemonSet("other");
  }
  // Its remedy applies as long as `expression` holds; then there is nothing left to do.
  void Begin(const std::string& expression) {
    json remedy = json::parse(R"JSON({"name": "mark", "cureWithin": "10m",
        "matchConditions": [{"name": "not-worn-out"}],
        "steps": [{"patch": {"set": [{"path": "/metadata/annotations/by",
                                      "expression": "remediation.name"}]}}],
        "verify": [{"name": "v", "expression": "true"}]})JSON");
    remedy["matchConditions"][0]["expression"] = expression;
    s.Policy(AnnotatedSpec(
        {{"target", {{"names", {"calico-node", "other"}}}},
         {"history", {{"succeeded", 0}, {"failed", 0}}},
         {"limits", {{"cooldown", "0s"}, {"maxConcurrent", 2}, {"maxUnhealthy", "100%"}}},
         {"remedies", json::array({remedy})}}));
    s.Start();
  }
  // One episode: phase and message of its Remediation.
  std::string Episode(const std::string& name = "calico-node") {
    const size_t before = s.Remediations().size();
    const auto sick = [&](const json& value) {
      s.Edit("daemonsets", "net/" + name, {{"metadata", {{"annotations", {{"sick", value}}}}}});
    };
    sick("yes");
    s.Advance(absl::Seconds(10));
    sick(nullptr);
    s.Advance(absl::Seconds(30));
    const std::vector<json> all = s.Remediations();
    if (all.size() == before) return "none";
    json newest = all.back();
    for (const json& one : all) {
      if (one["status"]["startedAt"] > newest["status"]["startedAt"]) newest = one;
    }
    return newest["status"].value("phase", "") + ": " + newest["status"].value("message", "");
  }

  Simulation s;
};

TEST_F(Previous, ARemedyThatIsWornOutIsSkipped) {
  Begin(
      "remediation.previous.filter(p, 'mark' in p.remedies && p.phase == 'Succeeded' && "
      "p.trigger == 'annotated' && p.finishedAt > now - duration('1h')).size() < 2");
  EXPECT_THAT(Episode(), HasSubstr("Succeeded"));
  EXPECT_THAT(Episode("other"), HasSubstr("Succeeded")) << "of another target";
  EXPECT_THAT(Episode(), HasSubstr("Succeeded"));
  s.Advance(absl::Minutes(20));
  s.Restart();
  EXPECT_THAT(Episode(), HasSubstr("Failed")) << "the next process has read them, none was pruned";
  EXPECT_THAT(Episode("other"), HasSubstr("Succeeded"));
}

TEST_F(Previous, TheLastOneComesFirst) {
  Begin(
      "remediation.previous.size() == 0 || "
      "remediation.previous[0].finishedAt > now - duration('5m') && "
      "remediation.previous.all(p, p.finishedAt <= remediation.previous[0].finishedAt)");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Episode(), HasSubstr("Succeeded")) << i;
    s.Advance(absl::Minutes(4));
  }
}

}  // namespace
}  // namespace kr::remediation
