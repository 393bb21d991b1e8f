// Several policies, and other people's tools, at the same objects.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json Matching(const std::string& expression, const std::string& hold_for = "5s") {
  return {
      {{"name", "t"}, {"for", hold_for}, {"match", {{{"name", "m"}, {"expression", expression}}}}}};
}

const char* const kSick = "object.metadata.?annotations['sick'].hasValue()";

// A remedy of one step, whatever it proves.
json Doing(const json& step) {
  return {{{"name", "do"},
           {"steps", {step}},
           {"verify", {{{"name", "v"}, {"expression", "true"}}}},
           {"cureWithin", "10m"}}};
}

json Labelling(const std::string& name, const std::string& value) {
  return {{"patch", {{"patch", {{"metadata", {{"labels", {{name, value}}}}}}}}}};
}

class Sharing : public SickSets {
 protected:
  // The only Remediation of a policy; null when there is none.
  json Of(const std::string& policy) {
    json found;
    for (const json& remediation : s.Remediations()) {
      if (remediation["spec"]["policyRef"]["name"] == policy) found = remediation;
    }
    return found;
  }
  std::string PhaseOf(const std::string& policy) {
    const json found = Of(policy);
    return found.is_null() ? "" : found["status"].value("phase", "");
  }
  std::string Label(const std::string& name, const std::string& label) {
    return s.Get("daemonsets", "net/" + name)["metadata"]["labels"].value(label, "");
  }
};

// Both find the same object sick at the same moment.
TEST_F(Sharing, PriorityDecidesWhoIsFirst) {
  s.DaemonSet("ds");
  s.Policy(AnnotatedSpec({{"remedies", Doing(Labelling("by", "early"))}}), "a-early");
  s.Policy(AnnotatedSpec({{"priority", 10}, {"remedies", Doing(Labelling("by", "important"))}}),
           "b-important");
  s.Start();
  Sick("ds");
  s.Advance(absl::Seconds(6));
  EXPECT_EQ(Label("ds", "by"), "important");
  EXPECT_THAT(s.Waiting("a-early"), HasSubstr("TargetBusy: DaemonSet net/ds is being remediated by "
                                              "policy b-important (Remediation b-important-ds-"));
}

// What a plan writes is locked as a whole, also what is not the target.
TEST_F(Sharing, ARungWaitsForEverythingThatItWrites) {
  s.DaemonSet("ds");
  s.DaemonSet("shared");
  s.Policy(AnnotatedSpec({{"target", {{"names", {"shared"}}}},
                          {"remedies", Doing(Labelling("by", "owner"))}}),
           "owner");
  json elsewhere = Labelling("by", "guest");
  elsewhere["applyTo"]["ref"] = {
      {"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"namespace", "net"}, {"name", "shared"}};
  s.Policy(AnnotatedSpec({{"target", {{"names", {"ds"}}}}, {"remedies", Doing(elsewhere)}}),
           "guest");
  s.Start();
  Sick("shared");
  s.Advance(absl::Seconds(6));
  ASSERT_EQ(Label("shared", "by"), "owner");
  Sick("ds");
  s.Advance(absl::Seconds(6));
  EXPECT_EQ(PhaseOf("guest"), "Pending") << "admitted, but not all that it writes is free";
  EXPECT_EQ(Of("guest")["status"]["reason"], "TargetBusy");
  EXPECT_THAT(Of("guest")["status"].value("message", ""),
              HasSubstr("DaemonSet net/shared is being remediated by policy owner"));
  EXPECT_EQ(Label("shared", "by"), "owner");
  Sick("shared", false);
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(PhaseOf("owner"), "Succeeded");
  EXPECT_EQ(Label("shared", "by"), "guest") << "at once, not at the next look";
  EXPECT_EQ(Of("guest")["status"]["locks"][0]["name"], "shared");
}

// The locks stand in the Remediations, and nowhere else.
TEST_F(Sharing, LocksSurviveATakeover) {
  s.DaemonSet("ds");
  s.DaemonSet("shared");
  json elsewhere = Labelling("by", "guest");
  elsewhere["applyTo"]["ref"] = {
      {"apiVersion", "apps/v1"}, {"kind", "DaemonSet"}, {"namespace", "net"}, {"name", "shared"}};
  s.Policy(AnnotatedSpec({{"target", {{"names", {"ds"}}}}, {"remedies", Doing(elsewhere)}}),
           "guest");
  s.Start();
  Sick("ds");
  s.Advance(absl::Seconds(6));
  ASSERT_EQ(Label("shared", "by"), "guest");
  s.Policy(AnnotatedSpec({{"target", {{"names", {"shared"}}}},
                          {"remedies", Doing(Labelling("by", "owner"))}}),
           "owner");
  s.Restart();
  Sick("shared");
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(s.Waiting("owner"), HasSubstr("TargetBusy: DaemonSet net/shared is being remediated "
                                            "by policy guest"));
  EXPECT_EQ(Label("shared", "by"), "guest");
}

TEST_F(Sharing, WhatSomebodyElseMaintainsIsLeftAlone) {
  s.DaemonSet("ds");
  s.Edit("daemonsets", "net/ds",
         {{"metadata", {{"annotations", {{"cluster.x-k8s.io/paused", "true"}}}}}});
  s.Policy(AnnotatedSpec({{"triggers", Matching("true", "0s")}}));
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_THAT(s.Waiting(),
              HasSubstr("ForeignMaintenance: DaemonSet net/ds has "
                        "metadata.annotations['cluster.x-k8s.io/paused'] = \"true\": Cluster API "
                        "is paused for it"));
  EXPECT_EQ(s.PolicyStatus()["waitingReasons"],
            json::parse(R"([{"reason": "ForeignMaintenance", "count": 1}])"));
  s.Edit("daemonsets", "net/ds",
         {{"metadata", {{"annotations", {{"cluster.x-k8s.io/paused", nullptr}}}}}});
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Sharing, ANamespaceThatOptsOutIsLeftAlone) {
  s.DaemonSet("ds");
  s.server.Put("namespaces",
               {{"metadata", {{"name", "net"}, {"labels", {{"kube-remedy.io/exclude", "true"}}}}}});
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick("ds");
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("Protected: the namespace net has the label "
                                     "kube-remedy.io/exclude: \"true\""));
  s.server.Delete("namespaces", "", "net");
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Sharing, WhereWeLiveNothingIsTouched) {
  s.options.limits.own_namespace = "net";
  s.DaemonSet("ds");
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick("ds");
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_THAT(s.Waiting(),
              HasSubstr("Protected: DaemonSet net/ds is in the namespace of kube-remedy itself"));
}

TEST_F(Sharing, OurOwnNodeComesLast) {
  s.options.limits.own_node = "a-first-by-name";
  for (const char* name : {"a-first-by-name", "b", "c"}) {
    s.server.Put("nodes",
                 {{"metadata", {{"name", name}}},
                  {"status", {{"conditions", {{{"type", "Ready"}, {"status", "False"}}}}}}});
  }
  s.Policy({{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}}},
            {"triggers",
             {{{"name", "down"},
               {"for", "1s"},
               {"condition", {{"type", "Ready"}, {"status", {"False"}}}}}}},
            {"remedies", Doing({{"notify", {{"message", "down"}}}})},
            {"limits",
             {{"maxConcurrent", 2},
              {"maxUnhealthy", "100%"},
              {"rate", {{"count", 2}, {"within", "1h"}}}}}});
  s.Start();
  s.Advance(absl::Seconds(5));
  ASSERT_EQ(s.Remediations().size(), 2u);
  for (const json& remediation : s.Remediations()) {
    EXPECT_NE(remediation["spec"]["targetRef"]["name"], "a-first-by-name");
  }
}

