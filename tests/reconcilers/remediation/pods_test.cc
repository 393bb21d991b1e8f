// Policies about pods: memory belongs to what the pods belong to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Pods : public ::testing::Test {
 protected:
  // Tells about pods with the annotation `sick`; `steps` come before that.
  void Begin(json steps = json::array()) {
    steps.push_back({{"notify", {{"message", "sick"}}}});
    s.Policy({{"target", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"namespaces", {"shop"}}}},
              {"triggers",
               {{{"name", "annotated"},
                 {"match",
                  {{{"name", "m"},
                    {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
              {"remedies", {{{"name", "tell"}, {"steps", steps}}}},
              {"limits", {{"cooldown", "10m"}, {"maxConcurrent", 5}, {"maxUnhealthy", "100%"}}}});
    s.Start();
  }
  void Owner(const std::string& plural, const std::string& name, const json& controller = {}) {
    json object = {{"metadata", {{"namespace", "shop"}, {"name", name}, {"uid", name + "-uid"}}}};
    if (!controller.is_null()) object["metadata"]["ownerReferences"] = {controller};
    s.server.Put(plural, object);
  }
  static json Controller(const std::string& api_version, const std::string& kind,
                         const std::string& name) {
    return {{"apiVersion", api_version},
            {"kind", kind},
            {"name", name},
            {"uid", name + "-uid"},
            {"controller", true}};
  }
  void Pod(const std::string& name, const json& controller, bool sick = true) {
    json pod = {{"metadata", {{"namespace", "shop"}, {"name", name}}}};
    if (!controller.is_null()) pod["metadata"]["ownerReferences"] = {controller};
    if (sick) pod["metadata"]["annotations"]["sick"] = "yes";
    s.server.Put("pods", pod);
    s.Advance(absl::Seconds(1));
  }
  void Delete(const std::string& name) {
    s.server.Delete("pods", "shop", name);
    s.Advance(absl::Seconds(1));
  }
  const json kWeb1 = Controller("apps/v1", "ReplicaSet", "web-1");
  const json kWeb2 = Controller("apps/v1", "ReplicaSet", "web-2");
  Simulation s;
};

TEST_F(Pods, ReplacedPodKeepsCooldown) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  Owner("replicasets", "web-2", Controller("apps/v1", "Deployment", "web"));
  Begin();
  Pod("web-1-a", kWeb1);
  ASSERT_EQ(s.Phase(), "Reported");
  Delete("web-1-a");
  Pod("web-1-b", kWeb1);
  EXPECT_EQ(s.Remediations().size(), 1u) << "a pod of the same ReplicaSet";
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown"));
  Delete("web-1-b");
  Pod("web-2-c", kWeb2);
  EXPECT_EQ(s.Remediations().size(), 1u) << "a pod of the next version of the Deployment";
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown"));
  s.Restart();
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Remediations().size(), 1u) << "and another process knows it, too";
  s.Advance(absl::Minutes(10));
  ASSERT_EQ(s.Remediations().size(), 2u);
  for (const json& remediation : s.Remediations()) {
    EXPECT_EQ(remediation["status"]["lineage"], s.Remediations()[0]["status"]["lineage"]);
  }
}

TEST_F(Pods, WhatTheyBelongToIsReadOncePerControllerAndOnlyForSickOnes) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  Begin();
  for (const char* name : {"a", "b", "c"}) Pod(name, kWeb1, /*sick=*/false);
  EXPECT_EQ(s.api.reads["replicasets"], 0);
  Pod("d", kWeb1);
  Pod("e", kWeb1);
  EXPECT_EQ(s.api.reads["replicasets"], 1);
  for (const FakeApi::Request& write : s.api.writes()) {
    EXPECT_EQ(write.body.find("StaleView"), std::string::npos) << "not told for a moment's sake";
  }
}

TEST_F(Pods, EveryPolicyThatAsksIsAnswered) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  Begin();
  s.Policy(s.Get("remediationpolicies", "/policy")["spec"], "other");
  Pod("web-1-a", kWeb1);
  EXPECT_EQ(s.Remediations().size(), 2u);
  EXPECT_EQ(s.api.reads["replicasets"], 1);
}

