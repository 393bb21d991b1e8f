#include "reconcilers/policy/event_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cache/event_facts.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/support/documents.h"
#include "tests/support/status_matchers.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

class EventLogTest : public ::testing::Test {
 protected:
  // A policy for ConfigMaps with one source.
  void Use(const json& source) {
    const json policy = {
        {"apiVersion", "kube-remedy.io/v1alpha1"},
        {"kind", "RemediationPolicy"},
        {"metadata", {{"name", "p"}, {"uid", "u"}}},
        {"spec",
         {{"target", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"all", true}}},
          {"events", json::array({source})},
          {"triggers", {{{"name", "t"}, {"events", {{"from", "e"}, {"count", 3}}}}}},
          {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
          {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}}};
    auto parsed = crds::FromJson<crds::RemediationPolicy>(policy);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    auto compiled = Compile(*parsed);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    policy_ = *compiled;
  }
  // An Event about the ConfigMap ns/a at `now`, with `patch` merged in.
  bool Post(const std::string& uid, const json& patch = json::object()) {
    json event = {{"metadata", {{"name", uid}, {"namespace", "ns"}, {"uid", uid}}},
                  {"involvedObject",
                   {{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"namespace", "ns"},
                    {"name", "a"},
                    {"uid", "uid-a"}}},
                  {"type", "Warning"},
                  {"reason", "Sick"},
                  {"message", "it hurts"},
                  {"firstTimestamp", Text(now_)},
                  {"lastTimestamp", Text(now_)},
                  {"count", 1}};
    event.merge_patch(patch);
    const auto document = testing::Doc(event);
    return log_.Add(*policy_, policy_->events[0], cache::FactsOf(*document), now_);
  }
  int64_t Count(const std::string& uid = "uid-a", absl::Time since = absl::InfinitePast()) {
    return log_
        .About(*policy_, policy_->events[0], {"v1", "ConfigMap", "ns", "a", uid}, since, now_)
        .count;
  }

  absl::Time now_ = kStart + absl::Minutes(1);
  EventLog log_{kStart};
  CompiledPolicyPtr policy_;
};

const json kSource = {{"name", "e"},
                      {"type", "Warning"},
                      {"reason", "^Sick$"},
                      {"message", "hurts"},
                      {"within", "10m"}};

// Three occurrences, in all the forms that reporters have for them.
TEST_F(EventLogTest, ThreeEvents) {
  Use(kSource);
  for (const char* uid : {"1", "2", "3"}) EXPECT_TRUE(Post(uid));
  EXPECT_EQ(Count(), 3);
}

TEST_F(EventLogTest, OneEventWithCountThree) {
  Use(kSource);
  EXPECT_TRUE(Post("1", {{"count", 3}}));
  EXPECT_EQ(Count(), 3);
}

TEST_F(EventLogTest, ACountThatJumps) {
  Use(kSource);
  EXPECT_TRUE(Post("1"));
  EXPECT_TRUE(Post("1", {{"count", 3}}));
  EXPECT_EQ(Count(), 3);
}

TEST_F(EventLogTest, ASeriesOfEventsK8sIo) {
  Use(kSource);
  const json series = {{"firstTimestamp", nullptr},
                       {"lastTimestamp", nullptr},
                       {"count", nullptr},
                       {"eventTime", Text(now_)},
                       {"series", {{"count", 3}, {"lastObservedTime", Text(now_)}}}};
  EXPECT_TRUE(Post("1", series));
  EXPECT_EQ(Count(), 3);
}

TEST_F(EventLogTest, WhatWasCountedIsNotCountedAgain) {
  Use(kSource);
  EXPECT_TRUE(Post("1", {{"count", 3}}));
  EXPECT_FALSE(Post("1", {{"count", 3}})) << "delivered twice";
  EXPECT_FALSE(Post("1", {{"count", 2}})) << "an older state of it";
  EXPECT_FALSE(Post("1", {{"count", 3}}));
  EXPECT_EQ(Count(), 3);
}

TEST_F(EventLogTest, WhatTheSourceDoesNotAskForIsLeftOut) {
  Use(kSource);
  EXPECT_FALSE(Post("1", {{"type", "Normal"}}));
  EXPECT_FALSE(Post("2", {{"reason", "Sickly"}}));
  EXPECT_FALSE(Post("3", {{"message", "all is well"}}));
  EXPECT_FALSE(Post("4", {{"involvedObject", {{"kind", "Secret"}}}}));
  EXPECT_EQ(Count(), 0);
}

TEST_F(EventLogTest, AReplacedObjectOfTheSameNameStartsAnew) {
  Use(kSource);
  EXPECT_TRUE(Post("1", {{"count", 3}}));
  EXPECT_EQ(Count("uid-of-the-next"), 0);
  // Some reporters give no UID: then the name has to do.
  EXPECT_TRUE(Post("2", {{"involvedObject", {{"uid", nullptr}}}}));
  EXPECT_EQ(Count("uid-of-the-next"), 1);
}

TEST_F(EventLogTest, OnlyWhatHappenedSinceCounts) {
  Use(kSource);
  EXPECT_TRUE(Post("1", {{"count", 2}}));
  const absl::Time write = now_ + absl::Seconds(30);
  now_ += absl::Minutes(1);
  EXPECT_TRUE(Post("2"));
  EXPECT_EQ(Count(), 3);
  EXPECT_EQ(Count("uid-a", write), 1);
  now_ += absl::Minutes(9);
  EXPECT_EQ(Count(), 1) << "the first two have left the window";
}

TEST_F(EventLogTest, AnyObjectOfAKindMeansOfThatKind) {
  json source = kSource;
  source["about"] = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  Use(source);
  EXPECT_FALSE(Post("1")) << "about a ConfigMap";
  EXPECT_TRUE(Post("2", {{"involvedObject", {{"kind", "Pod"}, {"name", "b"}}}}));
  std::vector<std::string> names;
  for (const auto& object : log_.Objects(*policy_, policy_->events[0])) {
    names.push_back(object.kind + " " + object.name);
  }
  EXPECT_THAT(names, ElementsAre("Pod b"));
}

TEST_F(EventLogTest, EvidenceOfBeforeTheRestartStandsForTheRestOfTheWindow) {
  Use(kSource);
  crds::Evidence evidence;
  evidence.source = "events.e";
  evidence.object = {"v1", "ConfigMap", "ns", "a", "uid-a"};
  evidence.count = 3;
  evidence.last_seen = now_;
  log_.Restore(*policy_, evidence, now_);
  EXPECT_EQ(Count(), 3);
  evidence.source = "events.other";
  log_.Restore(*policy_, evidence, now_);
  EXPECT_EQ(Count(), 3);
  now_ += absl::Minutes(10);
  EXPECT_EQ(Count(), 0);
}

}  // namespace
}  // namespace kr::policy
