#include "reconcilers/sandbox/sandbox.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace kr::sandbox {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const absl::Time kNoon = absl::FromUnixSeconds(1'767'355'200);

json Policy(const std::string& mode) {
  json policy = json::parse(R"JSON({
    "apiVersion": "kube-remedy.io/v1alpha1", "kind": "RemediationPolicy",
    "metadata": {"name": "p", "generation": 1},
    "spec": {
      "target": {"apiVersion": "v1", "kind": "ConfigMap", "namespaces": ["net"]},
      "triggers": [{"name": "sick", "for": "2m",
                    "match": [{"name": "m", "expression": "object.data.?sick.orValue('') == 'yes'"}]}],
      "remedies": [{"name": "cure", "steps": [{"patch": {"patch": {"data": {"cured": "yes"}}}}],
                    "verify": [{"name": "v", "expression": "has(object.data.cured)"}]}],
      "limits": {"maxUnhealthy": "100%"}}})JSON");
  policy["spec"]["mode"] = mode;
  return policy;
}

json Map(const std::string& name, const std::string& sick) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", "net"}}},
          {"data", {{"sick", sick}}}};
}

TEST(Sandbox, DoesWhatTheControllerDoesWhenTimePasses) {
  Sandbox sandbox({.now = kNoon, .upstream = {}});
  KR_ASSERT_OK(sandbox.objects().Put(Policy("Observe")));
  KR_ASSERT_OK(sandbox.objects().Put(Map("a", "yes")));
  KR_ASSERT_OK(sandbox.objects().Put(Map("b", "no")));
  sandbox.Lead();
  sandbox.Advance(absl::Minutes(1));
  EXPECT_TRUE(sandbox.objects().Own("remediations").empty()) << "its `for` is not over";
  sandbox.Advance(absl::Minutes(2));
  const std::vector<json> remediations = sandbox.objects().Own("remediations");
  ASSERT_EQ(remediations.size(), 1u);
  EXPECT_EQ(remediations[0]["status"]["phase"], "Observed");
  EXPECT_THAT(remediations[0]["status"]["plan"][0]["body"].get<std::string>(),
              HasSubstr(R"("cured":"yes")"));
}

TEST(Sandbox, NeverWritesToWhatItWasGiven) {
  Sandbox sandbox({.now = kNoon, .upstream = {}});
  KR_ASSERT_OK(sandbox.objects().Put(Policy("Enforce")));
  KR_ASSERT_OK(sandbox.objects().Put(Map("a", "yes")));
  sandbox.Lead();
  sandbox.Advance(absl::Minutes(5));
  for (const ObjectStore::Change& change : sandbox.objects().changes()) {
    if (change.collection == "/api/v1/configmaps") {
      EXPECT_EQ(change.type, "ADDED");
    }
  }
}

TEST(Sandbox, AsksARealClusterOnlyQuestions) {
  std::set<std::string> asked;
  Sandbox sandbox(
      {.now = kNoon, .upstream = [&](const kube::HttpRequest& request) -> StatusOr<kube::Reply> {
         const Query query = Query::Parse(request.target);
         asked.insert(request.method + (query.Option("dryRun") == "All" ? " dry-run" : ""));
         EXPECT_FALSE(query.own() && !query.discovery) << request.target;
         const auto reply = [](const json& body) { return kube::Reply{.body = body.dump()}; };
         if (query.discovery && query.collection == "/api/v1") {
           return reply({{"kind", "APIResourceList"},
                         {"groupVersion", "v1"},
                         {"resources",
                          {{{"name", "configmaps"},
                            {"kind", "ConfigMap"},
                            {"namespaced", true},
                            {"verbs", {"list", "watch"}}}}}});
         }
         if (query.discovery) return Refusal(404, "NotFound", "none");
         json map = Map("a", "yes");
         map["metadata"]["uid"] = "u";
         map["metadata"]["resourceVersion"] = "7";
         if (request.method == "PATCH" || !query.name.empty()) return reply(map);
         return reply({{"metadata", {{"resourceVersion", "7"}}}, {"items", {map}}});
       }});
  KR_ASSERT_OK(sandbox.objects().Put(Policy("Observe")));
  sandbox.Lead();
  sandbox.Advance(absl::Minutes(3));
  const std::vector<json> remediations = sandbox.objects().Own("remediations");
  ASSERT_EQ(remediations.size(), 1u);
  EXPECT_EQ(remediations[0]["status"]["plan"][0]["validation"], "Validated");
  EXPECT_EQ(asked, (std::set<std::string>{"GET", "PATCH dry-run"}));
}

TEST(Sandbox, ReadsATargetSignalBySignal) {
  Sandbox sandbox({.now = kNoon, .upstream = {}});
  KR_ASSERT_OK(sandbox.objects().Put(Policy("Enforce")));
  KR_ASSERT_OK(sandbox.objects().Put(Map("a", "yes")));
  sandbox.Advance(absl::Seconds(1));
  const auto& policies = sandbox.policies().by_name();
  ASSERT_EQ(policies.size(), 1u);
  ASSERT_EQ(policies.begin()->second.kinds.size(), 1u);
  const policy::CompiledPolicyPtr policy = policies.begin()->second.kinds.front();
  const auto reading = sandbox.Read(*policy, {"net", "a"});
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->evaluation.symptom.value, signals::Tri::kTrue);
  EXPECT_FALSE(sandbox.Read(*policy, {"net", "missing"}).has_value());
  EXPECT_TRUE(sandbox.objects().Own("remediations").empty()) << "it does not lead";
}

TEST(ObjectStore, TakesRequestsApart) {
  const Query list =
      Query::Parse("/apis/apps/v1/namespaces/net/daemonsets?watch=1&labelSelector=a%3Db");
  EXPECT_EQ(list.collection, "/apis/apps/v1/daemonsets");
  EXPECT_EQ(list.name_space, "net");
  EXPECT_EQ(list.Option("labelSelector"), "a=b");
  const Query status = Query::Parse("/apis/kube-remedy.io/v1alpha1/remediations/r/status");
  EXPECT_TRUE(status.own());
  EXPECT_EQ(status.name, "r");
  EXPECT_EQ(status.subresource, "status");
  EXPECT_TRUE(Query::Parse("/apis").discovery);
  EXPECT_TRUE(Query::Parse("/api/v1").discovery);
  EXPECT_FALSE(Query::Parse("/api/v1/nodes").discovery);
}

}  // namespace
}  // namespace kr::sandbox
