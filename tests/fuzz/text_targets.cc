// Files and texts of people, answers of servers.
#include <algorithm>
#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "controller/base/cron.h"
#include "controller/kube/config.h"
#include "controller/kube/response_parser.h"
#include "controller/values/ip_address.h"
#include "controller/values/quantity.h"
#include "controller/values/semver.h"
#include "controller/values/url.h"
#include "reconcilers/actions/webhook_answer.h"
#include "reconcilers/signals/alertmanager.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/temp_dir.h"

namespace kr::fuzz {
namespace {

bool RunManifest(std::string_view input) {
  const auto documents = cmd::ParseManifest(input);
  if (!documents.ok()) return false;
  // Whatever came out can be written down.
  for (const nlohmann::json& document : *documents) EXPECT_NO_THROW(document.dump());
  return true;
}

bool RunKubeconfig(std::string_view input) {
  static const testing::TempDir folder;
  const auto config = kube::LoadKubeconfig({folder.Write("config", input)}, "");
  if (!config.ok()) {
    EXPECT_FALSE(Message(config.status()).empty());
  }
  return config.ok();
}

bool RunValues(std::string_view input) {
  // Each of them, whatever the others say.
  const bool understood[] = {values::Quantity::Parse(input).ok(),
                             values::Semver::Parse(input).ok(),
                             values::Semver::ParseTolerant(input).ok(),
                             values::IpAddress::ParseAny(input).ok(),
                             values::Cidr::Parse(input).ok(),
                             values::Url::Parse(input).ok(),
                             CronSchedule::Parse(input).ok()};
  return std::ranges::any_of(understood, std::identity());
}

bool RunAlerts(std::string_view input) {
  const auto message = signals::ParseAlertmanager(input);
  if (!message.ok()) {
    EXPECT_FALSE(Message(message.status()).empty());
    return false;
  }
  signals::Alerts alerts;
  alerts.Listen(absl::UnixEpoch(), absl::Minutes(1));
  for (const signals::Alert& alert : message->alerts) {
    EXPECT_FALSE(alert.labels.empty());
    EXPECT_TRUE(alerts.Hear(alert, absl::UnixEpoch()));
  }
  return true;
}

bool RunWebhook(std::string_view input) {
  const actions::Answer answer{.kind = actions::Answer::Kind::kAnswered,
                               .code = 200,
                               .body = std::string(input),
                               .at = absl::UnixEpoch()};
  const actions::Judgement judgement = actions::Judge(answer);
  EXPECT_FALSE(judgement.message.empty());
  EXPECT_NO_THROW(nlohmann::json(judgement.message).dump()) << "not UTF-8";
  EXPECT_TRUE(judgement.evidence.is_null() || judgement.evidence.is_object());
  const absl::Duration pause = actions::PauseAfter(answer, judgement);
  EXPECT_GT(pause, absl::ZeroDuration());
  EXPECT_LT(pause, absl::Hours(24));
  return true;  // there is no answer that means nothing
}

// Takes every other piece at the first offer.
class Reader final : public kube::ResponseParser::Sink {
 public:
  void OnHeaders(const kube::HttpResponse) override {}
  bool OnBody(std::string_view) override { return takes_ = !takes_; }

 private:
  bool takes_ = false;
};

bool RunResponse(std::string_view input) {
  Reader reader;
  kube::ResponseParser parser(reader);
  std::string rest;
  for (size_t at = 0; at < input.size(); at += 700) {
    rest += input.substr(at, 700);
    for (int turn = 0; turn < 4 && !rest.empty(); ++turn) {
      const auto used = parser.Feed(rest);
      if (!used.ok()) return false;
      EXPECT_LE(*used, rest.size());
      if (*used > rest.size()) return false;
      rest.erase(0, *used);
    }
  }
  return parser.Finish().ok();
}

}  // namespace

Target ManifestTarget() {
  return {
      "Manifest",
      RunManifest,
      {"apiVersion: v1\nkind: List\nitems:\n- {a: 1, b: [x, \"y\", 'z'], on: yes}\n- |\n  text\n"
       "---\nanchor: &a {k: 0644}\nuse: *a\nfold: >-\n  one\n  two\nnone: ~\nf: 1_000.5e3\n",
       R"({"json": [1, 2.5, true, null, "\u00e4\n"], "deep": {"a": {"b": {"c": []}}}})"}};
}

Target KubeconfigTarget() {
  return {
      "Kubeconfig",
      RunKubeconfig,
      {"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n"
       "    server: https://10.0.0.1:6443/path\n    certificate-authority-data: TEVUVEVSUwo=\n"
       "    tls-server-name: api\ncontexts:\n- name: c\n  context: {cluster: k, user: u, "
       "namespace: n}\nusers:\n- name: u\n  user:\n    token: abc\n",
       "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n"
       "    server: https://[::1]:6443\n    insecure-skip-tls-verify: true\ncontexts:\n- name: c\n"
       "  context: {cluster: k, user: u}\nusers:\n- name: u\n  user:\n    exec:\n"
       "      apiVersion: client.authentication.k8s.io/v1\n      command: get-token\n"
       "      args: [a, b]\n      env: [{name: X, value: y}]\n      interactiveMode: Never\n"}};
}

Target ValuesTarget() {
  return {
      "Values",
      RunValues,
      {"100m", "1.5Gi", "-2e3", "12E", "1.2.3-rc.1+build.5", "v1.2", "10.0.0.1", "::ffff:1.2.3.4",
       "fe80::1", "10.0.0.0/8", "2001:db8::/32", "https://u:p@host.example:8443/p%20q?r=s&t#f",
       "http://[::1]:80/", "0 1 * * *", "*/15 0-6,22 1-31/2 JAN-DEC MON-FRI", "@daily"}};
}

Target AlertsTarget() {
  return {"Alerts",
          RunAlerts,
          {R"({"version":"4","status":"firing","truncatedAlerts":0,"alerts":[{"status":"firing",)"
           R"("labels":{"alertname":"A","pod":"p"},"annotations":{"summary":"s"},)"
           R"("startsAt":"2026-01-02T03:04:05.678Z","endsAt":"0001-01-01T00:00:00Z"},)"
           R"({"status":"resolved","labels":{"a":"b"},"startsAt":"2026-01-02T03:04:05Z"}]})"}};
}

Target WebhookTarget() {
  return {"Webhook",
          RunWebhook,
          {R"({"status":"Done","message":"off","evidence":{"ticket":"T-1","off":true}})",
           R"({"status":"Pending","message":"at it","retryAfter":"30s"})",
           R"({"status":"Pending","retryAfter":-1.5e300})", R"({"status":"Failed"})", "thanks"}};
}

Target ResponseTarget() {
  return {"Response",
          RunResponse,
          {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": "
           "\"b\"}\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
           "world\r\n0\r\n\r\n",
           "HTTP/1.0 429 Too Many Requests\r\nRetry-After: 7\r\nConnection: close\r\n\r\nslow down",
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"}};
}

}  // namespace kr::fuzz
