#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/signals/alert.h"
#include "reconcilers/signals/alertmanager.h"
#include "tests/reconcilers/signals/fake_view.h"
#include "tests/support/status_matchers.h"

namespace kr::signals {
namespace {

using ::testing::HasSubstr;

constexpr const char* kMessage = R"({
  "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 2, "status": "firing",
  "receiver": "kube-remedy", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
  "externalURL": "http://alertmanager:9093",
  "alerts": [
    {"status": "firing", "labels": {"alertname": "PodAnomaly", "namespace": "shop", "pod": "web"},
     "annotations": {"summary": "web answers slowly", "runbook_url": "https://r"},
     "startsAt": "2026-03-02T11:58:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
     "generatorURL": "http://p", "fingerprint": "c0ffee"},
    {"status": "resolved", "labels": {"alertname": "PodAnomaly", "namespace": "shop", "pod": "db"},
     "annotations": {}, "startsAt": "2026-03-02T11:00:00Z", "endsAt": "2026-03-02T11:30:00Z"}]})";

TEST(Alertmanager, SaysWhatFires) {
  KR_ASSERT_OK_AND_ASSIGN(const AlertmanagerMessage message, ParseAlertmanager(kMessage));
  ASSERT_EQ(message.alerts.size(), 2u);
  EXPECT_EQ(message.left_out, 2u);
  EXPECT_TRUE(message.alerts[0].firing);
  EXPECT_EQ(message.alerts[0].labels.at("pod"), "web");
  EXPECT_EQ(message.alerts[0].summary, "web answers slowly");
  EXPECT_EQ(message.alerts[0].starts_at, At("11:58:00.123"));
  EXPECT_FALSE(message.alerts[1].firing);
}

struct Bad {
  const char* body;
  const char* problem;
};
const Bad kBad[] = {
    {"", "the body is no JSON"},
    {"{", "the body is no JSON"},
    {"[]", "the body: expected an object, found a list"},
    {"{}", R"(version: expected "4", found nothing)"},
    {R"({"version": 4})", R"(version: expected "4", found a number)"},
    {R"({"version": "3"})", R"(version: expected "4", found "3")"},
    {R"({"version": "4"})", "alerts: expected a list, found nothing"},
    {R"({"version": "4", "alerts": {}})", "alerts: expected a list, found an object"},
    {R"({"version": "4", "alerts": [1]})", "alerts[0]: expected an object, found a number"},
    {R"({"version": "4", "alerts": [{}]})", "alerts[0].status: expected a text, found nothing"},
    {R"({"version": "4", "alerts": [{"status": "on"}]})",
     R"(alerts[0].status: expected firing or resolved, found "on")"},
    {R"({"version": "4", "alerts": [{"status": "firing"}]})",
     "alerts[0].labels: expected an object, found nothing"},
    {R"({"version": "4", "alerts": [{"status": "firing", "labels": {}}]})",
     "alerts[0].labels: is empty, and labels tell alerts apart"},
    {R"({"version": "4", "alerts": [{"status": "firing", "labels": {"pod": 1}}]})",
     "alerts[0].labels.pod: expected a text, found a number"},
    {R"({"version": "4", "alerts": [{"status": "firing", "labels": {"a": "b"}}]})",
     "alerts[0].startsAt: expected a time, found nothing"},
    {R"({"version": "4", "alerts": [{"status": "firing", "labels": {"a": "b"}, "startsAt": "now"}]})",
     R"(alerts[0].startsAt: expected a time such as 2026-01-02T03:04:05Z, found "now")"},
};

TEST(Alertmanager, WhatCannotBeUnderstoodIsRefusedPrecisely) {
  for (const Bad& c : kBad) {
    SCOPED_TRACE(c.body);
    EXPECT_THAT(ParseAlertmanager(c.body).status(),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.problem)));
  }
}

