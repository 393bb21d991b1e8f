#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;

// Whether two texts say the same, as "60m" and "1h" do.
bool SameScalar(const json& a, const json& b) {
  if (a == b) return true;
  if (!a.is_string() || !b.is_string()) return false;
  const auto duration = ParseDuration(a.get_ref<const std::string&>());
  return duration && duration == ParseDuration(b.get_ref<const std::string&>());
}

// What `written` says and `printed` does not.
void ExpectContains(const json& printed, const json& written, const std::string& path) {
  if (written.is_object()) {
    for (const auto& [key, value] : written.items()) {
      ASSERT_TRUE(printed.contains(key)) << path << "." << key << " was lost";
      ExpectContains(printed[key], value, path + "." + key);
    }
  } else if (written.is_array()) {
    ASSERT_EQ(printed.size(), written.size()) << path;
    for (size_t i = 0; i < written.size(); ++i) {
      ExpectContains(printed[i], written[i], path + "[" + std::to_string(i) + "]");
    }
  } else {
    EXPECT_TRUE(SameScalar(printed, written)) << path << ": " << written << " became " << printed;
  }
}

class Policies : public ::testing::TestWithParam<std::string> {};

TEST_P(Policies, SurviveReadingAndPrinting) {
  const json manifest = testing::LoadManifest(GetParam());
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy policy, FromJson<RemediationPolicy>(manifest));
  const json printed = ToJson(policy);
  ExpectContains(printed, manifest, "");
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy again, FromJson<RemediationPolicy>(printed));
  EXPECT_EQ(policy, again);
}

TEST_P(Policies, SnapshotsKeepWhatAnOpenRemediationNeeds) {
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy policy,
                          FromJson<RemediationPolicy>(testing::LoadManifest(GetParam())));
  const PolicySnapshot snapshot = TakeSnapshot(policy.spec);
  KR_ASSERT_OK_AND_ASSIGN(const PolicySnapshot again, FromJson<PolicySnapshot>(ToJson(snapshot)));
  EXPECT_EQ(snapshot, again);
  EXPECT_EQ(again.triggers, policy.spec.triggers);
  EXPECT_EQ(again.remedies, policy.spec.remedies);
}

std::vector<std::string> AllPolicies() {
  std::vector<std::string> paths = testing::ManifestsIn("config/samples");
  const std::vector<std::string> shipped = testing::ManifestsIn("config/policies");
  paths.insert(paths.end(), shipped.begin(), shipped.end());
  std::erase_if(paths, [](const std::string& path) {
    return testing::LoadManifest(path)["kind"] != kPolicyKind;
  });
  return paths;
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name;
  for (char c : info.param.substr(info.param.rfind('/') + 1)) {
    name += isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Repository, Policies, ::testing::ValuesIn(AllPolicies()), TestName);

// Whether a field of that name is anywhere in it.
bool Mentions(const json& value, const std::string& field) {
  if (value.is_object() && value.contains(field)) return true;
  return value.is_structured() && std::any_of(value.begin(), value.end(), [&](const json& child) {
           return Mentions(child, field);
         });
}

// "rolloutRestart" -> "rollout-restart".
std::string FileNameOf(const std::string& field) {
  std::string name;
  for (const char c : field) {
    if (absl::ascii_isupper(c)) name += '-';
    name += absl::ascii_tolower(c);
  }
  return name;
}

// The schema says what there is: the properties of its entries, without those that are no action or
// signal.
TEST(Samples, ThereIsOneForEveryActionAndSignal) {
  const std::vector<std::string> samples = testing::ManifestsIn("config/samples");
  const json crd = testing::LoadManifest("crds/remediationpolicies.yaml");
  const json& spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
  const auto expect = [&](const char* prefix, const json& properties,
                          const std::set<std::string>& others, size_t count) {
    size_t found = 0;
    for (const auto& [field, schema] : properties.items()) {
      if (others.contains(field)) continue;
      ++found;
      const std::string path = "config/samples/" + (prefix + FileNameOf(field)) + ".yaml";
      EXPECT_NE(std::find(samples.begin(), samples.end(), path), samples.end()) << path;
      EXPECT_TRUE(Mentions(testing::LoadManifest(path)["spec"], field)) << path;
    }
    EXPECT_EQ(found, count) << prefix;
  };
  expect("signal-", spec["properties"]["triggers"]["items"]["properties"], {"name", "for"}, 9);
  expect("action-",
         spec["properties"]["remedies"]["items"]["properties"]["steps"]["items"]["properties"],
         {"name", "applyTo", "onFailure"}, 18);
}

TEST(Samples, TheBudgetIsOne) {
  const json manifest = testing::LoadManifest("config/samples/budget.yaml");
  KR_ASSERT_OK_AND_ASSIGN(const RemediationBudget budget, FromJson<RemediationBudget>(manifest));
  ExpectContains(ToJson(budget), manifest, "");
}

TEST(CalicoPolicy, SaysWhatTheIncidentNeeds) {
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy policy,
                          FromJson<RemediationPolicy>(testing::LoadManifest(
                              "config/policies/calico-felix-healthhost.yaml")));
  EXPECT_EQ(policy.metadata.labels.at("kube-remedy.io/incident"), "R115");
  EXPECT_EQ(policy.spec.target.kind, "DaemonSet");
  EXPECT_EQ(policy.spec.related.at(0).preset, RelatedPreset::kOwnedPods);
  EXPECT_EQ(std::get<AboutRelated>(policy.spec.events.at(0).about).related, "pods");
  EXPECT_EQ(policy.spec.events.at(0).within, absl::Minutes(15));
  EXPECT_EQ(policy.spec.triggers.at(0).HoldFor(), absl::ZeroDuration());
  EXPECT_EQ(policy.spec.triggers.at(0).events->count, 3);
  const Remedy& remedy = policy.spec.remedies.at(0);
  EXPECT_EQ(ActionName(remedy.steps.at(0).action), "setEnv");
  EXPECT_EQ(std::get<SetEnv>(remedy.steps.at(0).action).Containers(),
            std::vector<std::string>{"calico-node"});
  EXPECT_EQ(std::get<WaitFor>(remedy.steps.at(1).action).timeout, absl::Minutes(30));
  EXPECT_EQ(remedy.verify.size(), 1u);
  EXPECT_EQ(policy.spec.limits, Limits{});
}

TEST(Trigger, WaitsThreeMinutesOnlyForConditionsAndLeasesUnlessToldOtherwise) {
  EXPECT_EQ(Trigger{}.HoldFor(), absl::ZeroDuration());
  EXPECT_EQ((Trigger{.condition = ConditionSignal{}}).HoldFor(), absl::Minutes(3));
  EXPECT_EQ((Trigger{.lease = LeaseSignal{}}).HoldFor(), absl::Minutes(3));
  EXPECT_EQ((Trigger{.hold_for = absl::ZeroDuration(), .condition = ConditionSignal{}}).HoldFor(),
            absl::ZeroDuration());
}

}  // namespace
}  // namespace kr::crds
