// The action webhook in the whole controller: what the receiver sees across crashes, lost answers
// and retries is one call with one key.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "controller/base/digest.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSigningKey[] = "signing-key";

std::string Base64(std::string_view text) {
  return absl::Base64Escape(absl::string_view(text.data(), text.size()));
}

void Configure(Simulation& s, const json& changes = json::object()) {
  json data = {{"url", "https://hooks.example:8443/fence?tenant=blue\n"},
               {"hmac-key", kSigningKey},
               {"token", "bearer-secret\n"},
               {"ca.crt", "PEM"}};
  data.merge_patch(changes);
  for (auto& [key, value] : data.items()) value = Base64(value.get<std::string>());
  s.server.Put("secrets",
               {{"metadata", {{"namespace", "kube-remedy"}, {"name", "kube-remedy-webhook-fence"}}},
                {"data", data}});
}

json Steps(const json& webhook = json::object(), const json& more = json::array()) {
  json action = {{"name", "fence"},
                 {"parameters",
                  {{{"name", "mode"}, {"value", "off"}},
                   {{"name", "replicas"}, {"expression", "object.spec.replicas"}}}}};
  action.merge_patch(webhook);
  json steps = {{{"webhook", action}}};
  for (const json& step : more) steps.push_back(step);
  return steps;
}

