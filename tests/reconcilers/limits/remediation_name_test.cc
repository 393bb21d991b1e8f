#include "reconcilers/limits/remediation_name.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/lineage.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

const std::string kDigest = "0123456789abcdef";

// RFC 1123 subdomain, as the API server checks names.
bool IsSubdomain(std::string_view name) {
  auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  char before = '.';
  for (char c : name) {
    bool ok = alphanumeric(c) || (c == '-' && before != '.') || (c == '.' && alphanumeric(before));
    if (!ok) return false;
    before = c;
  }
  return alphanumeric(before) && name.size() <= 253;
}

TEST(RemediationNameTest, SaysWhatItIsAbout) {
  struct Case {
    const char* name;
    std::string policy;
    std::string target;
    std::string want;
  };
  const Case cases[] = {
      {"the usual", "calico-felix-healthhost", "calico-node",
       "calico-felix-healthhost-calico-node-0123456789abcdef-7"},
      {"dots stay", "p", "ip-10-0-0-1.eu.internal", "p-ip-10-0-0-1.eu.internal-0123456789abcdef-7"},
      {"RBAC names have colons and upper case", "p", "system:Node",
       "p-system-node-0123456789abcdef-7"},
      {"a dot at the border", "a.", ".b", "a-b-0123456789abcdef-7"},
      {"a dot beside a dash", "a", "b.-c", "a-b--c-0123456789abcdef-7"},
      {"nothing usable", "p", "::", "p-x-0123456789abcdef-7"},
      {"an absent slot", "p", "", "p-x-0123456789abcdef-7"},
      {"long names are cut", std::string(70, 'p'), std::string(253, 't'),
       std::string(60, 'p') + "-" + std::string(100, 't') + "-0123456789abcdef-7"},
      {"a cut never ends in a dot", "p", std::string(99, 't') + ".internal",
       "p-" + std::string(99, 't') + "-0123456789abcdef-7"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(RemediationName(c.policy, c.target, kDigest, 7), c.want);
  }
}

TEST(RemediationNameTest, IsAlwaysAValidName) {
  std::mt19937 random(1);
  constexpr std::string_view kChars = "aZ9-._:/ \xc3\xa4";
  for (int i = 0; i < 20000; ++i) {
    std::string text[2];
    for (std::string& part : text) {
      part.resize(random() % 130);
      for (char& c : part) c = kChars[random() % kChars.size()];
    }
    std::string name = RemediationName(text[0], text[1], kDigest, INT64_MAX);
    ASSERT_TRUE(IsSubdomain(name)) << name;
  }
}

TEST(RemediationNameTest, NamesThatLookAlikeDoNotCollide) {
  std::set<std::string> names;
  for (const char* target : {"a:b", "a-b", "A-B", "a_b"}) {
    crds::ObjectReference ref{.api_version = "v1", .kind = "Node", .name = target};
    std::string digest = LineageDigest("policy-uid", Lineage(ref));
    EXPECT_TRUE(names.insert(RemediationName("p", target, digest, 1)).second) << target;
  }
}

crds::Remediation Ours() {
  crds::Remediation remediation;
  remediation.metadata.name = RemediationName("p", "t", kDigest, 1);
  remediation.metadata.labels[std::string(crds::kLineageLabel)] = kDigest;
  remediation.spec.policy_ref = {"p", "policy-uid"};
  return remediation;
}

TEST(RemediationNameTest, WhatATakenNameMeans) {
  crds::Remediation existing = Ours();
  EXPECT_EQ(Judge(existing, "policy-uid", kDigest), Existing::kAdopt) << "status never written";
  existing.status.phase = crds::Phase::kHolding;
  EXPECT_EQ(Judge(existing, "policy-uid", kDigest), Existing::kAdopt);
  existing.status.phase = crds::Phase::kCancelled;
  EXPECT_EQ(Judge(existing, "policy-uid", kDigest), Existing::kFinished);
  EXPECT_EQ(Judge(existing, "other-uid", kDigest), Existing::kForeign) << "policy made again";
  EXPECT_EQ(Judge(existing, "policy-uid", std::string(16, 'a')), Existing::kForeign);
  existing.metadata.labels.clear();
  EXPECT_EQ(Judge(existing, "policy-uid", kDigest), Existing::kForeign) << "made by hand";
}

// After everything of a lineage was pruned it begins at 1 again. The name comes again, which is
// harmless because it depends on nothing that the pruned one left: no collision while both exist.
TEST(RemediationNameTest, PrunedNumberIsHarmless) {
  std::string first = RemediationName("p", "t", kDigest, 1);
  EXPECT_EQ(first, RemediationName("p", "t", kDigest, 1));
  EXPECT_NE(first, RemediationName("p", "t", kDigest, 2));
  // Not pruned after all: the create is refused, and the finished one is the memory to go on from.
  crds::Remediation left = Ours();
  left.status.phase = crds::Phase::kFailed;
  EXPECT_EQ(Judge(left, "policy-uid", kDigest), Existing::kFinished);
}

TEST(RemediationNameTest, TheOlderOfTwoRuns) {
  crds::Remediation a = Ours();
  crds::Remediation b = Ours();
  a.metadata.creation_timestamp = At(3);
  b.metadata.creation_timestamp = At(4);
  EXPECT_TRUE(RunsBefore(a, b));
  EXPECT_FALSE(RunsBefore(b, a));
  b.metadata.creation_timestamp = At(3);
  b.metadata.name = "zzz";
  EXPECT_TRUE(RunsBefore(a, b));
  EXPECT_FALSE(RunsBefore(b, a));
  EXPECT_FALSE(RunsBefore(a, a));
}

}  // namespace
}  // namespace kr::limits
