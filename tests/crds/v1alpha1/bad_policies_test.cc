#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// bad_policies.yaml: the same table is played on a real API server.
const json& Table() {
  static const json table = testing::LoadManifest("tests/crds/v1alpha1/bad_policies.yaml");
  return table;
}

json Base() {
  return Table()["base"];
}

json Changed(const json& wrong) {
  json policy = Base();
  const json::json_pointer pointer{wrong["at"].get<std::string>()};
  if (wrong.contains("put")) {
    policy[pointer] = wrong["put"];
  } else {
    policy[pointer.parent_pointer()].erase(pointer.back());
  }
  return policy;
}

struct Trouble {
  const char* target;
  const char* source;
  const char* trigger;
  const char* problem;  // "" = none
};

// What signals ask of the rest of the policy.
const Trouble kTroubles[] = {
    {"{apiVersion: v1, kind: ConfigMap, names: [a], namespaces: [b]}", "{name: s}",
     "{name: gone, absent: {}}", ""},
    {"{apiVersion: v1, kind: ConfigMap, namespaces: [b]}", "{name: s}", "{name: gone, absent: {}}",
     "spec.triggers[0].absent: needs spec.target.names: they say which objects should be there"},
    {"{apiVersion: v1, kind: Node, names: [a], selector: {matchLabels: {a: b}}}", "{name: s}",
     "{name: gone, absent: {}}",
     "spec.triggers[0].absent: excludes spec.target.selector and excludeSelector: an object that "
     "is not there has no labels"},
    {"{apiVersion: v1, kind: Pod, all: true}", "{name: s}",
     "{name: t, events: {from: s, distinct: node}, match: [{name: m, expression: 'true'}]}",
     "spec.triggers[0].events.distinct: source s is about the target, which is one object: "
     "expected a source about related objects or about a kind"},
    {"{apiVersion: v1, kind: Node, all: true}", "{name: s, about: {apiVersion: v1, kind: Pod}}",
     "{name: t, events: {from: s, distinct: owner}, match: [{name: m, expression: 'true'}]}",
     "spec.triggers[0].events.distinct: source s is about a kind, whose owners are not known: "
     "expected a source about related objects"},
    {"{apiVersion: v1, kind: Node, all: true}", "{name: s, about: {apiVersion: v1, kind: Pod}}",
     "{name: t, events: {from: s, distinct: object}, match: [{name: m, expression: 'true'}]}", ""},
};

TEST(BadPolicies, SignalsSayWhatTheyNeedOfTheRest) {
  for (const Trouble& c : kTroubles) {
    SCOPED_TRACE(std::string(c.target) + " " + c.trigger);
    json policy = Base();
    policy["spec"]["target"] = testing::ParseYaml(c.target);
    policy["spec"]["events"] = json::array({testing::ParseYaml(c.source)});
    policy["spec"]["triggers"] = json::array({testing::ParseYaml(c.trigger)});
    policy["spec"].erase("related");
    if (*c.problem == '\0') {
      KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
    } else {
      EXPECT_THAT(FromJson<RemediationPolicy>(policy),
                  testing::StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.problem)));
    }
  }
}

TEST(BadPolicies, MorePlacesThanAnybodyWouldListAreRefused) {
  json policy = Base();
  policy["spec"]["target"] = testing::ParseYaml("{apiVersion: v1, kind: ConfigMap}");
  for (int i = 0; i < 40; ++i) {
    policy["spec"]["target"]["names"].push_back("n" + std::to_string(i));
    policy["spec"]["target"]["namespaces"].push_back("s" + std::to_string(i));
  }
  policy["spec"]["triggers"] = testing::ParseYaml("[{name: gone, absent: {}}]");
  EXPECT_THAT(FromJson<RemediationPolicy>(policy),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "spec.triggers[0].absent: spec.target means 1600 places (kinds x "
                                "names x namespaces), at most 1000 are possible"));
}

TEST(BadPolicies, TheirBaseIsGood) {
  KR_EXPECT_OK(FromJson<RemediationPolicy>(Base()));
}

TEST(BadPolicies, EachSaysPreciselyWhatIsWrong) {
  EXPECT_GE(Table()["cases"].size(), 139u);
  for (const json& wrong : Table()["cases"]) {
    SCOPED_TRACE(wrong.dump());
    EXPECT_THAT(
        FromJson<RemediationPolicy>(Changed(wrong)),
        testing::StatusIs(absl::StatusCode::kInvalidArgument, wrong["says"].get<std::string>()));
  }
}

TEST(BadPolicies, SeveralProblemsAreReportedTogether) {
  json policy = Base();
  policy["spec"]["paused"] = 1;
  policy["spec"]["triggers"][0]["events"]["count"] = 0;
  policy["spec"]["nonsense"] = true;
  EXPECT_THAT(
      FromJson<RemediationPolicy>(policy),
      testing::StatusIs(absl::StatusCode::kInvalidArgument,
                        "spec.paused: expected true or false, found 1; "
                        "spec.triggers[0].events.count: expected an integer from 1 to 1000, "
                        "found 0; spec.nonsense: unknown field"));
}

TEST(BadPolicies, ASpecAloneIsCheckedTheSameWay) {
  json policy = Base();
  policy["spec"]["remedies"][0]["cureWithin"] = "1m";
  EXPECT_THAT(FromJson<RemediationPolicySpec>(policy["spec"]),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("spec.remedies[0].cureWithin: is 1m")));
}

TEST(Policies, ThatOnlyNotifyNeedNoProof) {
  json policy = Base();
  policy["spec"]["triggers"][0].erase("condition");
  policy["spec"]["remedies"][0]["steps"] = json::parse(R"([{"notify": {}}])");
  policy["spec"]["remedies"][0]["cureWithin"] = "1s";
  KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
}

TEST(Policies, AllTrueNeedsNoNarrowing) {
  json policy = Base();
  policy["spec"]["target"].erase("names");
  policy["spec"]["target"]["all"] = true;
  KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
}

TEST(Policies, AnEmptySelectorDoesNotNarrow) {
  json policy = Base();
  policy["spec"]["target"].erase("names");
  policy["spec"]["target"]["selector"] = json::object();
  EXPECT_THAT(
      FromJson<RemediationPolicy>(policy),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must narrow the targets")));
}

TEST(Policies, StatusOfANewerVersionIsNoReasonToRefuseThem) {
  json policy = Base();
  policy["status"] = json::parse(R"({"novelty": 1, "breaker": {"state": "Open", "novelty": 1,
                                     "since": "2026-01-02T03:04:05Z"}})");
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy read, FromJson<RemediationPolicy>(policy));
  EXPECT_EQ(read.status.breaker->state, BreakerState::kOpen);
}

}  // namespace
}  // namespace kr::crds
