// The live look at everything that a symptom rests on, right before the first write of a rung: the
// caches may be behind without knowing it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// DaemonSets; ConfigMaps that name them; the pods that those name (a second hop), the pods that the
// DaemonSet selects (a selector join), and those that both say (known only in the end).
json Spec(const std::string& match) {
  const auto one = [](const char* name, const char* kind, const json& more) {
    json join = {{"name", name}, {"apiVersion", "v1"}, {"kind", kind}, {"sameNamespace", true}};
    join.update(more);
    return join;
  };
  return {
      {"target", {{"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"namespaces", {"net"}}}},
      {"related",
       {one("configs", "ConfigMap", {{"key", "it.data.of"}, {"equals", "target.name"}}),
        one("named", "Pod",
            {{"of", "configs"}, {"key", "it.metadata.name"}, {"equals", "of.data.pod"}}),
        one("selected", "Pod",
            {{"labels", "it.metadata.labels"}, {"selectedBy", "{'app': target.name}"}}),
        one("both", "Pod",
            {{"key", "it.metadata.name"},
             {"equals",
              "related.named.filter(p, p.metadata.labels.app == 'd').map(p, p.metadata.name)"}})}},
      {"triggers",
       {{{"name", "t"}, {"for", "10s"}, {"match", {{{"name", "m"}, {"expression", match}}}}}}},
      {"remedies",
       {{{"name", "r"},
         {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"cured", "yes"}}}}}}}}}}}},
         {"cureWithin", "5m"}}}},
      {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}, {"stableFor", "1s"}}},
      {"limits", {{"maxConcurrent", "100%"}, {"maxUnhealthy", "100%"}}}};
}

class LiveJoins : public ::testing::TestWithParam<const char*> {
 protected:
  // The symptom holds, and from now on the caches hear nothing any more.
  void BecomeSick() {
    s.DaemonSet("d");
    s.Pod("p", "d");
    State("bad");
    s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "c"}}},
                                {"data", {{"of", "d"}, {"pod", "p"}}}});
    s.Policy(Spec(std::string("related.") + GetParam() +
                  ".exists(p, p.metadata.labels.state == 'bad')"));
    s.Start();
    s.Advance(absl::Seconds(5));
    s.watches_silent = true;
    s.api.latency = absl::Seconds(1);
    s.api.lists.clear();
  }
  void State(const char* state) {
    s.Edit("pods", "net/p", {{"metadata", {{"labels", {{"app", "d"}, {"state", state}}}}}});
  }
  Simulation s;
};

TEST_P(LiveJoins, WhatIsWellByNowIsNotTreated) {
  BecomeSick();
  State("good");
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_FALSE(s.api.lists.empty());
}

TEST_P(LiveJoins, WhatIsStillSickIsTreatedAfterOneListForEachJoin) {
  BecomeSick();
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(s.Patches(), 1u);
  ASSERT_GE(s.api.lists.size(), 4u);
  EXPECT_EQ(s.api.lists[0], "/api/v1/namespaces/net/configmaps");
  EXPECT_THAT(s.api.lists[1], HasSubstr("/api/v1/namespaces/net/pods?fieldSelector=metadata.name"));
  EXPECT_THAT(s.api.lists[2], HasSubstr("/api/v1/namespaces/net/pods?labelSelector=app"));
  EXPECT_THAT(s.api.lists[3], HasSubstr("/api/v1/namespaces/net/pods?fieldSelector=metadata.name"));
}

TEST_P(LiveJoins, AFirstHopThatIsGoneLeadsNowhere) {
  BecomeSick();
  s.server.Delete("configmaps", "net", "c");
  s.Advance(absl::Seconds(20));
  // The pods that it selects are sick all the same.
  EXPECT_EQ(s.Patches(), std::string(GetParam()) == "selected" ? 1u : 0u);
  ASSERT_GE(s.api.lists.size(), 2u);
  EXPECT_EQ(s.api.lists[0], "/api/v1/namespaces/net/configmaps");
  EXPECT_THAT(s.api.lists[1], HasSubstr("labelSelector")) << "without keys nothing is listed";
}

INSTANTIATE_TEST_SUITE_P(Joins, LiveJoins, ::testing::Values("named", "selected", "both"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace kr::remediation
