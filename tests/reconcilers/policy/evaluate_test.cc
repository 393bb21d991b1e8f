#include "reconcilers/policy/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/support/documents.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using signals::Tri;
using ::testing::HasSubstr;

// Joins and Events as a test says.
class Around final : public Surroundings {
 public:
  StatusOr<std::vector<document::DocumentPtr>> Related(size_t,
                                                       const document::Document&) const override {
    ++lookups;
    return related;
  }
  StatusOr<std::vector<signals::EventFacts>> Events(size_t, const document::Document&, int64_t,
                                                    absl::Time since) const override {
    ++counts;
    if (since >= event_time) return std::vector<signals::EventFacts>();
    return facts;
  }
  StatusOr<std::vector<document::DocumentPtr>> related = std::vector<document::DocumentPtr>();
  std::vector<signals::EventFacts> facts;
  absl::Time event_time = absl::UnixEpoch();
  mutable int lookups = 0;  // of Related
  mutable int counts = 0;   // of Events
};

// A braced list of one element is that element to nlohmann-json.
json ListOf(const json& value) {
  return value.is_array() ? value : json::array({value});
}

CompiledPolicyPtr Policy(const json& triggers, const json& healthy = json::array()) {
  const json policy = {
      {"apiVersion", "kube-remedy.io/v1alpha1"},
      {"kind", "RemediationPolicy"},
      {"metadata", {{"name", "p"}, {"uid", "u"}}},
      {"spec",
       {{"target", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"all", true}}},
        {"related", {{{"name", "pods"}, {"preset", "OwnedPods"}}}},
        {"events", {{{"name", "e"}, {"within", "10m"}}}},
        {"variables",
         {{{"name", "bad"}, {"expression", "object.data.absent"}},
          {{"name", "worse"}, {"expression", "variables.bad + 'x'"}},
          {{"name", "pods"}, {"expression", "related.pods.size()"}},
          {{"name", "old"}, {"expression", "now - timestamp(object.data.since) > duration('2h')"}},
          {{"name", "good"}, {"expression", "object.data.x == '1'"}}}},
        {"triggers", ListOf(triggers)},
        {"recovery", {{"healthy", ListOf(healthy)}}},
        {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}}};
  auto parsed = crds::FromJson<crds::RemediationPolicy>(policy);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  auto compiled = Compile(*parsed);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return *compiled;
}

json Match(const std::string& expression, const std::string& name = "t") {
  return {{"name", name}, {"match", {{{"name", "m"}, {"expression", expression}}}}};
}

Evaluation Eval(const CompiledPolicyPtr& policy, const Around& around,
                absl::Time events_since = absl::InfinitePast()) {
  const auto object = testing::Doc(json{{"metadata", {{"name", "a"}, {"namespace", "n"}}},
                                        {"data", {{"x", "1"}, {"since", "1970-01-01T00:00:00Z"}}}}
                                       .dump());
  const TargetView view(*policy, object, around,
                        {.now = absl::UnixEpoch() + absl::Hours(1), .events_since = events_since});
  return Evaluate(*policy, view);
}

TEST(Evaluate, EntriesAreOrSignalsAreAnd) {
  Around around;
  EXPECT_EQ(
      Eval(Policy({Match("object.data.x == '2'"), Match("object.data.x == '1'", "u")}), around)
          .symptom.value,
      Tri::kTrue);
  EXPECT_EQ(Eval(Policy({Match("object.data.x == '2'")}), around).symptom.value, Tri::kFalse);
}

TEST(Evaluate, AnErrorIsUnknownAndSaysWhy) {
  Around around;
  const Evaluation evaluation = Eval(Policy({Match("object.data.y == '1'")}), around);
  EXPECT_EQ(evaluation.symptom.value, Tri::kUnknown);
  EXPECT_THAT(evaluation.symptom.cause, HasSubstr("match m: "));
}

TEST(Evaluate, FalseWinsOverUnknownInAnEntry) {
  Around around;
  json trigger = Match("object.data.y == '1'");
  trigger["match"].push_back({{"name", "n"}, {"expression", "false"}});
  EXPECT_EQ(Eval(Policy({trigger}), around).symptom.value, Tri::kFalse);
}

TEST(Evaluate, NothingIsAskedAfterASignalThatIsFalse) {
  Around around;
  json trigger = Match("false");
  trigger["match"].push_back({{"name", "n"}, {"expression", "object.data.y == '1'"}});
  const Evaluation evaluation = Eval(Policy({trigger}), around);
  EXPECT_EQ(evaluation.symptom.value, Tri::kFalse);
  EXPECT_EQ(evaluation.triggers[0].signals.size(), 1u);
}

TEST(Evaluate, TrueWinsOverUnknownBetweenEntries) {
  Around around;
  EXPECT_EQ(Eval(Policy({Match("object.data.y == '1'"), Match("true", "u")}), around).symptom.value,
            Tri::kTrue);
}

TEST(Evaluate, UnsyncedJoinIsUnknownOnlyForWhoReadsIt) {
  Around around;
  around.related = Unavailable("pods are not synced");
  EXPECT_EQ(Eval(Policy({Match("related.pods.size() == 0")}), around).symptom.value, Tri::kUnknown);
  EXPECT_EQ(Eval(Policy({Match("object.data.x == '1'")}), around).symptom.value, Tri::kTrue);
}

