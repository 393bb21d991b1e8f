#include "crds/v1alpha1/remediation.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "crds/v1alpha1/schema_fields.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const absl::Time kNoon = absl::FromUnixSeconds(1'767'355'200);

ObjectReference CalicoNode() {
  return {.api_version = "apps/v1",
          .kind = "DaemonSet",
          .name_space = "kube-system",
          .name = "calico-node",
          .uid = "d-1"};
}

// Every field filled in: what a runner writes in the middle of things.
Remediation Full() {
  const StepId step{.remedy = "set-healthhost", .attempt = 1, .step = 0, .item = 2};
  Remediation r;
  r.metadata.name = "calico-calico-node-0123456789abcdef-1";
  r.metadata.resource_version = "12";
  r.metadata.generation = 1;
  r.metadata.finalizers = {std::string(kEffectsFinalizer)};
  r.spec = {.policy_ref = {"calico", "p-1"},
            .target_ref = CalicoNode(),
            .mode = Mode::kApprove,
            .params = RawJson(json{{"minReady", 3}}),
            .requested_by = "alice",
            .approvals = {{"set-healthhost", "ab12", Decision::kDeny, "bob"}},
            .cancel = true,
            .retry = true};
  RemediationStatus& s = r.status;
  s.observed_generation = 1;
  SetCondition(
      s.conditions,
      {.type = "Complete", .status = ConditionStatus::kFalse, .reason = "Running", .message = "m"},
      1, kNoon);
  s.phase = Phase::kRunning;
  s.reason = "Running";
  s.message = "step 1 of 2";
  s.remedy = "set-healthhost";
  s.step = "1/2 setEnv";
  s.detected_at = kNoon;
  s.started_at = kNoon + absl::Milliseconds(1);
  s.finished_at = kNoon + absl::Hours(1);
  s.phase_times = {{Phase::kPending, kNoon}, {Phase::kRunning, kNoon}};
  s.manual = true;
  s.trigger = StartedBy{"probe", kNoon};
  s.evidence = {{.source = "events.probes",
                 .object = CalicoNode(),
                 .message = "no such host",
                 .count = 3,
                 .first_seen = kNoon,
                 .last_seen = kNoon}};
  s.record = RawJson(json{{"image", "calico:3"}});
  s.plan = {{.id = step,
             .action = "setEnv",
             .object = CalicoNode(),
             .text = "sets FELIX_HEALTHHOST",
             .body = R"({"spec":{}})",
             .validation = WriteOutcome::kValidated,
             .message = "ok"}};
  s.approvals = {{.remedy = "set-healthhost",
                  .attempt = 2,
                  .plan_hash = "ab12",
                  .state = ApprovalState::kDenied,
                  .requested_at = kNoon,
                  .expires_at = kNoon + absl::Hours(1),
                  .by = "bob",
                  .decided_at = kNoon + absl::Minutes(1)}};
  s.remedies = {{.name = "set-healthhost",
                 .state = RemedyState::kRunning,
                 .attempt = 1,
                 .started_at = kNoon,
                 .steps_done_at = kNoon,
                 .healthy_since = kNoon,
                 .finished_at = kNoon,
                 .reason = "StepFailed",
                 .message = "m"}};
  s.steps = {{.id = step,
              .action = "setEnv",
              .object = CalicoNode(),
              .state = StepState::kRunning,
              .started_at = kNoon,
              .acted_at = kNoon,
              .finished_at = kNoon,
              .message = "sent",
              .memo = RawJson(json{{"before", {{"calico-node", json::array()}}}}),
              .writes = {{.verb = Verb::kPatch,
                          .object = CalicoNode(),
                          .resource_version_before = "1",
                          .resource_version_after = "2",
                          .outcome = WriteOutcome::kApplied,
                          .intent_at = kNoon,
                          .message = "m"}}}};
  s.intent = Intent{.step = step,
                    .verb = Verb::kPatch,
                    .object = CalicoNode(),
                    .others = {CalicoNode()},
                    .resource_version = "1",
                    .content_type = "application/strategic-merge-patch+json",
                    .body = "{}",
                    .body_digest = "ab12",
                    .rollback = true,
                    .at = kNoon};
  s.pre_images = {{.step = step,
                   .object = CalicoNode(),
                   .fields = RawJson(json{{"spec", {{"a", nullptr}}}}),
                   .patch_type = "application/merge-patch+json"}};
  s.locks = {CalicoNode()};
  s.holding = Holding{.since = kNoon, .triggers = {"probe"}, .revert = true};
  s.contended =
      Contended{.count = 1, .manager = "tigera", .object = CalicoNode(), .last_at = kNoon};
  s.ledger = Ledger{.n = 1, .failures = 2, .cooldown_until = kNoon, .exhausted = true};
  s.journal = Journal{.holder = "pod-1", .lease_transitions = 3, .seq = 17};
  s.lineage = "0123456789abcdef";
  s.policy_generation = 4;
  s.snapshot = "{}";
  return r;
}

TEST(Remediation, SurvivesPrintingAndReading) {
  const Remediation r = Full();
  KR_ASSERT_OK_AND_ASSIGN(const Remediation again, FromJson<Remediation>(ToJson(r)));
  EXPECT_EQ(r, again);
}