TEST(Alertmanager, AnyBytesMayCome) {
  // Every prefix of a message, and one byte of it replaced: an answer, never a crash.
  const std::string message = kMessage;
  for (size_t i = 0; i < message.size(); ++i) {
    (void)ParseAlertmanager(std::string_view(message).substr(0, i));
    for (const char byte : {'\0', '\xff', '[', '"', '9'}) {
      std::string changed = message;
      changed[i] = byte;
      (void)ParseAlertmanager(changed);
    }
  }
  EXPECT_FALSE(ParseAlertmanager(std::string(200'000, '[')).ok());
}

class AlertSignals : public ::testing::Test {
 protected:
  AlertSignals() {
    view.Set({});
    view.remembered.alerts.Listen(At("11:00:00"), absl::Minutes(15));
  }
  void Hear(const std::string& pod, bool firing = true, const std::string& name_space = "shop",
            const std::string& name = "PodAnomaly") {
    view.remembered.alerts.Hear({.labels = {{"alertname", name},
                                            {"namespace", name_space},
                                            {"pod", pod},
                                            {"severity", "page"}},
                                 .firing = firing,
                                 .starts_at = At("11:58:00"),
                                 .summary = "slow"},
                                view.time);
  }
  FakeView view;
  const SignalPtr signal =
      MakeAlert({.labels = {{"alertname", "PodAnomaly"}}, .target_labels = {.name = "pod"}});
};

TEST_F(AlertSignals, HoldWhileTheAlertOfTheTargetFires) {
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
  Hear("web");
  const Reading reading = signal->Read(view);
  EXPECT_EQ(reading.value, Tri::kTrue);
  EXPECT_EQ(reading.valid_until, At("12:15:00"));
  EXPECT_EQ(reading.evidence.at(0).message, "PodAnomaly fires since 2026-03-02T11:58:00Z: slow");
  Hear("web", false);
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
}

TEST_F(AlertSignals, OtherAlertsTargetsAndNamespacesDoNotCount) {
  Hear("db");
  Hear("web", true, "other");
  Hear("web", true, "shop", "Other");
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
}

TEST_F(AlertSignals, WhatIsNotRepeatedDoesNotCountAnyMore) {
  Hear("web");
  view.time += absl::Minutes(14);
  Hear("web");
  view.time += absl::Minutes(14);
  EXPECT_EQ(signal->Read(view).value, Tri::kTrue);
  view.time += absl::Minutes(1);
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
}

TEST_F(AlertSignals, AfterAStartSilenceIsNoAnswerToARemediation) {
  view.remembered.alerts.Listen(At("11:50:00"), absl::Minutes(15));
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
  view.began = At("11:40:00");
  const Reading reading = signal->Read(view);
  EXPECT_EQ(reading.value, Tri::kUnknown);
  EXPECT_EQ(reading.valid_until, At("12:05:00"));
  EXPECT_THAT(reading.cause, HasSubstr("after 2026-03-02T12:05:00Z silence means resolved"));
  Hear("web");
  EXPECT_EQ(signal->Read(view).value, Tri::kTrue);
  Hear("web", false);
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);  // that was a word
  view.remembered.alerts.Listen(At("11:50:00"), absl::Minutes(15));
  view.time = At("12:05:00");
  EXPECT_EQ(signal->Read(view).value, Tri::kFalse);
}

TEST_F(AlertSignals, NameTheirTarget) {
  const Labels labels = {{"alertname", "PodAnomaly"}, {"namespace", "shop"}, {"pod", "web"}};
  const auto target = signal->TargetOf(labels);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->name_space, "shop");
  EXPECT_EQ(target->name, "web");
  EXPECT_FALSE(signal->TargetOf({{"alertname", "Other"}, {"pod", "web"}}));
  EXPECT_FALSE(signal->TargetOf({{"alertname", "PodAnomaly"}}));
}

TEST(Alerts, AreBoundedAndMakeRoom) {
  Alerts alerts;
  alerts.Listen(At("12:00:00"), absl::Minutes(1));
  const auto hear = [&](size_t i, absl::Time now) {
    return alerts.Hear({.labels = {{"n", std::to_string(i)}}, .firing = true}, now);
  };
  for (size_t i = 0; i < Alerts::kMaxAlerts; ++i) ASSERT_TRUE(hear(i, At("12:00:00")));
  EXPECT_FALSE(hear(Alerts::kMaxAlerts, At("12:00:30")));
  EXPECT_TRUE(hear(0, At("12:00:30")));  // a repetition needs none
  EXPECT_TRUE(hear(Alerts::kMaxAlerts, At("12:01:00")));
  EXPECT_EQ(alerts.size(), 2u);
}

}  // namespace
}  // namespace kr::signals
