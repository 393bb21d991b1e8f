#include "reconcilers/limits/protection.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

TEST(ProtectionTest, WhatMustNotBeTouched) {
  struct Case {
    const char* name;
    std::string name_space;
    std::string exclude;
    bool deleting;
    bool mirror;
    std::vector<std::string> named;
    std::string want;
  };
  const Case cases[] = {
      {"an ordinary object", "shop", "", false, false, {}, ""},
      {"opted out",
       "shop",
       "true",
       false,
       false,
       {},
       "DaemonSet shop/x has the label kube-remedy.io/exclude: \"true\""},
      {"only \"true\" opts out", "shop", "false", false, false, {}, ""},
      {"opted out in a namespace that the policy names",
       "kube-system",
       "true",
       false,
       false,
       {"kube-system"},
       "DaemonSet kube-system/x has the label kube-remedy.io/exclude: \"true\""},
      {"kube-system",
       "kube-system",
       "",
       false,
       false,
       {},
       "the namespace kube-system is protected: only a policy that names it in target.namespaces "
       "acts there"},
      {"kube-system, other namespaces named",
       "kube-system",
       "",
       false,
       false,
       {"shop"},
       "the namespace kube-system is protected: only a policy that names it in target.namespaces "
       "acts there"},
      {"kube-system named", "kube-system", "", false, false, {"shop", "kube-system"}, ""},
      {"being deleted", "shop", "", true, false, {}, "DaemonSet shop/x is being deleted"},
      {"a mirror pod",
       "shop",
       "",
       false,
       true,
       {},
       "DaemonSet shop/x is a mirror pod: its node runs it from a file, whatever the API says"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TargetFacts target;
    target.ref = {
        .api_version = "apps/v1", .kind = "DaemonSet", .name_space = c.name_space, .name = "x"};
    target.exclude_label = c.exclude;
    target.deleting = c.deleting;
    target.mirror_pod = c.mirror;
    std::optional<Refusal> refusal = CheckProtection(target, c.named);
    EXPECT_EQ(MessageOf(refusal), c.want);
    EXPECT_EQ(NameOf(refusal), c.want.empty() ? "" : "Protected");
  }
}

TEST(ProtectionTest, AClusterScopedObjectIsInNoProtectedNamespace) {
  TargetFacts node;
  node.ref = {.api_version = "v1", .kind = "Node", .name = "kube-system"};
  EXPECT_EQ(CheckProtection(node, {}), std::nullopt);
}

}  // namespace
}  // namespace kr::limits