TEST(Remediation, TheFullOneHasEveryField) {
  // Keeps Full() honest: a new field has to be filled in there.
  const json printed = ToJson(Full());
  for (const FieldInfo& field : RemediationFields()) {
    if (field.path.starts_with("metadata.")) continue;
    std::vector<const json*> nodes = {&printed};
    std::string rest = field.path + ".";
    for (size_t dot; (dot = rest.find('.')) != std::string::npos; rest = rest.substr(dot + 1)) {
      std::string name = rest.substr(0, dot);
      const bool list = name.ends_with("[]");
      if (list) name.resize(name.size() - 2);
      std::vector<const json*> next;
      for (const json* node : nodes) {
        if (!node->contains(name)) continue;
        const json& child = (*node)[name];
        if (list) {
          for (const json& element : child) next.push_back(&element);
        } else {
          next.push_back(&child);
        }
      }
      nodes = std::move(next);
    }
    EXPECT_FALSE(nodes.empty()) << field.path;
  }
}

TEST(Remediation, AFreshOneHasNoPhase) {
  KR_ASSERT_OK_AND_ASSIGN(
      const Remediation r,
      FromJson<Remediation>(testing::ParseYaml(
          "{metadata: {name: r}, spec: {policyRef: {name: p}, targetRef: {apiVersion: v1, kind: "
          "Node, name: n}}}")));
  EXPECT_EQ(r.status.phase, std::nullopt);
  EXPECT_EQ(r.spec.mode, Mode::kEnforce);
  EXPECT_EQ(r.spec.target_ref.ToString(), "Node n");
}

TEST(Remediation, ALogOfANewerVersionIsNotReadByHalves) {
  json manifest = ToJson(Full());
  manifest["status"]["intent"]["fencing"] = "x";
  EXPECT_THAT(FromJson<Remediation>(manifest),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "status.intent.fencing: unknown field"));
}

TEST(Remediation, LongMessagesAreCutSoThatTheServerTakesThem) {
  Remediation r = Full();
  r.status.message = std::string(10'000, 'x');
  r.status.steps[0].writes[0].message = std::string(10'000, 'y');
  r.status.evidence.resize(100, r.status.evidence[0]);
  KR_ASSERT_OK_AND_ASSIGN(const Remediation again, FromJson<Remediation>(ToJson(r)));
  EXPECT_EQ(again.status.message.size(), kMaxMessage);
  EXPECT_EQ(again.status.evidence.size(), 32u);
}

TEST(Remediation, BodiesAreNeverCut) {
  Remediation r = Full();
  r.status.intent->body = std::string(kMaxBodyLength + 1, 'x');
  EXPECT_THAT(
      FromJson<Remediation>(ToJson(r)),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("status.intent.body")));
}

TEST(PolicyStatus, StaysSmallWithAHundredThousandTargets) {
  RemediationPolicyStatus status;
  status.targets = {.selected = 100'000, .unhealthy = 60'000, .waiting = 60'000};
  const Waiting waiting{.target = {"apps/v1", "DaemonSet", std::string(63, 'n'),
                                   std::string(253, 'x'), std::string(36, 'u')},
                        .reason = "BreakerOpen",
                        .message = std::string(5'000, 'm'),
                        .since = kNoon};
  status.waiting.resize(60'000, waiting);
  status.conditions.resize(3, {.type = "Ready", .reason = "R", .message = std::string(9'000, 'm')});
  EXPECT_LT(ToJson(status).dump().size(), 64u * 1024);
}

TEST(Phase, FinalOnesAreThoseAfterWhichNothingHappens) {
  for (Phase phase : {Phase::kPending, Phase::kAwaitingApproval, Phase::kRunning, Phase::kVerifying,
                      Phase::kHolding}) {
    EXPECT_FALSE(IsFinal(phase)) << ToString(phase);
  }
  for (Phase phase :
       {Phase::kSucceeded, Phase::kFailed, Phase::kCancelled, Phase::kObserved, Phase::kReported}) {
    EXPECT_TRUE(IsFinal(phase)) << ToString(phase);
  }
}

// Random damage to real objects: an answer every time, never a crash, and what is accepted survives
// printing and reading.
json Damage(const json& value, std::mt19937& random) {
  const auto roll = [&](size_t n) { return static_cast<size_t>(random()) % n; };
  if (value.is_structured() && !value.empty() && roll(8) != 0) {
    json copy = value;
    auto element = copy.begin();
    std::advance(element, static_cast<std::ptrdiff_t>(roll(copy.size())));
    if (roll(12) == 0) {
      copy.erase(element);
    } else {
      *element = Damage(*element, random);
    }
    return copy;
  }
  static const std::vector<json> kOdd = {nullptr,
                                         true,
                                         -1,
                                         0,
                                         3,
                                         1e300,
                                         "",
                                         "x",
                                         "5m",
                                         "20%",
                                         json::array(),
                                         json::object(),
                                         json::array({nullptr}),
                                         json{{"name", 1}},
                                         std::string("\xff\xfe", 2),
                                         std::string(5'000, 'a'),
                                         uint64_t{1} << 63};
  return kOdd[roll(kOdd.size())];
}

TEST(Reader, SurvivesDamagedObjects) {
  std::mt19937 random(20260102);
  const json policy = testing::LoadManifest("config/samples/action-patch.yaml");
  const json remediation = ToJson(Full());
  int accepted = 0;
  for (int i = 0; i < 1'500; ++i) {
    if (auto read = FromJson<RemediationPolicy>(Damage(policy, random)); read.ok()) {
      ++accepted;
      KR_ASSERT_OK_AND_ASSIGN(const auto again, FromJson<RemediationPolicy>(ToJson(*read)));
      ASSERT_EQ(*read, again);
    }
    if (auto read = FromJson<Remediation>(Damage(remediation, random)); read.ok()) {
      ++accepted;
      KR_ASSERT_OK_AND_ASSIGN(const auto again, FromJson<Remediation>(ToJson(*read)));
      ASSERT_EQ(*read, again);
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace kr::crds
