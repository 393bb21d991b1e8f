#include "reconcilers/actions/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/notify.h"
#include "reconcilers/actions/webhook_call.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using ::testing::HasSubstr;

const cel::Scope kScope = {{"object", cel::Type::Dyn()}, {"it", cel::Type::Dyn()}};

crds::Webhook Fence() {
  return {.name = "fence",
          .parameters = {{"mode", "off", ""}, {"host", "", "object.host"}},
          .deadline = absl::Minutes(1)};
}

// The step as the runner shows it.
class Step {
 public:
  explicit Step(const crds::Webhook& params)
      : action_(*MakeWebhook(params, kScope, "spec.remedies[0].steps[0].webhook")) {
    remediation.metadata.name = "rem-1";
    remediation.metadata.uid = "rem-uid";
    remediation.spec.policy_ref.name = "node-down";
    remediation.spec.target_ref = {"v1", "Node", "", "n1", "n1-uid"};
    remediation.status.trigger = {"down", At(-60)};
    remediation.status.evidence = {{.source = "condition", .message = "Ready is Unknown"}};
    observed = Seeing(std::nullopt, {{"object.host", "bmc-7"}});
    observed.remediation = &remediation;
    observed.step = {"power-off", 1, 0};
  }

  Next Ask() { return action_->Ask(memo, observed); }
  Call Calls() {
    Next next = Ask();
    EXPECT_EQ(KindOf(next), "Call") << Text(next);
    Call call = std::holds_alternative<Call>(next) ? std::get<Call>(next) : Call();
    memo = call.memo;
    return call;
  }
  void Answers(int code, std::string body) {
    observed.answer = Answer{.kind = Answer::Kind::kAnswered,
                             .code = code,
                             .body = std::move(body),
                             .at = observed.now,
                             .tries = observed.answer ? observed.answer->tries + 1 : 1};
  }

  crds::Remediation remediation;
  Observed observed;
  json memo;

 private:
  std::unique_ptr<Action> action_;
};

TEST(Webhook, TellsWhatItIsAbout) {
  Step step(Fence());
  const json body = json::parse(step.Calls().body);
  EXPECT_EQ(body["apiVersion"], "webhook.kube-remedy.io/v1alpha1");
  EXPECT_EQ(body["kind"], "Call");
  EXPECT_EQ(body["policy"], "node-down");
  EXPECT_EQ(body["remediation"], json({{"name", "rem-1"}, {"uid", "rem-uid"}}));
  EXPECT_EQ(body["remedy"], "power-off");
  EXPECT_EQ(body["target"]["name"], "n1");
  EXPECT_EQ(body["target"]["uid"], "n1-uid");
  EXPECT_EQ(body["trigger"]["name"], "down");
  EXPECT_EQ(body["evidence"][0]["message"], "Ready is Unknown");
  EXPECT_EQ(body["parameters"], json({{"mode", "off"}, {"host", "bmc-7"}}));
}

TEST(Webhook, EveryTryIsTheSame) {
  Step step(Fence());
  const Call first = step.Calls();
  EXPECT_EQ(first.idempotency_key, json::parse(first.body)["idempotencyKey"]);
  step.Answers(503, "");
  EXPECT_EQ(KindOf(step.Ask()), "Wait");
  step.observed.now += absl::Seconds(1);
  // What was decided stays so, whatever the world looks like by now.
  step.remediation.status.evidence.clear();
  step.observed.evaluate = [](const cel::Program&) -> StatusOr<json> { return "other"; };
  const Call second = step.Calls();
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.idempotency_key, first.idempotency_key);

  // Another process knows only the memo.
  step.observed.answer.reset();
  EXPECT_EQ(step.Calls().body, first.body);
}

TEST(Webhook, EachAttemptStepAndObjectHasItsOwnKey) {
  Step step(Fence());
  std::set<std::string> keys;
  const auto add = [&](crds::StepId id) {
    step.memo = nullptr;
    step.observed.step = std::move(id);
    keys.insert(step.Calls().idempotency_key);
  };
  add({"power-off", 1, 0});
  add({"power-off", 2, 0});
  add({"power-off", 1, 1});
  add({"power-off", 1, 0, 1});
  add({"reboot", 1, 0});
  step.remediation.metadata.uid = "another";
  add({"power-off", 1, 0});
  EXPECT_EQ(keys.size(), 6u);
}

TEST(Webhook, PendingIsAskedAgainUntilDoneAndItsEvidenceKept) {
  Step step(Fence());
  step.Calls();
  step.Answers(200, R"({"status": "Pending", "message": "shutting down", "retryAfter": 5})");
  const Next wait = step.Ask();
  ASSERT_EQ(KindOf(wait), "Wait");
  EXPECT_EQ(std::get<Wait>(wait).until, At(5));
  EXPECT_EQ(std::get<Wait>(wait).progress, "webhook fence is at it: shutting down");
  step.observed.now = At(5);
  step.Calls();
  step.Answers(200, R"({"status": "Done", "evidence": {"power": "off"}})");
  const Next done = step.Ask();
  ASSERT_EQ(KindOf(done), "Done");
  EXPECT_EQ(std::get<Done>(done).source, "fence");
  EXPECT_EQ(std::get<Done>(done).evidence, json({{"power", "off"}}));
}

