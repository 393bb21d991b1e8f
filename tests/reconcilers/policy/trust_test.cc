#include "reconcilers/policy/trust.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// `target` and `trigger` as YAML; `written` is an applyTo.ref, "" = the target.
Status Accept(const char* target, const char* trigger, const char* written) {
  json policy = testing::ParseYaml(R"(
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: p, uid: u}
spec:
  related:
  - {name: pods, apiVersion: v1, kind: Pod, key: it.spec.nodeName, equals: target.name}
  - {name: near, apiVersion: v1, kind: Pod, sameNamespace: true}
  - {name: nodes, apiVersion: v1, kind: Node, key: it.metadata.name, equals: target.name}
  - {name: dns, apiVersion: apps/v1, kind: Deployment, namespace: kube-system, names: [coredns]}
  events:
  - {name: own}
  - {name: nearby, about: {related: near}}
  - {name: onpods, about: {related: pods}}
  - {name: anywhere, about: {apiVersion: v1, kind: Pod}}
  variables:
  - {name: crowd, expression: related.pods.size()}
  - {name: size, expression: variables.crowd + 1}
  remedies:
  - name: r
    verify: [{name: v, expression: "true"}]
    steps:
    - {waitFor: {expression: "true"}}
    - {patch: {patch: {spec: {x: 1}}}}
)");
  policy["spec"]["target"] = testing::ParseYaml(target);
  policy["spec"]["triggers"] = json::array({testing::ParseYaml(trigger)});
  policy["spec"]["triggers"][0]["name"] = "t";
  if (*written != '\0') {
    policy["spec"]["remedies"][0]["steps"][1]["applyTo"]["ref"] = testing::ParseYaml(written);
  }
  const auto parsed = crds::FromJson<crds::RemediationPolicy>(policy);
  return parsed.ok() ? Compile(*parsed).status() : parsed.status();
}

constexpr const char* kNode = "{apiVersion: v1, kind: Node, all: true}";
constexpr const char* kShop = "{apiVersion: apps/v1, kind: Deployment, namespaces: [shop]}";
constexpr const char* kAll = "{apiVersion: apps/v1, kind: Deployment, all: true}";
constexpr const char* kWidget = "{apiVersion: example.org/v1, kind: Widget, all: true}";
constexpr const char* kShopWidget =
    "{apiVersion: example.org/v1, kind: Widget, namespaces: [shop]}";
constexpr const char* kCoreDns =
    "{apiVersion: apps/v1, kind: Deployment, namespace: kube-system, name: coredns}";
constexpr const char* kInShop = "{apiVersion: v1, kind: ConfigMap, namespace: shop, name: x}";

constexpr const char* kEvents = "{events: {from: own}}";
constexpr const char* kCondition = "{condition: {type: Ready, status: ['False']}}";

struct Case {
  const char* target;
  const char* trigger;
  const char* written;
  bool allowed;
};

const Case kCases[] = {
    // A Node is written on the word of the Node.
    {kNode, kCondition, "", true},
    {kNode, "{match: [{name: m, expression: object.spec.unschedulable == true}]}", "", true},
    {kNode, kEvents, "", false},
    {kNode, "{events: {from: onpods}}", "", false},
    {kNode, "{events: {from: anywhere}}", "", false},
    {kNode, "{match: [{name: m, expression: related.pods.size() > 3}]}", "", false},
    {kNode, "{match: [{name: m, expression: variables.size > 3}]}", "", false},
    {kNode, "{match: [{name: m, expression: events.own.size() > 3}]}", "", false},
    {kNode, "{match: [{name: m, expression: \"object.metadata.name != ''\"}]}", "", false},
    // Together with its own condition Events are welcome.
    {kNode, "{events: {from: own}, condition: {type: Ready, status: ['False']}}", "", true},
    {kNode, "{events: {from: own}, match: [{name: m, expression: related.pods.size() > 3}]}", "",
     false},
    // Within one namespace everything there counts.
    {kShop, kEvents, "", true},
    {kAll, kEvents, "", true},
    {kAll, "{events: {from: nearby}}", "", true},
    {kAll, "{match: [{name: m, expression: related.near.size() > 3}]}", "", true},
    // Pods that are found by a key may stand anywhere.
    {kAll, "{events: {from: onpods}}", "", false},
    {kAll, "{match: [{name: m, expression: related.pods.size() > 3}]}", "", false},
    {kAll, "{match: [{name: m, expression: related.pods.size() > object.spec.replicas}]}", "",
     true},
    // A Node's word counts everywhere: no tenant writes it.
    {kAll, "{match: [{name: m, expression: related.nodes.size() > 3}]}", "", true},
    {kNode, kCondition, kCoreDns, true},
    // Another namespace, or a cluster-scoped object, needs the word of what is written.
    {kShop, kCondition, kCoreDns, false},
    {kShop, "{match: [{name: m, expression: \"related.dns[0].spec.replicas == 0\"}]}", kCoreDns,
     true},
    {kShop, kCondition, "{apiVersion: v1, kind: Node, name: n}", false},
    {kShop, kCondition, "{apiVersion: v1, kind: Namespace, name: shop}", false},
    {kNode, kEvents, kInShop, false},
    // The same namespace for certain, and only perhaps.
    {kShop, kCondition, kInShop, true},
    {kAll, kCondition, kInShop, false},
    {kAll, "{match: [{name: m, expression: \"related.dns[0].spec.replicas == 0\"}]}", kInShop,
     false},
    // A kind that nobody knows may be cluster-scoped.
    {kWidget, kEvents, "", false},
    {kWidget, kCondition, "", true},
    {kShopWidget, kEvents, "", true},
};

TEST(Trust, WhatMayJustifyWhat) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.target) + " " + c.trigger + " " + c.written);
    const Status status = Accept(c.target, c.trigger, c.written);
    if (c.allowed) {
      KR_EXPECT_OK(status);
    } else {
      EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("expected a condition or match")));
    }
  }
}

TEST(Trust, TenantEventCannotTouchNode) {
  EXPECT_THAT(
      Accept(kNode, "{events: {from: onpods, count: 3}}", ""),
      testing::StatusIs(
          absl::StatusCode::kInvalidArgument,
          "spec.triggers[0]: \"t\" rests only on what people in a namespace can forge (Events, "
          "alerts, fields of namespaced objects), but spec.remedies[0].steps[1] (patch) writes "
          "the target (Node), which is not in that namespace: expected a condition or match on "
          "that object in the same trigger"));
}

TEST(Trust, AKindThatMayBeClusterScopedIsToldHowToSayThatItIsNot) {
  EXPECT_THAT(Accept(kWidget, kEvents, ""),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("or spec.target.namespaces if Widget has namespaces")));
}

}  // namespace
}  // namespace kr::policy
