#include "reconcilers/remediation/target_facts.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "tests/support/status_matchers.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

const crds::ObjectReference kPod{"v1", "Pod", "shop", "web", "u"};
const crds::ObjectReference kNode{"v1", "Node", "", "n", "u"};
const crds::ObjectReference kSet{"apps/v1", "DaemonSet", "shop", "web", "u"};

document::Projection::Ptr Kept(std::span<const std::string_view> texts) {
  std::vector<document::Path> paths;
  for (std::string_view text : texts) paths.push_back(*document::Path::Parse(text));
  return document::Projection::Of(paths);
}

StatusOr<limits::TargetFacts> Facts(const crds::ObjectReference& ref, const json& metadata,
                                    std::span<const std::string_view> paths,
                                    bool means_control_plane = false) {
  document::Decoder decoder;
  const auto object = decoder.FromJson({{"metadata", metadata}}, Kept(paths));
  return FactsOf(ref, *object, means_control_plane);
}

TEST(TargetFacts, WhatProtectionAsks) {
  const auto paths = limits::ProtectionPaths();
  KR_ASSERT_OK_AND_ASSIGN(limits::TargetFacts facts, Facts(kPod, json::object(), paths));
  EXPECT_EQ(facts.exclude_label, "");
  EXPECT_FALSE(facts.deleting);
  EXPECT_FALSE(facts.mirror_pod);
  EXPECT_EQ(facts.ref, kPod);

  const json all = {{"labels", {{"kube-remedy.io/exclude", "true"}}},
                    {"deletionTimestamp", "2026-01-02T03:04:05Z"},
                    {"annotations", {{"kubernetes.io/config.mirror", "0123"}}}};
  KR_ASSERT_OK_AND_ASSIGN(facts, Facts(kPod, all, paths));
  EXPECT_EQ(facts.exclude_label, "true");
  EXPECT_TRUE(facts.deleting);
  EXPECT_TRUE(facts.mirror_pod);
  KR_ASSERT_OK_AND_ASSIGN(facts, Facts(kSet, all, paths));
  EXPECT_FALSE(facts.mirror_pod) << "only pods are mirrored";
}

TEST(TargetFacts, NodesOfTheControlPlane) {
  const auto paths = limits::ProtectionPaths();
  for (const char* label : {"node-role.kubernetes.io/control-plane",
                            "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"}) {
    KR_ASSERT_OK_AND_ASSIGN(auto facts, Facts(kNode, {{"labels", {{label, ""}}}}, paths));
    EXPECT_TRUE(facts.control_plane);
    KR_ASSERT_OK_AND_ASSIGN(facts, Facts(kNode, {{"labels", {{label, ""}}}}, paths, true));
    EXPECT_FALSE(facts.control_plane) << "its policy means them";
    KR_ASSERT_OK_AND_ASSIGN(facts, Facts(kPod, {{"labels", {{label, ""}}}}, paths));
    EXPECT_FALSE(facts.control_plane);
  }
  KR_ASSERT_OK_AND_ASSIGN(const auto facts, Facts(kNode, json::object(), paths));
  EXPECT_FALSE(facts.control_plane);
}

// A field that was projected away looks like none; protection must not be lifted by that.
TEST(TargetFacts, WhatWasNotReadIsNoPermission) {
  const auto paths = limits::ProtectionPaths();
  for (size_t left_out = 0; left_out < paths.size(); ++left_out) {
    SCOPED_TRACE(paths[left_out]);
    std::vector<std::string_view> others(paths.begin(), paths.end());
    others.erase(others.begin() + static_cast<ptrdiff_t>(left_out));
    const bool of_nodes = paths[left_out].find("node-role") != std::string_view::npos;
    const crds::ObjectReference ref = of_nodes ? kNode : kPod;
    EXPECT_FALSE(
        Facts(ref, {{"labels", {{"a", "b"}}}, {"annotations", {{"a", "b"}}}}, others).ok());
  }
}

TEST(TargetFacts, ThatThereIsALabelDoesNotSayWhatItIs) {
  const std::string_view paths[] = {"metadata.labels['kube-remedy.io/exclude']?",
                                    "metadata.deletionTimestamp?"};
  EXPECT_FALSE(Facts(kSet, {{"labels", {{"kube-remedy.io/exclude", "true"}}}}, paths).ok());
}

}  // namespace
}  // namespace kr::remediation
