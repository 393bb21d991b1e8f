// What is asked before the first write: does the log of the whole plan fit?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Plan : public ::testing::Test {
 protected:
  void Begin(const json& steps, int attempts) {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "settings"}}},
                                {"data", {{"a", "b"}}}});
    s.Policy(FelixSpec({{"remedies",
                         {{{"name", "large"},
                           {"steps", steps},
                           {"attempts", attempts},
                           {"cureWithin", "3m"},
                           {"verify", {{{"name", "v"}, {"expression", "false"}}}}}}}}));
    s.Start();
    for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
    s.Advance(absl::Seconds(1));
  }
  static json Note(size_t bytes) {
    return {{"patch",
             {{"patch", {{"metadata", {{"annotations", {{"note", std::string(bytes, 'x')}}}}}}}}}};
  }
  static json OnConfigMap(json step) {
    step["applyTo"] = {{"ref",
                        {{"apiVersion", "v1"},
                         {"kind", "ConfigMap"},
                         {"namespace", "net"},
                         {"name", "settings"}}}};
    return step;
  }
  std::string Message() { return s.Remediations().at(0)["status"]["message"]; }
  size_t Changes() {
    size_t changes = 0;
    for (const auto& write : s.api.writes()) {
      changes += write.changed && write.method == "PATCH" ? 1 : 0;
    }
    return changes;
  }
  Simulation s;
};

TEST_F(Plan, ThatFitsIsCarriedOut) {
  Begin(json::array({Note(40'000)}), 1);
  EXPECT_EQ(Changes(), 1u);
  EXPECT_EQ(s.Phase(), "Verifying");
}

// The first attempts would fit; the last one would find the log full, with everything done so far.
TEST_F(Plan, ThatWouldNotFitInTheEndIsNotBegun) {
  Begin(json::array({Note(40'000)}), 5);
  EXPECT_EQ(Changes(), 0u);
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "PlanTooLarge");
  EXPECT_THAT(Message(), HasSubstr("a status holds 256 KiB; nothing was written"));
  EXPECT_THAT(Message(), HasSubstr("large step 1 (patch) 79 KiB"));
}

TEST_F(Plan, StepsOnOtherObjectsCountToo) {
  Begin(json::array({Note(10), OnConfigMap(Note(40'000))}), 5);
  EXPECT_EQ(Changes(), 0u);
  EXPECT_EQ(s.Reason(), "PlanTooLarge");
  EXPECT_THAT(Message(), HasSubstr("large step 2 (patch) 79 KiB"));
}

TEST_F(Plan, WhatIsReplacedCountsToo) {
  s.DaemonSet("calico-node");
  json step = Note(10);
  step["patch"]["set"] = {
      {{"path", "/metadata/annotations/note"},
       {"expression", "object.metadata.labels.app + string(size(target.name))"}}};
  Begin(json::array({step}), 1);
  EXPECT_EQ(Changes(), 1u) << "computed values are rendered, not guessed";
}

}  // namespace
}  // namespace kr::remediation
