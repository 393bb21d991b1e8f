#include "reconcilers/remediation/finalizer_release.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/kube/api_error.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/effects_finalizer.h"
#include "tests/support/fake_api_sender.h"
#include "tests/support/fake_clock.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

class FinalizerReleaseTest : public ::testing::Test {
 protected:
  static json Object(const std::string& version, const json& finalizers) {
    return {{"apiVersion", "kube-remedy.io/v1alpha1"},
            {"kind", "Remediation"},
            {"metadata",
             {{"name", "heal-n"},
              {"uid", "heal-uid"},
              {"resourceVersion", version},
              {"finalizers", finalizers}}},
            {"spec",
             {{"policyRef", {{"name", "heal"}, {"uid", "policy-uid"}}},
              {"targetRef",
               {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "n"}, {"uid", "node-uid"}}},
              {"mode", "Enforce"}}},
            {"status", {{"phase", "Succeeded"}}}};
  }
  static crds::Remediation Over(const std::string& version = "7") {
    return *crds::FromJson<crds::Remediation>(
        Object(version, {std::string(crds::kEffectsFinalizer)}));
  }
  void Pass(absl::Duration duration) {
    for (; duration > absl::ZeroDuration(); duration -= absl::Milliseconds(100)) {
      clock.Advance(absl::Milliseconds(100));
      engine.RunUntilIdle();
    }
  }

  testing::FakeClock clock;
  runtime::Engine engine{clock};
  testing::FakeApiSender api;
  std::optional<crds::Remediation> known = Over();
  std::vector<std::string> released;  // versions
  FinalizerRelease release{
      FinalizerRelease::Options(), engine, api,
      [this](std::string_view) { return known ? &*known : nullptr; },
      [this](const crds::Remediation& r) { released.push_back(r.metadata.resource_version); }};
};

TEST_F(FinalizerReleaseTest, TellsWhatTheServerHasNow) {
  release.Release(*known);
  release.Release(*known);
  ASSERT_EQ(api.log().size(), 1u) << "it is under way";
  const json patch = json::parse(api.pending().front().request.body);
  EXPECT_EQ(patch["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(patch["metadata"]["finalizers"], json::array());
  api.Reply(200, Object("8", json::array()).dump());
  EXPECT_EQ(released, std::vector<std::string>({"8"}));
}

// The watch is behind: who asked for it again at once, a hundred times a second, kept it there.
TEST_F(FinalizerReleaseTest, WhatIsRefusedIsAskedForAfterPausesThatGrow) {
  release.Release(*known);
  for (int i = 0; i < 600; ++i) {
    if (!api.pending().empty()) api.Fail(kube::ToStatus({.code = 409}));
    release.Release(*known);  // each old version that the watch tells of
    Pass(absl::Milliseconds(100));
  }
  EXPECT_LE(api.log().size(), 8u);
  known = Over("9");
  Pass(absl::Minutes(1));
  ASSERT_FALSE(api.pending().empty());
  EXPECT_EQ(json::parse(api.pending().front().request.body)["metadata"]["resourceVersion"], "9");
}

TEST_F(FinalizerReleaseTest, OneThatIsGoneIsLeft) {
  release.Release(*known);
  api.Reply(404);
  known.reset();
  Pass(absl::Minutes(1));
  EXPECT_EQ(api.log().size(), 1u);
  EXPECT_TRUE(released.empty());
}

TEST_F(FinalizerReleaseTest, ALateAnswerBringsNothingBack) {
  release.Release(*known);
  known.reset();
  api.Reply(200, Object("8", json::array()).dump());
  EXPECT_TRUE(released.empty());
}

TEST_F(FinalizerReleaseTest, NothingIsSentWithoutLeading) {
  release.Release(*known);
  release.Stop();
  api.Fail(kube::ToStatus({.code = 409}));
  Pass(absl::Minutes(1));
  EXPECT_EQ(api.log().size(), 1u);
}

}  // namespace
}  // namespace kr::remediation
