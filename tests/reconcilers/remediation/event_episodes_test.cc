// Policies that are triggered by Events alone, without a cooldown: what was answered begins nothing
// for as long as it stays in its window, and what comes later does.
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

class EventEpisodes : public ::testing::Test {
 protected:
  static json Spec(const json& patch = json::object()) {
    json spec = FelixSpec(
        {{"triggers", {{{"name", "probe"}, {"events", {{"from", "probes"}, {"count", 3}}}}}},
         {"recovery", {{"stableFor", "1s"}}},
         {"limits", {{"cooldown", "0s"}}}});
    spec.merge_patch(patch);
    return spec;
  }
  void Begin(const json& spec) {
    s.DaemonSet("calico-node");
    s.Pod("calico-1", "calico-node");
    s.Policy(spec);
    s.Start();
  }
  void ProbesFail(const std::string& name) {
    for (const char* suffix : {"1", "2", "3"}) s.Event("calico-1", name + suffix);
    s.Advance(absl::Seconds(1));
    s.RollOut("calico-node");
    s.Advance(absl::Seconds(10));
  }
  // Their phases, from the oldest to the newest.
  std::string Phases() const {
    std::string phases;
    for (const json& one : s.Remediations()) {
      phases += one["status"].value("phase", "") + " ";
    }
    return phases;
  }
  Simulation s;
};

TEST_F(EventEpisodes, WhatWasAnsweredBeginsNothing) {
  Begin(Spec());
  ProbesFail("e");
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(Phases(), "Succeeded ");
}

TEST_F(EventEpisodes, WhatComesLaterIsAnEpisodeOfItsOwn) {
  Begin(Spec());
  ProbesFail("e");
  ProbesFail("f");
  EXPECT_EQ(Phases(), "Succeeded Succeeded ");
}

// Somebody was faster: there is nothing left to write, and the Events are answered all the same.
TEST_F(EventEpisodes, ASuccessWithoutAWriteAnswersThem) {
  Begin(Spec());
  s.Edit("daemonsets", "net/calico-node",
         {{"spec",
           {{"template",
             {{"spec",
               {{"containers",
                 {{{"name", "calico-node"},
                   {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}}}}}}}}});
  s.RollOut("calico-node");
  ProbesFail("e");
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(Phases(), "Succeeded ");
}

TEST_F(EventEpisodes, WhoeverOnlyTellsTellsOnce) {
  Begin(
      Spec({{"remedies", {{{"name", "tell"}, {"steps", {{{"notify", {{"message", "look"}}}}}}}}}}));
  ProbesFail("e");
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(Phases(), "Reported ");
  ProbesFail("f");
  EXPECT_EQ(Phases(), "Reported Reported ");
}

}  // namespace
}  // namespace kr::remediation