// Two policies whose cures are each other's symptoms. Each time one acts it undoes the other's
// change: the second time is a dispute, and it is told who the other is.
TEST_F(Sharing, TwoPoliciesThatUndoEachOtherAreStoppedAndNamed) {
  s.DaemonSet("ds");
  const auto wants = [](const std::string& value) {
    return AnnotatedSpec(
        {{"triggers",
          Matching("object.metadata.?labels['size'].orValue('') != '" + value + "'", "1s")},
         {"remedies", Doing(Labelling("size", value))},
         {"limits", {{"cooldown", "1m"}, {"maxUnhealthy", "100%"}, {"maxConcurrent", 1}}}});
  };
  s.Policy(wants("small"), "small");
  s.Policy(wants("large"), "large");
  s.Start();
  s.Advance(absl::Hours(3));
  const size_t patches = s.Patches();
  EXPECT_LE(patches, 12u);
  s.Advance(absl::Hours(20));
  EXPECT_LE(s.Patches(), patches + 1) << "it does not go on";
  const std::string waiting = s.Waiting("small") + s.Waiting("large");
  EXPECT_THAT(waiting, HasSubstr("Contended"));
  EXPECT_THAT(waiting, ::testing::AnyOf(HasSubstr("policy small"), HasSubstr("policy large")));
}

TEST_F(Sharing, ReregisteredNodeStaysExhausted) {
  const auto ready = [&](const std::string& uid) {
    json node = {{"metadata", {{"name", "n1"}}},
                 {"status", {{"conditions", {{{"type", "Ready"}, {"status", "False"}}}}}}};
    if (!uid.empty()) node["metadata"]["uid"] = uid;
    s.server.Put("nodes", node);
  };
  ready("first");
  s.Policy({{"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}}},
            {"triggers",
             {{{"name", "down"},
               {"for", "1s"},
               {"condition", {{"type", "Ready"}, {"status", {"False"}}}}}}},
            {"remedies",
             {{{"name", "wait"},
               {"steps", {{{"waitFor", {{"expression", "false"}, {"timeout", "2s"}}}}}},
               {"cureWithin", "10m"}}}},
            {"limits", {{"cooldown", "0s"}, {"maxUnhealthy", "100%"}}}});
  s.Start();
  s.Advance(absl::Minutes(2));
  ASSERT_THAT(s.Waiting(), HasSubstr("Exhausted"));
  const size_t tried = s.Remediations().size();
  EXPECT_EQ(tried, 3u);
  s.server.Delete("nodes", "", "n1");
  s.Advance(absl::Minutes(1));
  ready("second");
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.Remediations().size(), tried) << "the same machine with another UID";
  EXPECT_THAT(s.Waiting(), HasSubstr("Exhausted"));
}

}  // namespace
}  // namespace kr::remediation