TEST_F(Pods, LineagesOfPods) {
  struct Case {
    const char* name;
    json first, second;
    bool same;
  };
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  Owner("replicasets", "lone");
  Owner("jobs", "backup-1", Controller("batch/v1", "CronJob", "backup"));
  Owner("jobs", "backup-2", Controller("batch/v1", "CronJob", "backup"));
  const Case cases[] = {
      {"of two Deployments", kWeb1, Controller("apps/v1", "ReplicaSet", "lone"), false},
      {"of a ReplicaSet that nobody controls", Controller("apps/v1", "ReplicaSet", "lone"),
       Controller("apps/v1", "ReplicaSet", "lone"), true},
      {"of a ReplicaSet that is gone", Controller("apps/v1", "ReplicaSet", "gone"),
       Controller("apps/v1", "ReplicaSet", "gone"), true},
      {"of two runs of a CronJob", Controller("batch/v1", "Job", "backup-1"),
       Controller("batch/v1", "Job", "backup-2"), true},
      {"of a Job of another group", Controller("batch.example/v1", "Job", "backup-1"),
       Controller("batch.example/v1", "Job", "backup-2"), false},
      {"of a DaemonSet", Controller("apps/v1", "DaemonSet", "ds"),
       Controller("apps/v1", "DaemonSet", "ds"), true},
      {"two members of a StatefulSet", Controller("apps/v1", "StatefulSet", "db"),
       Controller("apps/v1", "StatefulSet", "db"), false},
      {"of nobody", {}, {}, false},
  };
  Begin();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    s.Advance(absl::Hours(1));
    const size_t before = s.Remediations().size();
    Pod("x-0", c.first);
    Delete("x-0");
    Pod("x-1", c.second);
    Delete("x-1");
    EXPECT_EQ(s.Remediations().size() - before, c.same ? 1u : 2u);
  }
}

TEST_F(Pods, AMemberOfAStatefulSetThatIsReplacedKeepsItsCooldown) {
  Begin();
  Pod("db-0", Controller("apps/v1", "StatefulSet", "db"));
  Delete("db-0");
  Pod("db-0", Controller("apps/v1", "StatefulSet", "db"));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown"));
}

TEST_F(Pods, ACrashBeforeTheFirstStatusKeepsTheLineage) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  s.api.fault = [](const FakeApi::Request& request) {
    return request.target.find("/status") != std::string::npos ? FakeApi::Fault::kLostBefore
                                                               : FakeApi::Fault::kNone;
  };
  Begin();
  Pod("web-1-a", kWeb1);
  ASSERT_EQ(s.Phase(), "new");
  s.Crash();
  s.api.fault = nullptr;
  s.api.refuse_read = [](const std::string& target) {  // nobody could be asked any more
    return target.find("/replicasets/") != std::string::npos ? 403 : 0;
  };
  s.Start();
  s.Advance(absl::Seconds(1));
  ASSERT_EQ(s.Phase(), "Reported");
  const json remediation = s.Remediations()[0];
  EXPECT_EQ(remediation["status"]["lineage"],
            remediation["metadata"]["labels"]["kube-remedy.io/lineage"]);
}

TEST_F(Pods, ASiblingWaitsAndIsToldForWhom) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  Begin({{{"waitFor", {{"expression", "false"}, {"timeout", "1m"}}}}});
  Pod("web-1-a", kWeb1);
  Pod("web-1-b", kWeb1);
  EXPECT_EQ(s.Phase(), "Running");
  EXPECT_THAT(s.Waiting(), HasSubstr("TargetBusy: Pod shop/web-1-a, which has the same owner"));
}

TEST_F(Pods, AnEvictionThatSaysInsideThatItFailedIsNoSuccess) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  bool fails = true;
  s.api.fault = [&fails](const FakeApi::Request& request) {
    const bool evicts = request.target.find("/eviction") != std::string::npos;
    return evicts && fails ? FakeApi::Fault::kInside : FakeApi::Fault::kNone;
  };
  Begin({{{"deletePod", {{"timeout", "5m"}}}}});
  Pod("web-1-a", kWeb1);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Running");
  EXPECT_FALSE(s.Remediations()[0]["status"]["steps"][0].contains("writes"))
      << s.Remediations()[0]["status"]["steps"][0];
  fails = false;
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.server.Objects("pods").count("shop/web-1-a"), 0u);
}

TEST_F(Pods, AMirrorPodIsProtected) {
  Begin();
  s.server.Put("pods",
               {{"metadata",
                 {{"namespace", "shop"},
                  {"name", "static-web"},
                  {"annotations", {{"sick", "yes"}, {"kubernetes.io/config.mirror", "1"}}}}}});
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "");
  EXPECT_THAT(s.Waiting(), HasSubstr("Protected: Pod shop/static-web is a mirror pod"));
}

TEST_F(Pods, OwnersThatCannotBeReadHoldBackAndSayWhy) {
  Owner("replicasets", "web-1", Controller("apps/v1", "Deployment", "web"));
  int code = 403;
  s.api.refuse_read = [&](const std::string& target) {
    return target.find("/replicasets/") != std::string::npos ? code : 0;
  };
  Begin();
  Pod("web-1-a", kWeb1);
  EXPECT_EQ(s.Phase(), "");
  EXPECT_THAT(s.Waiting(), HasSubstr("PermissionDenied: could not read ReplicaSet shop/web-1"));
  code = 500;
  s.Advance(absl::Minutes(1));
  EXPECT_THAT(s.Waiting(), HasSubstr("StaleView: could not read ReplicaSet shop/web-1"));
  code = 0;
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Phase(), "Reported");
}

}  // namespace
}  // namespace kr::remediation
