#include "controller/runtime/event_series.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"

namespace kr::runtime {
namespace {

using nlohmann::json;
using Outcome = EventSeries::Outcome;

Event NodeEvent() {
  return {.type = Event::Type::kWarning,
          .reason = "BreakerOpen",
          .action = "Remediate",
          .note = "Too many nodes are sick",
          .regarding = {.api_version = "v1", .kind = "Node", .name = "n1", .uid = "u1"}};
}

class EventSeriesTest : public ::testing::Test {
 protected:
  EventSeries::Now Now() const { return {clock_.Monotonic(), clock_.Now()}; }
  std::optional<EventSeries::Id> Observe(const Event& event = NodeEvent()) {
    return series_.Observe(event, Now());
  }
  // Builds the write and has the server take it; null when there is none.
  json Write(EventSeries::Id id) {
    auto request = series_.BuildWrite(id);
    if (!request) return json();
    last_ = *request;
    more_ = series_.OnWritten(id, Outcome::kWritten, Now());
    return json::parse(request->body);
  }

  testing::FakeClock clock_;
  EventSeries series_{{.controller = "kube-remedy.io/controller", .instance = "pod-1"}};
  kube::HttpRequest last_;
  bool more_ = false;
};

TEST_F(EventSeriesTest, FirstOccurrenceIsCreated) {
  Event event = NodeEvent();
  event.regarding = {"apps/v1", "DaemonSet", "kube-system", "calico-node", "u2"};
  event.related = ObjectReference{"v1", "Node", "", "n1", "u1"};
  event.type = Event::Type::kNormal;
  const auto id = Observe(event);
  ASSERT_TRUE(id);
  const json body = Write(*id);
  EXPECT_EQ(last_.method, "POST");
  EXPECT_EQ(last_.target, "/apis/events.k8s.io/v1/namespaces/kube-system/events");
  EXPECT_EQ(body, json::parse(R"({
    "apiVersion": "events.k8s.io/v1", "kind": "Event",
    "metadata": {"namespace": "kube-system", "name": "calico-node.1886caf21c963200"},
    "eventTime": "2026-01-02T03:04:05.000000Z",
    "type": "Normal", "reason": "BreakerOpen", "action": "Remediate",
    "note": "Too many nodes are sick",
    "reportingController": "kube-remedy.io/controller", "reportingInstance": "pod-1",
    "regarding": {"apiVersion": "apps/v1", "kind": "DaemonSet", "namespace": "kube-system",
                  "name": "calico-node", "uid": "u2"},
    "related": {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u1"}})"));
}

TEST_F(EventSeriesTest, EventsAboutClusterScopedObjectsGoToDefault) {
  const json body = Write(*Observe());
  EXPECT_EQ(last_.target, "/apis/events.k8s.io/v1/namespaces/default/events");
  EXPECT_EQ(body["metadata"]["namespace"], "default");
  EXPECT_FALSE(body["regarding"].contains("namespace"));
}

TEST_F(EventSeriesTest, SecondOccurrenceBecomesASeriesAtOnce) {
  const auto id = Observe();
  Write(*id);
  clock_.Advance(absl::Seconds(7));
  EXPECT_EQ(Observe(), id);
  const json body = Write(*id);
  EXPECT_EQ(last_.method, "PATCH");
  EXPECT_EQ(last_.content_type, "application/merge-patch+json");
  EXPECT_EQ(body, json::parse(R"({"series":
      {"count": 2, "lastObservedTime": "2026-01-02T03:04:12.000000Z"}})"));
}

TEST_F(EventSeriesTest, LaterOccurrencesOnlyCount) {
  const auto id = Observe();
  Write(*id);
  Observe();
  Write(*id);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Observe(), std::nullopt);
  EXPECT_TRUE(series_.Sweep(Now()).empty());
}

TEST_F(EventSeriesTest, WhatMakesASeries) {
  struct Case {
    const char* name;
    std::function<void(Event&)> change;
    bool same;
  };
  for (const Case& c : {
           Case{"nothing", [](Event&) {}, true},
           Case{"note", [](Event& e) { e.note = "other"; }, true},
           Case{"type", [](Event& e) { e.type = Event::Type::kNormal; }, false},
           Case{"reason", [](Event& e) { e.reason = "Other"; }, false},
           Case{"action", [](Event& e) { e.action = "Other"; }, false},
           Case{"name", [](Event& e) { e.regarding.name = "n2"; }, false},
           Case{"uid", [](Event& e) { e.regarding.uid = "u2"; }, false},
           Case{"kind", [](Event& e) { e.regarding.kind = "Pod"; }, false},
           Case{"related", [](Event& e) { e.related = e.regarding; }, false},
           Case{"border between fields",
                [](Event& e) {
                  e.reason = "BreakerOpenR";
                  e.action = "emediate";
                },
                false},
       }) {
    SCOPED_TRACE(c.name);
    EventSeries series({.controller = "c", .instance = "i"});
    const auto first = series.Observe(NodeEvent(), Now());
    Event second = NodeEvent();
    c.change(second);
    EXPECT_EQ(series.Observe(second, Now()) == first, c.same);
  }
}

TEST_F(EventSeriesTest, RefreshedEveryThirtyMinutes) {
  const auto id = Observe();
  Write(*id);
  Observe();
  Write(*id);
  int writes = 0;
  int64_t last = 0;
  for (int minute = 0; minute < 95; ++minute) {
    clock_.Advance(absl::Minutes(1));
    Observe();
    for (EventSeries::Id due : series_.Sweep(Now())) {
      ++writes;
      last = Write(due)["series"]["count"].get<int64_t>();
    }
  }
  EXPECT_EQ(writes, 3);
  EXPECT_EQ(last, 92);
}

TEST_F(EventSeriesTest, SilentSeriesIsWrittenALastTimeAndForgotten) {
  const auto id = Observe();
  Write(*id);
  for (int i = 0; i < 5; ++i) Observe();
  Write(*id);
  Observe();
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(series_.Sweep(Now()).empty());
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(series_.Sweep(Now()), std::vector<EventSeries::Id>{*id});
  EXPECT_EQ(Write(*id)["series"]["count"], 7);
  EXPECT_EQ(series_.size(), 0u);
  EXPECT_NE(Observe(), id) << "what comes later is a new event";
}

TEST_F(EventSeriesTest, SilentSingleEventIsForgottenWithoutAWrite) {
  Write(*Observe());
  clock_.Advance(absl::Minutes(6));
  EXPECT_TRUE(series_.Sweep(Now()).empty());
  EXPECT_EQ(series_.size(), 0u);
}

TEST_F(EventSeriesTest, OccurrenceDuringTheFinalWriteKeepsTheSeries) {
  const auto id = Observe();
  Write(*id);
  Observe();
  Write(*id);
  Observe();
  clock_.Advance(absl::Minutes(6));
  ASSERT_EQ(series_.Sweep(Now()).size(), 1u);
  ASSERT_TRUE(series_.BuildWrite(*id));
  Observe();
  EXPECT_FALSE(series_.OnWritten(*id, Outcome::kWritten, Now()));
  EXPECT_EQ(series_.size(), 1u);
}

TEST_F(EventSeriesTest, OccurrenceWhileTheCreateIsInFlightIsPatchedAfterwards) {
  const auto id = Observe();
  ASSERT_TRUE(series_.BuildWrite(*id));
  Observe();
  EXPECT_TRUE(series_.OnWritten(*id, Outcome::kWritten, Now())) << "write it once more";
  EXPECT_EQ(Write(*id)["series"]["count"], 2);
  EXPECT_FALSE(more_);
}

TEST_F(EventSeriesTest, OccurrencesBeforeTheCreateAreInIt) {
  const auto id = Observe();
  Observe();
  Observe();
  const json body = Write(*id);
  EXPECT_EQ(last_.method, "POST");
  EXPECT_EQ(body["series"]["count"], 3);
  EXPECT_EQ(series_.BuildWrite(*id), std::nullopt) << "nothing is new";
}

TEST_F(EventSeriesTest, MissingEventIsCreatedAnewOnPatch) {
  const auto id = Observe();
  Write(*id);
  Observe();
  ASSERT_TRUE(series_.BuildWrite(*id));
  EXPECT_TRUE(series_.OnWritten(*id, Outcome::kMissing, Now()));
  const json body = Write(*id);
  EXPECT_EQ(last_.method, "POST");
  EXPECT_EQ(body["series"]["count"], 2);
}

TEST_F(EventSeriesTest, WhatWasGivenUpIsForgotten) {
  const auto id = Observe();
  ASSERT_TRUE(series_.BuildWrite(*id));
  EXPECT_FALSE(series_.OnWritten(*id, Outcome::kGaveUp, Now()));
  EXPECT_EQ(series_.size(), 0u);
  EXPECT_EQ(series_.BuildWrite(*id), std::nullopt);
  EXPECT_FALSE(series_.OnWritten(*id, Outcome::kWritten, Now()));
}

TEST_F(EventSeriesTest, MemoryIsBounded) {
  EventSeries series({.controller = "c", .instance = "i"}, {.max_series = 3});
  Event event = NodeEvent();
  std::vector<EventSeries::Id> ids;
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Seconds(1));
    event.regarding.uid = std::to_string(i);
    ids.push_back(*series.Observe(event, Now()));
  }
  EXPECT_EQ(series.size(), 3u);
  EXPECT_EQ(series.BuildWrite(ids[1]), std::nullopt) << "the oldest went";
  EXPECT_TRUE(series.BuildWrite(ids[2]));
}

