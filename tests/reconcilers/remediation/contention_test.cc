// Somebody sets back what a remedy changed on other objects than the target.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

class Contention : public ::testing::Test {
 protected:
  // Sick by annotation; `step` is the remedy, and the cure takes a minute to be proved.
  void Begin(const json& step, const std::string& verify = "true") {
    s.DaemonSet("d");
    s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "joined"}}},
                                {"data", {{"of", "d"}, {"mode", "old"}}}});
    s.server.Put("configmaps", {{"metadata", {{"namespace", "net"}, {"name", "c"}}},
                                {"data", {{"mode", "old"}}}});
    s.Policy(AnnotatedSpec(
        {{"related",
          {{{"name", "configs"},
            {"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"sameNamespace", true},
            {"key", "it.data.of"},
            {"equals", "target.name"}}}},
         {"remedies",
          {{{"name", "r"},
            {"steps", {step}},
            {"verify", {{{"name", "v"}, {"expression", verify}}}},
            {"cureWithin", "10m"}}}},
         {"recovery",
          {{"stableFor", "1m"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}}}));
    s.Start();
    s.Edit("daemonsets", "net/d", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
    s.Advance(absl::Seconds(10));
    ASSERT_EQ(s.Phase(), "Verifying") << s.Remediations()[0].dump(1);
  }
  // The symptom goes, and it takes a minute until the cure counts.
  void Heal() {
    s.Edit("daemonsets", "net/d", {{"metadata", {{"annotations", nullptr}}}});
    s.Advance(absl::Minutes(1) + absl::Seconds(5));
  }
  json Status() const { return s.Remediations().at(0)["status"]; }
  size_t WritesTo(const std::string& part) const {
    size_t writes = 0;
    for (const FakeApi::Request& write : s.api.writes()) {
      writes += write.changed && write.target.find(part) != std::string::npos ? 1 : 0;
    }
    return writes;
  }
  static json PatchJoined() {
    return {{"applyTo", {{"related", "configs"}}},
            {"patch", {{"patch", {{"data", {{"mode", "new"}}}}}}}};
  }
  static json PatchConfig() {
    return {{"applyTo", {{"ref", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", "c"}}}}},
            {"patch", {{"patch", {{"data", {{"mode", "new"}}}}}}}};
  }
  static json ApplyConfig() {
    return {{"apply",
             {{"object",
               {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", "made"}, {"namespace", "net"}}},
                {"data", {{"mode", "new"}}}}}}}};
  }
  Simulation s;
};

TEST_F(Contention, AnObjectOfAJoinIsWatched) {
  Begin(PatchJoined());
  const auto set_back = [this] {
    s.Edit("configmaps", "net/joined", {{"data", {{"mode", "old"}}}}, "argocd");
    s.Advance(absl::Seconds(2));
  };
  set_back();
  EXPECT_EQ(s.Get("configmaps", "net/joined")["data"]["mode"], "new") << "made once more";
  EXPECT_THAT(s.told, Contains(HasSubstr("argocd set our change of ConfigMap net/joined back")));
  ASSERT_EQ(s.Phase(), "Verifying");
  set_back();
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "Contended");
  EXPECT_EQ(Status()["contended"]["object"]["name"], "joined");
  EXPECT_EQ(Status()["contended"]["manager"], "argocd");
  EXPECT_EQ(WritesTo("/configmaps/joined"), 2u);
}

// Whoever wrote last to the object need not be who set the change back.
TEST_F(Contention, TheOwnerOfTheFieldIsNamedAndNotWhoeverWroteLast) {
  Begin(PatchJoined());
  s.Edit("configmaps", "net/joined", {{"data", {{"mode", "old"}}}}, "argocd");
  json map = s.Get("configmaps", "net/joined");
  const json nothing = json::object();
  map["metadata"]["managedFields"] = {
      {{"manager", "kube-remedy"}, {"time", "2026-01-02T00:00:00Z"}, {"fieldsV1", nothing}},
      {{"manager", "argocd"},
       {"time", "2026-01-02T00:00:01Z"},
       {"fieldsV1", {{"f:data", {{"f:mode", nothing}}}}}},
      {{"manager", "kubectl-label"},
       {"time", "2026-01-02T00:00:02Z"},
       {"fieldsV1", {{"f:metadata", {{"f:labels", {{"f:a", nothing}}}}}}}}};
  s.server.Put("configmaps", map);
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(Status()["contended"]["manager"], "argocd");
}

// Whoever removes a field owns nothing, and whoever wrote last need not be who did it.
TEST_F(Contention, ARemovedFieldHasNoOwnerAndTheMessageSaysSo) {
  Begin(PatchJoined());
  s.Edit("configmaps", "net/joined", {{"data", {{"mode", nullptr}}}}, "argocd");
  json map = s.Get("configmaps", "net/joined");
  const json nothing = json::object();
  map["metadata"]["managedFields"] = {
      {{"manager", "kube-remedy"}, {"time", "2026-01-02T00:00:00Z"}, {"fieldsV1", nothing}},
      {{"manager", "kubectl-label"},
       {"time", "2026-01-02T00:00:02Z"},
       {"fieldsV1", {{"f:metadata", {{"f:labels", {{"f:a", nothing}}}}}}}}};
  s.server.Put("configmaps", map);
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(Status()["contended"]["manager"],
            "somebody (by removing it; last write by kubectl-label)");
  EXPECT_THAT(s.told, Contains(HasSubstr("somebody (by removing it; last write by kubectl-label) "
                                         "set our change of ConfigMap net/joined back")));
}

// What a cache shows from before our write is no proof of anything.
TEST_F(Contention, NothingIsJudgedBeforeAJoinShowsOurWrite) {
  s.api.fault = [this](const FakeApi::Request& request) {
    if (request.target.find("/configmaps/joined") != std::string::npos) s.watches_silent = true;
    return FakeApi::Fault::kNone;
  };
  Begin(PatchJoined(), "related.configs.all(c, c.data.mode == 'old')");
  EXPECT_THAT(Status()["message"].get<std::string>(), HasSubstr("waiting for the cache"));
  s.watches_silent = false;
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Verifying") << "it has never been so since";
}

TEST_F(Contention, OtherEditsOfTheObjectAreNobodysBusiness) {
  Begin(PatchJoined());
  s.Edit("configmaps", "net/joined", {{"data", {{"other", "x"}}}}, "argocd");
  Heal();
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(WritesTo("/configmaps/joined"), 1u);
  EXPECT_FALSE(Status().contains("contended"));
}

TEST_F(Contention, AnObjectThatIsGoneIsNotSetBack) {
  Begin(PatchJoined());
  s.server.Delete("configmaps", "net", "joined");
  Heal();
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_FALSE(Status().contains("contended"));
}

TEST_F(Contention, AnObjectThatNobodyWatchesIsReadOnceBeforeTheCureCounts) {
  Begin(PatchConfig());
  const int reads = s.api.reads["configmaps"];
  s.Edit("configmaps", "net/c", {{"data", {{"mode", "old"}}}}, "helm");
  Heal();
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(s.api.reads["configmaps"], reads + 1);
  EXPECT_EQ(Status()["contended"]["manager"], "helm");
  EXPECT_EQ(Status()["contended"]["count"], 1);
  EXPECT_THAT(s.told, Contains(HasSubstr("helm set our change of ConfigMap net/c back")));
  EXPECT_EQ(WritesTo("/configmaps/c"), 1u) << "nothing is sick any more";
  // The next time is the second.
  s.Edit("daemonsets", "net/d", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  s.Advance(absl::Minutes(11));
  EXPECT_EQ(WritesTo("/configmaps/c"), 2u);
  s.Edit("configmaps", "net/c", {{"data", {{"mode", "old"}}}}, "helm");
  Heal();
  EXPECT_EQ(s.Reason(), "Contended");
}

TEST_F(Contention, AppliedFieldsThatSomebodyTookOver) {
  Begin(ApplyConfig());
  // As the server keeps it: who changes a field owns it.
  json map = s.Get("configmaps", "net/made");
  map["data"]["mode"] = "old";
  map["metadata"]["managedFields"] = {{{"manager", "kube-remedy"},
                                       {"operation", "Apply"},
                                       {"fieldsType", "FieldsV1"},
                                       {"fieldsV1", {{"f:data", {{".", json::object()}}}}}},
                                      {{"manager", "helm"},
                                       {"operation", "Update"},
                                       {"fieldsType", "FieldsV1"},
                                       {"fieldsV1", {{"f:data", {{"f:mode", json::object()}}}}}}};
  s.server.Put("configmaps", map);
  Heal();
  EXPECT_EQ(Status()["contended"]["manager"], "helm");
  EXPECT_EQ(Status()["contended"]["object"]["name"], "made");
}

TEST_F(Contention, WhatStaysIsReadAndSucceeds) {
  Begin(ApplyConfig());
  Heal();
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(WritesTo("/configmaps/made"), 1u);
  EXPECT_FALSE(Status().contains("contended"));
}

TEST_F(Contention, ARestartBeforeTheCureCountsForgetsNothing) {
  Begin(PatchConfig());
  s.Edit("configmaps", "net/c", {{"data", {{"mode", "old"}}}}, "helm");
  s.Restart();
  Heal();
  EXPECT_EQ(s.Phase(), "Succeeded");
  EXPECT_EQ(Status()["contended"]["count"], 1);
}

}  // namespace
}  // namespace kr::remediation