// A sick Deployment, and a policy with these steps.
void Begin(Simulation& s, const json& steps, const json& spec = json::object()) {
  s.server.Put("deployments",
               {{"metadata",
                 {{"namespace", "net"},
                  {"name", "web"},
                  {"generation", 1},
                  {"annotations", {{"sick", "yes"}}}}},
                {"spec", {{"replicas", 3}, {"template", json::object()}}},
                {"status", {{"observedGeneration", 1}, {"replicas", 3}, {"updatedReplicas", 3}}}});
  json policy = {
      {"target", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"namespaces", {"net"}}}},
      {"triggers",
       {{{"name", "sick"},
         {"match",
          {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
      {"remedies", {{{"name", "cure"}, {"steps", steps}, {"cureWithin", "5m"}}}},
      {"recovery", {{"stableFor", "1s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
      {"limits", {{"maxUnhealthy", "100%"}, {"cooldown", "24h"}}}};
  policy.merge_patch(spec);
  s.Policy(policy);
  s.Start();
}

void Heal(Simulation& s) {
  s.Edit("deployments", "net/web", {{"metadata", {{"annotations", nullptr}}}});
}

json Status(const Simulation& s) {
  return s.Remediations().at(0)["status"];
}

std::multiset<std::string> Keys(const Simulation& s) {
  std::multiset<std::string> keys;
  for (const auto& call : s.outbound.calls) keys.insert(HeaderOf(call, "Idempotency-Key"));
  return keys;
}

std::set<std::string> Bodies(const Simulation& s) {
  std::set<std::string> bodies;
  for (const auto& call : s.outbound.calls) bodies.insert(call.body);
  return bodies;
}

TEST(WebhookStory, ASignedCallAndItsEvidence) {
  Simulation s;
  Configure(s);
  s.outbound.reply = [&](const kube::OutboundRequest& call) {
    // The intent was on the server before the call left.
    const json intent = Status(s)["intent"];
    EXPECT_EQ(intent["verb"], "Call");
    EXPECT_EQ(intent["body"], call.body);
    return FakeOutbound::Code(200, R"({"status": "Done", "message": "power is off",
                                       "evidence": {"bootID": "b-7"}})");
  };
  Begin(s, Steps(json::object(), json::parse(R"JSON([{"waitFor": {
      "expression": "remediation.record['fence'].bootID == 'b-7'"}}])JSON")));
  s.Advance(absl::Seconds(2));
  Heal(s);
  s.Advance(absl::Seconds(5));
  EXPECT_EQ(s.Phase(), "Succeeded");

  ASSERT_EQ(s.outbound.calls.size(), 1u);
  const kube::OutboundRequest& call = s.outbound.calls[0];
  EXPECT_TRUE(call.url.server.tls);
  EXPECT_EQ(call.url.server.host, "hooks.example");
  EXPECT_EQ(call.url.server.port, 8443);
  EXPECT_EQ(call.url.target, "/fence?tenant=blue");
  EXPECT_EQ(call.extra_ca, "PEM");
  EXPECT_EQ(call.timeout, absl::Seconds(30));
  EXPECT_EQ(HeaderOf(call, "Authorization"), "Bearer bearer-secret");
  EXPECT_EQ(HeaderOf(call, "Kube-Remedy-Signature"),
            "v1=" + HmacSha256Hex(kSigningKey,
                                  HeaderOf(call, "Kube-Remedy-Timestamp") + "." + call.body));
  const json body = json::parse(call.body);
  EXPECT_EQ(body["parameters"], json({{"mode", "off"}, {"replicas", 3}}));
  EXPECT_EQ(body["remediation"]["uid"], s.Remediations()[0]["metadata"]["uid"]);

  const json status = Status(s);
  EXPECT_EQ(status["record"]["fence"]["bootID"], "b-7");
  EXPECT_EQ(status["evidence"].back()["source"], "webhook.fence");
  EXPECT_EQ(status["evidence"].back()["message"], R"({"bootID":"b-7"})");
  const json& step = status["steps"][0];
  EXPECT_EQ(step["message"], "webhook fence is done: power is off");
  EXPECT_EQ(step["writes"][0]["verb"], "Call");
  EXPECT_EQ(step["writes"][0]["outcome"], "Applied");
  EXPECT_EQ(s.Metric("webhook_calls_total{outcome=\"Done\"}"), 1);
}

TEST(WebhookStory, AskedAgainUntilItIsDone) {
  Simulation s;
  Configure(s);
  std::vector<FakeOutbound::Answer> answers = {
      FakeOutbound::Code(503, "starting", {{"retry-after", "4"}}),
      Unavailable("connection refused"), runtime::NotSent("no permit"),
      FakeOutbound::Code(202, R"({"status": "Pending", "retryAfter": "2s"})"),
      FakeOutbound::Code(200, R"({"status": "Done"})")};
  size_t next = 0;
  s.outbound.reply = [&](const auto&) { return answers.at(next++); };
  Begin(s, Steps());
  EXPECT_EQ(next, 1u);
  s.Advance(absl::Seconds(3));
  EXPECT_EQ(Status(s)["message"], "webhook fence answered 503: starting");
  EXPECT_EQ(next, 1u);  // Retry-After
  s.Advance(absl::Seconds(20));
  EXPECT_EQ(next, answers.size());
  EXPECT_EQ(Status(s)["steps"][0]["state"], "Succeeded");
  EXPECT_EQ(Keys(s).count(*Keys(s).begin()), 4u);
  EXPECT_EQ(Bodies(s).size(), 1u);
  EXPECT_EQ(Status(s)["steps"][0]["writes"].size(), 1u);
}

TEST(WebhookStory, EachAttemptIsAnotherCall) {
  Simulation s;
  Configure(s);
  s.outbound.reply = [](const auto&) { return FakeOutbound::Code(400, "not today"); };
  Begin(s, Steps(), {{"remedies", {{{"name", "cure"}, {"steps", Steps()}, {"attempts", 2}}}}});
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Phase(), "Failed");
  ASSERT_EQ(s.outbound.calls.size(), 2u);
  EXPECT_EQ(Keys(s).count(*Keys(s).begin()), 1u);
  EXPECT_THAT(Status(s)["message"].get<std::string>(),
              HasSubstr("WebhookRefused: webhook fence answered 400: not today"));
  EXPECT_EQ(Status(s)["steps"][0]["writes"][0]["outcome"], "Rejected");
}

TEST(WebhookStory, ARedirectIsNotFollowed) {
  Simulation s;
  Configure(s);
  s.outbound.reply = [](const auto&) {
    return FakeOutbound::Code(307, "", {{"location", "https://elsewhere.example"}});
  };
  Begin(s, Steps());
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_THAT(Status(s)["message"].get<std::string>(), HasSubstr("a redirect"));
}

struct Misconfigured {
  const char* key;
  json value;  // null: the key is not there
  const char* message;
};

TEST(WebhookStory, WhatIsNotConfiguredIsWaitedForAndThenFails) {
  const Misconfigured cases[] = {
      {"url", nullptr, "Secret kube-remedy/kube-remedy-webhook-fence has no key url"},
      {"url", "ftp://x/secret-path", "key url: expected https://host[:port]"},
      {"url", "http://hooks.example/secret-path", "expected https://; http:// is allowed only"},
      {"url", "https://user:secret-path@x/", "key url: expected a URL without user"},
      {"url", "https://x/secret-path#a", "key url: expected a URL without fragment"},
      {"", nullptr, "Secret kube-remedy/kube-remedy-webhook-fence does not exist"},
  };
  for (const Misconfigured& c : cases) {
    SCOPED_TRACE(c.message);
    Simulation s;
    if (*c.key != '\0') Configure(s, {{c.key, c.value}});
    Begin(s, Steps({{"deadline", "2m"}}));
    s.Advance(absl::Seconds(10));
    EXPECT_EQ(s.Phase(), "Running");
    const std::string waiting = Status(s)["message"];
    EXPECT_THAT(waiting, HasSubstr("webhook fence cannot be called: "));
    EXPECT_THAT(waiting, HasSubstr(c.message));
    s.Advance(absl::Minutes(2));
    EXPECT_EQ(s.Phase(), "Failed");
    EXPECT_THAT(Status(s)["message"].get<std::string>(), HasSubstr("the deadline of 2m is over"));
    EXPECT_THAT(Status(s).dump(), Not(HasSubstr("secret-path")));
    EXPECT_TRUE(s.outbound.calls.empty());
  }
}

TEST(WebhookStory, ConfiguredLaterItGoesOn) {
  Simulation s;
  Begin(s, Steps());
  s.Advance(absl::Seconds(5));
  EXPECT_TRUE(s.outbound.calls.empty());
  Configure(s);
  s.Advance(absl::Seconds(40));
  EXPECT_EQ(s.outbound.calls.size(), 1u);
}

TEST(WebhookStory, WhatTheReceiverEchoesIsTakenOut) {
  Simulation s;
  Configure(s);
  s.outbound.reply = [](const kube::OutboundRequest& call) {
    return FakeOutbound::Code(400, "you sent " + HeaderOf(call, "Authorization") + " to " +
                                       call.url.target + " signed with " + kSigningKey);
  };
  Begin(s, Steps());
  s.Advance(absl::Seconds(2));
  const std::string all = Status(s).dump() + ::testing::PrintToString(s.told);
  EXPECT_THAT(all, HasSubstr("you sent Bearer [secret]"));
  EXPECT_THAT(all, Not(HasSubstr("bearer-secret")));
  EXPECT_THAT(all, Not(HasSubstr("tenant=blue")));
  EXPECT_THAT(all, Not(HasSubstr(kSigningKey)));
}

TEST(WebhookStory, OneCallForEachObject) {
  Simulation s;
  Configure(s);
  s.server.Put("pods", {{"metadata", {{"namespace", "net"}, {"name", "web-1"}}}});
  s.server.Put("pods", {{"metadata", {{"namespace", "net"}, {"name", "web-2"}}}});
  json steps = Steps({{"parameters", {{{"name", "pod"}, {"expression", "it.metadata.name"}}}}});
  steps[0]["applyTo"] = {{"related", "pods"}};
  Begin(s, steps,
        {{"related",
          {{{"name", "pods"},
            {"apiVersion", "v1"},
            {"kind", "Pod"},
            {"sameNamespace", true},
            {"key", "'x'"},
            {"equals", "'x'"}}}}});
  s.Advance(absl::Seconds(5));
  std::vector<std::string> pods;
  for (const auto& call : s.outbound.calls) {
    const json body = json::parse(call.body);
    EXPECT_EQ(body["object"]["name"], body["parameters"]["pod"]);
    EXPECT_EQ(body["target"]["name"], "web");
    pods.push_back(body["parameters"]["pod"]);
  }
  EXPECT_THAT(pods, ElementsAre("web-1", "web-2"));
  EXPECT_EQ(Keys(s).count(*Keys(s).begin()), 1u);
}

TEST(WebhookStory, ObserveShowsTheCallAndDoesNotMakeIt) {
  Simulation s;
  Configure(s);
  Begin(s, Steps(), {{"mode", "Observe"}});
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Phase(), "Observed");
  EXPECT_TRUE(s.outbound.calls.empty());
  EXPECT_EQ(s.api.reads["secrets"], 0);
  const json planned = Status(s)["plan"][0];
  EXPECT_EQ(json::parse(planned["body"].get<std::string>())["parameters"]["replicas"], 3);
  EXPECT_THAT(planned["message"].get<std::string>(), HasSubstr("not called for a plan"));
}

TEST(WebhookStory, ASymptomThatGoesAwayWhilePendingAndComesBackBeginsAnew) {
  Simulation s;
  Configure(s);
  bool pending = true;
  s.outbound.reply = [&](const auto&) {
    return FakeOutbound::Code(200, pending ? R"({"status": "Pending", "retryAfter": 5})" : "{}");
  };
  Begin(s, Steps(),
        {{"remedies",
          {{{"name", "cure"}, {"steps", Steps()}, {"attempts", 2}, {"cureWithin", "20s"}}}},
         {"recovery", {{"stableFor", "15s"}}}});
  s.Advance(absl::Seconds(2));
  Heal(s);
  s.Restart();  // which looks before it calls again
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Phase(), "Verifying");
  EXPECT_FALSE(Status(s).contains("intent"));
  pending = false;
  s.Edit("deployments", "net/web", {{"metadata", {{"annotations", {{"sick", "yes"}}}}}});
  s.Advance(absl::Seconds(25));
  Heal(s);
  s.Advance(absl::Seconds(30));
  EXPECT_EQ(s.Phase(), "Succeeded");
  const std::multiset<std::string> keys = Keys(s);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 2u);
}

