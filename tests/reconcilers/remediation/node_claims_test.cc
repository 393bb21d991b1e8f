// Other tools' objects that say that they are at work on a node.
#include "reconcilers/remediation/node_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/crds/manifests.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NodeClaimsTest : public ::testing::Test {
 protected:
  NodeClaimsTest() {
    s.options.limits.exempt_from_node_budget = {"policy"};
    s.api.kinds["/apis/coordination.k8s.io/v1"] = {{"leases", "Lease"}};
    s.api.kinds["/apis/nodemaintenance.medik8s.io/v1beta1"] = {
        {"nodemaintenances", "NodeMaintenance"}};
    for (const char* name : {"n-0", "n-1"}) s.server.Put("nodes", {{"metadata", {{"name", name}}}});
  }
  void Serve() {
    s.Policy(AnnotatedSpec(
        {{"target",
          {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}, {"namespaces", nullptr}}},
         {"remedies",
          {{{"name", "r"},
            {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"seen", "yes"}}}}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}},
         {"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 2}}}}));
    s.Start();
  }
  void Sick(const std::string& node) {
    s.Edit("nodes", "/" + node, {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
    s.Advance(absl::Seconds(10));
  }
  bool Treated(const std::string& node) const {
    return s.Get("nodes", "/" + node)["metadata"].value(json::json_pointer("/labels/seen"), "") ==
           "yes";
  }
  std::string Ago(absl::Duration ago) const {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", s.clock.Now() - ago, absl::UTCTimeZone());
  }
  Simulation s;
};

struct Claim {
  const char* plural;
  const char* object;   // $NOW and $OLD are times: now, and ten minutes ago
  const char* message;  // "" = nobody is at work on n-0
};

constexpr Claim kClaims[] = {
    {"nodemaintenances", "{metadata: {name: disk}, spec: {nodeName: n-0, reason: new disk}}",
     "Node n-0 has NodeMaintenance disk: medik8s has it in maintenance (new "
     "disk)"},
    {"nodemaintenances", "{metadata: {name: disk}, spec: {nodeName: n-1}}", ""},
    {"leases",
     "{metadata: {name: node-n-0, namespace: medik8s-leases}, spec: "
     "{holderIdentity: snr, "
     "leaseDurationSeconds: 3600, renewTime: '$NOW'}}",
     "Node n-0 has Lease medik8s-leases/node-n-0, held by \"snr\" until "},
    {"leases",
     "{metadata: {name: node-n-0, namespace: medik8s-leases}, spec: "
     "{holderIdentity: snr}}",
     "held by \"snr\": an operator of medik8s is at work on it"},
    {"leases",
     "{metadata: {name: node-n-0, namespace: medik8s-leases}, spec: "
     "{holderIdentity: snr, "
     "leaseDurationSeconds: 60, renewTime: '$OLD'}}",
     ""},
    {"leases", "{metadata: {name: node-n-0, namespace: medik8s-leases}, spec: {}}", ""},
    {"leases",
     "{metadata: {name: node-n-1, namespace: medik8s-leases}, spec: "
     "{holderIdentity: a}}",
     ""},
    {"leases",
     "{metadata: {name: node-n-0, namespace: other}, spec: {holderIdentity: "
     "a}}",
     ""},
    {"daemonsets",
     "{metadata: {name: kured, namespace: kube-system, annotations: "
     "{weave.works/kured-node-lock: "
     "'{\"nodeID\":\"n-0\",\"created\":\"$OLD\",\"TTL\":0}'}}}",
     "DaemonSet kube-system/kured has "
     "metadata.annotations['weave.works/kured-node-lock'] for node "
     "n-0: kured is rebooting it"},
    {"daemonsets",
     "{metadata: {name: kured, namespace: kured, annotations: "
     "{weave.works/kured-node-lock: "
     "'{\"maxOwners\":2,\"locks\":[{\"nodeID\":\"n-2\"},{\"nodeID\":\"n-0\"}]}'"
     "}}}",
     "for node n-0: kured is rebooting it"},
    {"daemonsets",
     "{metadata: {name: kured, namespace: kured, annotations: "
     "{weave.works/kured-node-lock: "
     "'{\"nodeID\":\"n-1\"}'}}}",
     ""},
    {"daemonsets",
     "{metadata: {name: kured, namespace: kured, annotations: "
     "{weave.works/kured-node-lock: "
     "'{\"nodeID\":\"n-0\",\"created\":\"$OLD\",\"TTL\":60000000000}'}}}",
     ""},
    {"daemonsets",
     "{metadata: {name: kured, namespace: kured, annotations: "
     "{weave.works/kured-node-lock: yes}}}",
     "which cannot be understood (expected a JSON object): kured may be "
     "rebooting any node"},
    {"daemonsets", "{metadata: {name: kured, namespace: kured}}", ""},
};

class EachClaim : public NodeClaimsTest, public ::testing::WithParamInterface<Claim> {};

TEST_P(EachClaim, IsNamedAndAwaited) {
  const Claim& claim = GetParam();
  SCOPED_TRACE(claim.object);
  std::string text = claim.object;
  for (const auto& [word, ago] :
       {std::pair{"$NOW", absl::ZeroDuration()}, std::pair{"$OLD", absl::Minutes(10)}}) {
    const size_t at = text.find(word);
    if (at != std::string::npos) text.replace(at, 4, Ago(ago));
  }
  const json object = testing::ParseYaml(text);
  s.server.Put(claim.plural, object);
  Serve();
  Sick("n-0");
  if (*claim.message == '\0') {
    EXPECT_TRUE(Treated("n-0")) << s.Waiting();
    return;
  }
  EXPECT_FALSE(Treated("n-0"));
  EXPECT_THAT(s.Waiting(), HasSubstr("ForeignMaintenance: "));
  EXPECT_THAT(s.Waiting(), HasSubstr(claim.message));
  Sick("n-1");
  EXPECT_TRUE(Treated("n-1") || std::string(claim.message).find("any node") != std::string::npos)
      << "nobody claims that one";
  // The other tool is done.
  s.server.Delete(claim.plural, object["metadata"].value("namespace", ""),
                  object["metadata"]["name"].get<std::string>());
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(Treated("n-0")) << s.Waiting();
}

INSTANTIATE_TEST_SUITE_P(Claims, EachClaim, ::testing::ValuesIn(kClaims));

TEST_F(NodeClaimsTest, ALeaseThatRunsOutHoldsNobodyBack) {
  s.server.Put("leases", {{"metadata", {{"namespace", "medik8s-leases"}, {"name", "node-n-0"}}},
                          {"spec",
                           {{"holderIdentity", "nmo"},
                            {"leaseDurationSeconds", 60},
                            {"renewTime", Ago(absl::ZeroDuration())}}}});
  Serve();
  Sick("n-0");
  EXPECT_FALSE(Treated("n-0"));
  EXPECT_THAT(s.PolicyStatus()["waiting"][0].value("nextCheck", ""), HasSubstr("2026-"));
  s.Advance(absl::Minutes(1));
  EXPECT_TRUE(Treated("n-0")) << s.Waiting();
}

TEST_F(NodeClaimsTest, KindsThatTheClusterDoesNotHaveSayNothing) {
  s.api.kinds.clear();
  Serve();
  Sick("n-0");
  EXPECT_TRUE(Treated("n-0")) << s.Waiting();
}

TEST_F(NodeClaimsTest, NothingOfItIsWatchedForPoliciesOfOtherKinds) {
  s.DaemonSet("d");
  s.Policy(AnnotatedSpec());
  s.Start();
  s.Advance(absl::Seconds(5));
  for (size_t i = 0; i < s.transport.opened(); ++i) {
    const std::string& watch = s.transport.stream(i).request.target;
    EXPECT_THAT(watch, Not(AnyOf(HasSubstr("/leases"), HasSubstr("/nodemaintenances"))));
  }
}

}  // namespace
}  // namespace kr::remediation