TEST_F(EventSeriesTest, NamesAreUniqueAndValid) {
  Event event = NodeEvent();
  const std::string first = Write(*Observe(event))["metadata"]["name"];
  event.regarding.uid = "same name, same moment, other object";
  EXPECT_NE(Write(*Observe(event))["metadata"]["name"], first);
  for (const std::string& name :
       {std::string("system:node"), std::string(250, 'a'), std::string("UPPER"), std::string()}) {
    SCOPED_TRACE(name);
    event.regarding.name = name;
    const std::string made = Write(*Observe(event))["metadata"]["name"];
    EXPECT_TRUE(made.starts_with("event.")) << made;
  }
}

TEST_F(EventSeriesTest, FieldsAreCutAtTheServersLimits) {
  Event event = NodeEvent();
  event.reason = std::string(200, 'r');
  event.action = std::string(200, 'a');
  event.note = std::string(1023, 'n') + "\xc3\xa4";  // a two-byte character across the border
  const json body = Write(*Observe(event));
  EXPECT_EQ(body["reason"].get<std::string>().size(), 128u);
  EXPECT_EQ(body["action"].get<std::string>().size(), 128u);
  EXPECT_EQ(body["note"], std::string(1023, 'n'));
}

TEST(TruncateUtf8, NeverCutsACharacter) {
  struct Case {
    std::string text;
    size_t limit;
    std::string want;
  };
  for (const Case& c : {
           Case{"", 0, ""}, Case{"abc", 3, "abc"}, Case{"abcd", 3, "abc"},
           Case{"a\xc3\xa4", 2, "a"}, Case{"a\xc3\xa4", 3, "a\xc3\xa4"},
           Case{"\xe2\x82\xac\xe2\x82\xac", 5, "\xe2\x82\xac"}, Case{"\xf0\x9f\x98\x80", 3, ""},
           Case{"\x80\x80\x80", 2, ""},  // not UTF-8 at all
       }) {
    SCOPED_TRACE(c.text + " at " + std::to_string(c.limit));
    EXPECT_EQ(TruncateUtf8(c.text, c.limit), c.want);
  }
}

}  // namespace
}  // namespace kr::runtime
