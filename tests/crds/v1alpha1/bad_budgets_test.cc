#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;

constexpr const char* kBudget = R"(
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationBudget
metadata: {name: b}
spec:
  objects:
    kinds: [{apiVersion: apps/v1, kind: Deployment}]
    namespaces: [shop]
    selector: {matchLabels: {tier: front}}
  maxConcurrent: 2
)";

struct Case {
  const char* pointer;
  const char* value;  // YAML; "" removes
  const char* problem;
};

const Case kCases[] = {
    {"/kind", "RemediationPolicy",
     R"(kind: expected RemediationBudget, found "RemediationPolicy")"},
    {"/spec", "", "spec: is required"},
    {"/spec/objects", "", "spec.objects: is required"},
    {"/spec/objects/kinds", "[]", "spec.objects.kinds: expected at least 1 element"},
    {"/spec/objects/kinds/0/apiVersion", "apps",
     R"(spec.objects.kinds[0].apiVersion: expected an API version such as "v1" or "apps/v1", )"
     R"(found "apps")"},
    {"/spec/objects/kind", "Node", R"(spec.objects.kind: unknown field, did you mean "kinds"?)"},
    {"/spec/objects/selector/matchExpressions", "[{key: a, operator: In}]",
     "spec.objects.selector.matchExpressions[0].values: is required with operator In or NotIn"},
    {"/spec/maxConcurrent", "",
     "spec: expected at least one of maxConcurrent, maxUnhealthy and groups"},
    {"/spec/maxConcurrent", "-1",
     "spec.maxConcurrent: expected a number from 0 to 1000000, or a share such as \"20%\", found "
     "-1"},
    {"/spec/groups", "[{key: a}]", "spec.groups[0]: expected maxConcurrent, maxUnhealthy or both"},
};

TEST(BadBudgets, AreRefusedWithTheFieldAndWhatWasExpected) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.problem);
    json budget = testing::ParseYaml(kBudget);
    const json::json_pointer pointer(c.pointer);
    if (*c.value == '\0') {
      budget[pointer.parent_pointer()].erase(pointer.back());
    } else {
      budget[pointer] = testing::ParseYaml(c.value);
    }
    EXPECT_THAT(FromJson<RemediationBudget>(budget),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.problem)));
  }
}

TEST(Budgets, ReadBackAsTheyArePrinted) {
  json written = testing::ParseYaml(kBudget);
  written["status"] = testing::ParseYaml(R"(
observedGeneration: 3
matching: 7
allowed: 2
held: 1
holders: [{object: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web},
           remediation: p-web-1, policy: p}]
)");
  KR_ASSERT_OK_AND_ASSIGN(const RemediationBudget budget, FromJson<RemediationBudget>(written));
  EXPECT_EQ(budget.status.allowed, 2);
  EXPECT_EQ(budget.spec.max_concurrent, IntOrPercent::Count(2));
  KR_ASSERT_OK_AND_ASSIGN(const RemediationBudget again,
                          FromJson<RemediationBudget>(ToJson(budget)));
  EXPECT_EQ(again, budget);
}

// A budget of nothing stops everything: how people freeze a part of a cluster.
TEST(Budgets, MayAllowNothing) {
  json written = testing::ParseYaml(kBudget);
  written["spec"]["maxConcurrent"] = 0;
  KR_ASSERT_OK_AND_ASSIGN(const RemediationBudget budget, FromJson<RemediationBudget>(written));
  EXPECT_EQ(budget.spec.max_concurrent, IntOrPercent::Count(0));
}

}  // namespace
}  // namespace kr::crds