TEST(WebhookStory, ANoticeGoesToAWebhookAndAPolicyOfThatEndsReported) {
  Simulation s;
  Configure(s);
  s.outbound.reply = [](const auto&) { return FakeOutbound::Code(404, "gone"); };
  Begin(s, json::parse(R"([{"notify": {"message": "web is sick.", "webhook": "fence"}}])"));
  s.Advance(absl::Seconds(2));
  EXPECT_EQ(s.Phase(), "Reported") << Status(s)["message"];
  ASSERT_EQ(s.outbound.calls.size(), 1u);
  EXPECT_EQ(json::parse(s.outbound.calls[0].body)["message"], "web is sick.");
  EXPECT_THAT(::testing::PrintToString(s.told),
              HasSubstr("webhook fence was not told: it answered 404: gone. web is sick."));
}

// The fault comes at the nth thing that leaves: a write to the API server or a call.
struct Ending {
  std::string phase;
  size_t keys = 0;  // that the receiver has begun something under
  size_t bodies = 0;
  json record;
  size_t seen = 0;
};

Ending Play(size_t nth, Fault fault, bool crash) {
  Simulation s;
  Configure(s);
  Ending ending;
  bool crash_now = false;
  const auto strikes = [&] {
    if (++ending.seen != nth) return false;
    crash_now = crash;
    return true;
  };
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/remediationpolicies/") != std::string::npos) return Fault::kNone;
    return strikes() ? fault : Fault::kNone;
  };
  // The receiver is idempotent: what it has begun under a key it does not begin again.
  std::map<std::string, int> begun;
  s.outbound.reply = [&](const kube::OutboundRequest& call) -> FakeOutbound::Answer {
    const bool strike = strikes();
    if (strike && fault == Fault::kLostBefore) return Unavailable("the connection broke");
    const int asked = ++begun[HeaderOf(call, "Idempotency-Key")];
    if (strike && fault == Fault::kLostAfter) return Unavailable("the connection broke");
    if (asked < 3) return FakeOutbound::Code(202, R"({"status": "Pending", "retryAfter": 2})");
    return FakeOutbound::Code(200, R"({"status": "Done", "evidence": {"off": true}})");
  };
  Begin(s, Steps());
  for (int i = 0; i < 60; ++i) {
    s.Advance(absl::Seconds(1));
    if (crash_now) s.Restart();
    crash_now = false;
    if (i == 40) Heal(s);
  }
  ending.phase = s.Phase();
  ending.bodies = Bodies(s).size();
  ending.keys = begun.size();
  ending.record = Status(s)["record"];
  return ending;
}

TEST(WebhookCrash, AroundEveryWriteAndCallItStaysOneCall) {
  const Ending undisturbed = Play(0, Fault::kNone, false);
  ASSERT_EQ(undisturbed.phase, "Succeeded");
  ASSERT_EQ(undisturbed.bodies, 1u);
  ASSERT_EQ(undisturbed.keys, 1u);
  for (size_t nth = 1; nth <= undisturbed.seen; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
      for (const bool crash : {false, true}) {
        SCOPED_TRACE("at " + std::to_string(nth) + " fault " +
                     std::to_string(static_cast<int>(fault)) + (crash ? " and kill -9" : ""));
        const Ending ending = Play(nth, fault, crash);
        EXPECT_EQ(ending.phase, "Succeeded");
        EXPECT_EQ(ending.keys, 1u);
        EXPECT_EQ(ending.bodies, 1u);
        EXPECT_EQ(ending.record, undisturbed.record);
      }
    }
  }
}

}  // namespace
}  // namespace kr::remediation