TEST(Evaluate, AVariableThatFailsHurtsOnlyItsReaders) {
  Around around;
  EXPECT_EQ(Eval(Policy({Match("variables.good")}), around).symptom.value, Tri::kTrue);
  EXPECT_EQ(Eval(Policy({Match("variables.bad == 'x'")}), around).symptom.value, Tri::kUnknown);
}

TEST(Evaluate, ErrorsInVariablesNameTheFirstOneOnce) {
  Around around;
  const Evaluation evaluation = Eval(Policy({Match("variables.worse == 'x'")}), around);
  EXPECT_EQ(evaluation.symptom.cause,
            "match m: variables.bad: 1:13: no such key: object.data has no 'absent'");
}

TEST(Evaluate, OnlyWhatIsReadIsGotAndThatOnce) {
  Around around;
  Eval(Policy({Match("variables.good")}), around);
  EXPECT_EQ(around.lookups, 0);
  EXPECT_EQ(around.counts, 0);
  Eval(Policy({Match("related.pods.size() + variables.pods + variables.pods > 0"),
               Match("related.pods.size() > 0", "u")}),
       around);
  EXPECT_EQ(around.lookups, 1);
  EXPECT_EQ(around.counts, 0);
  Eval(Policy({Match("events.e.size() > 0")}), around);
  EXPECT_EQ(around.lookups, 1);
  EXPECT_EQ(around.counts, 1);
}

// The variable is a bool: that it rests on the time is only known inside it.
TEST(Evaluate, AVariableThatLooksAtTheTimeSaysUntilWhenItHolds) {
  Around around;
  const Evaluation evaluation = Eval(Policy({Match("variables.old")}), around);
  EXPECT_EQ(evaluation.symptom.value, Tri::kFalse);
  EXPECT_EQ(evaluation.symptom.valid_until,
            absl::UnixEpoch() + absl::Hours(2) + absl::Nanoseconds(1));
}

TEST(Evaluate, UnknownIsNotCured) {
  Around around;
  const Evaluation evaluation = Eval(Policy({Match("object.data.y == '1'")}), around);
  EXPECT_EQ(Cured(evaluation).value, Tri::kUnknown);
}

TEST(Evaluate, EvaluationErrorIsNotCured) {
  Around around;
  const Evaluation evaluation = Eval(
      Policy({Match("false")}, json{{{"name", "h"}, {"expression", "object.data.absent == 'x'"}}}),
      around);
  EXPECT_EQ(Cured(evaluation).value, Tri::kUnknown);
  EXPECT_THAT(Cured(evaluation).cause, HasSubstr("h: "));
}

TEST(Evaluate, CuredNeedsHealthToo) {
  Around around;
  EXPECT_EQ(Cured(Eval(Policy({Match("false")}), around)).value, Tri::kTrue);
  EXPECT_EQ(
      Cured(Eval(Policy({Match("false")}, json{{{"name", "h"}, {"expression", "false"}}}), around))
          .value,
      Tri::kFalse);
}

// A node that reboots reports nothing: its Ready turns Unknown, which ends the symptom "Ready is
// False" and proves nothing.
TEST(Evaluate, RebootInProgressIsNotRecovery) {
  const auto parsed = crds::FromJson<crds::RemediationPolicy>(json::parse(R"JSON({
    "apiVersion": "kube-remedy.io/v1alpha1", "kind": "RemediationPolicy",
    "metadata": {"name": "p", "uid": "u"},
    "spec": {"target": {"apiVersion": "v1", "kind": "Node", "all": true},
             "triggers": [{"name": "t", "for": "0s", "condition": {"type": "Ready", "status": ["False"]}}],
             "remedies": [{"name": "r", "steps": [{"notify": {"message": "m"}}]}]}})JSON"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  KR_ASSERT_OK_AND_ASSIGN(const CompiledPolicyPtr policy, Compile(*parsed));
  const auto with_ready = [&](const char* status) {
    const auto node = testing::Doc(
        {{"metadata", {{"name", "n"}}},
         {"status", {{"conditions", json::array({{{"type", "Ready"}, {"status", status}}})}}}});
    const Around around;
    return Evaluate(*policy, TargetView(*policy, node, around, {.now = absl::UnixEpoch()}));
  };
  EXPECT_EQ(with_ready("False").symptom.value, Tri::kTrue);
  EXPECT_NE(with_ready("Unknown").symptom.value, Tri::kTrue);
  EXPECT_NE(Cured(with_ready("Unknown")).value, Tri::kTrue);
  EXPECT_EQ(Cured(with_ready("True")).value, Tri::kTrue);
}

TEST(Evaluate, EventsBeforeTheLastWriteAreAnswered) {
  Around around;
  around.facts = {{.object = {},
                   .owner = "",
                   .node = "",
                   .count = 3,
                   .last = absl::UnixEpoch(),
                   .message = "m"}};
  const CompiledPolicyPtr policy = Policy({{{"name", "t"},
                                            {"events", {{"from", "e"}, {"count", 3}}},
                                            {"match", {{{"name", "m"}, {"expression", "true"}}}}}});
  EXPECT_EQ(Eval(policy, around).symptom.value, Tri::kTrue);
  EXPECT_EQ(Eval(policy, around, absl::UnixEpoch()).symptom.value, Tri::kFalse);
}

}  // namespace
}  // namespace kr::policy