TEST(Webhook, TheDeadlineEndsIt) {
  Step step(Fence());
  step.Calls();
  step.observed.now = At(59);
  EXPECT_LE(step.Calls().timeout, absl::Seconds(1));  // no try outlasts it
  step.Answers(503, "no");
  const Next wait = step.Ask();
  ASSERT_EQ(KindOf(wait), "Wait");
  EXPECT_EQ(std::get<Wait>(wait).until, At(60));
  step.observed.now = At(60);
  EXPECT_EQ(Text(step.Ask()),
            "Failed WebhookBusy: webhook fence answered 503: no; the deadline of 1m is over");
  step.observed.answer.reset();  // as after a crash
  EXPECT_EQ(Text(step.Ask()),
            "Failed WebhookUnreachable: webhook fence had not answered; the deadline of 1m is "
            "over");
}

TEST(Webhook, ANoIsFinal) {
  Step step(Fence());
  step.Calls();
  step.Answers(403, "who are you?");
  EXPECT_EQ(Text(step.Ask()), "Failed WebhookRefused: webhook fence answered 403: who are you?");
}

TEST(Webhook, AValueThatIsNotKnownIsWaitedForAMinute) {
  Step step(Fence());
  step.observed.evaluate = [](const cel::Program&) -> StatusOr<json> {
    return FailedPrecondition("not listed yet");
  };
  const Next wait = step.Ask();
  ASSERT_EQ(KindOf(wait), "Wait");
  EXPECT_EQ(std::get<Wait>(wait).progress,
            "parameter host is unknown: object.host: not listed yet");
  step.observed.now = At(60);
  EXPECT_THAT(Text(step.Ask()), HasSubstr("Failed ValueUnknown: parameter host is unknown"));
}

TEST(Webhook, TooMuchIsRefusedBeforeItIsSent) {
  Step step(Fence());
  step.observed.evaluate = [](const cel::Program&) -> StatusOr<json> {
    return std::string(40000, 'x');
  };
  EXPECT_THAT(Text(step.Ask()), HasSubstr("Failed InvalidValue: the call would have"));
}

TEST(Webhook, ReadsTheObjectOnlyWhenAParameterDoes) {
  crds::Webhook params = Fence();
  params.parameters[1].expression = "it.spec.host";
  Step step(params);
  EXPECT_EQ(KindOf(step.Ask()), "Read");
  step.observed.live = json();
  EXPECT_THAT(Text(step.Ask()), HasSubstr("Failed TargetGone"));
}

TEST(Webhook, MayReadItsOwnSecretOnly) {
  auto action = *MakeWebhook(Fence(), kScope, "x");
  const std::vector<RbacRule> rules = action->RequiredRules(kDaemonSets);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0], (RbacRule{"", "secrets", "get", "kube-remedy-webhook-fence"}));
  EXPECT_EQ(action->Describe(), "call webhook fence, mode = off, host = object.host");
}

TEST(Webhook, ErrorsNameTheParameter) {
  crds::Webhook params = Fence();
  params.parameters[1].expression = "objekt.host";
  EXPECT_THAT(MakeWebhook(params, kScope, "spec.remedies[0].steps[1].webhook").status(),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::StartsWith("spec.remedies[0].steps[1].webhook."
                                                      "parameters[1].expression: 1:1: ")));
}

TEST(NotifyAWebhook, IsToldAndItsFailureFailsNothing) {
  Step step(Fence());
  auto notify =
      *MakeNotify({.message = "Look.", .message_expression = "", .webhook = "pager"}, kScope, "x");
  Next next = notify->Ask(nullptr, step.observed);
  ASSERT_EQ(KindOf(next), "Call");
  const Call call = std::get<Call>(next);
  EXPECT_EQ(call.webhook, "pager");
  EXPECT_EQ(json::parse(call.body)["message"], "Look.");
  step.Answers(204, "");
  next = notify->Ask(call.memo, step.observed);
  EXPECT_EQ(Text(next), "Done told: Look.");
  EXPECT_EQ(std::get<Done>(next).announcement, "Look.");
  step.Answers(404, "no such hook");
  next = notify->Ask(call.memo, step.observed);
  EXPECT_EQ(Text(next),
            "Done told: Look. (webhook pager was not told: it answered 404: no such hook)");
  EXPECT_EQ(std::get<Done>(next).announcement,
            "webhook pager was not told: it answered 404: no such hook. Look.");
  step.Answers(503, "");
  step.observed.now = At(60);
  EXPECT_THAT(Text(notify->Ask(call.memo, step.observed)), HasSubstr("was not told"));
}

}  // namespace
}  // namespace kr::actions
