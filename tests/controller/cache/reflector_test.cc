#include "controller/cache/reflector.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/cache/watch_world.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using document::Projection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Journal final : public ReflectorSink {
 public:
  void OnListBegin() override { heard.push_back("begin"); }
  void OnUpsert(DocumentPtr object) override {
    heard.push_back("put " + std::string(object->name()));
  }
  void OnDelete(DocumentPtr object) override {
    heard.push_back("delete " + std::string(object->name()));
  }
  void OnVersion(std::string_view version) override { heard.push_back("@" + std::string(version)); }
  void OnListEnd(std::string_view version) override {
    heard.push_back("end@" + std::string(version));
  }
  std::vector<std::string> Take() { return std::exchange(heard, {}); }
  std::vector<std::string> heard;
};

class ReflectorTest : public ::testing::Test {
 protected:
  ReflectorTest() { Make({}); }

  void Make(WatchScope scope) {
    scope.resource = Pods();
    reflector = std::make_unique<Reflector>(WatchSpec{scope, false, Projection::Everything()},
                                            WatchState::Options(), world.context(), journal);
  }

  WatchWorld world;
  Journal journal;
  std::unique_ptr<Reflector> reflector;
};

TEST_F(ReflectorTest, HandsOnListAndWatch) {
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.Run();
  EXPECT_THAT(journal.Take(), ElementsAre("begin", "put a", "end@101"));
  EXPECT_TRUE(reflector->status().connected);
  EXPECT_FALSE(reflector->status().listing);

  world.server.Put("pods", PodJson("ns", "b"));
  world.server.Delete("pods", "ns", "a");
  world.Run();
  EXPECT_THAT(journal.Take(), ElementsAre("put b", "@102", "delete a", "@103"));
  world.server.Put("nodes", NodeJson("n"));
  world.server.Bookmark();
  world.Run();
  EXPECT_THAT(journal.Take(), ElementsAre("@104"));
  EXPECT_EQ(reflector->counters().watches, 1u);
}

TEST_F(ReflectorTest, TellsTheMeterOnceWhatItHasCounted) {
  class Sum final : public WatchMeter {
   public:
    void Count(const kube::Resource& resource, const WatchCounters& added) override {
      EXPECT_EQ(resource.plural, "pods");
      events += added.events;
      bytes += added.bytes;
      lists += added.lists;
      watches += added.watches;
      problems += added.problems;
    }
    uint64_t events = 0, bytes = 0, lists = 0, watches = 0, problems = 0;
  } meter;
  world.meter = &meter;
  Make({});
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.Run();
  EXPECT_EQ(meter.events, 2u) << "the pod, and the bookmark that ends the list";
  EXPECT_EQ(meter.lists, 1u);
  EXPECT_EQ(meter.watches, 1u);
  EXPECT_EQ(meter.problems, 0u);
  EXPECT_EQ(meter.bytes, reflector->counters().bytes);

  world.server.Put("pods", PodJson("ns", "b"));
  world.Run();
  EXPECT_EQ(meter.events, 3u);
  EXPECT_EQ(meter.bytes, reflector->counters().bytes);
}

TEST_F(ReflectorTest, AsksForWhatItsScopeSays) {
  Make({.name_space = "ns", .field_selector = "metadata.name=a", .label_selector = "x=y"});
  reflector->Start();
  world.Run();
  const kube::HttpRequest& request = world.transport.last().request;
  EXPECT_THAT(request.target, HasSubstr("/api/v1/namespaces/ns/pods?"));
  EXPECT_THAT(request.target, HasSubstr("fieldSelector=metadata.name%3Da"));
  EXPECT_THAT(request.target, HasSubstr("labelSelector=x%3Dy"));
  EXPECT_THAT(request.target, HasSubstr("sendInitialEvents=true"));
  EXPECT_THAT(request.target, HasSubstr("allowWatchBookmarks=true"));
  EXPECT_THAT(request.accept, Not(HasSubstr("PartialObjectMetadata")));
  EXPECT_GE(world.transport.last().hard_stop, absl::Seconds(255));
}

TEST_F(ReflectorTest, RewatchesFromTheLastVersion) {
  reflector->Start();
  world.Run();
  world.server.Put("pods", PodJson("ns", "a"));
  world.Run();
  journal.Take();
  world.server.CutAll(Unavailable("reset"));
  world.server.Put("pods", PodJson("ns", "b"));
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("put b", "@102"));
  EXPECT_EQ(reflector->counters().lists, 1u);
}

TEST_F(ReflectorTest, ListsInPagesWhenItCannotStream) {
  world.server.streaming = kr::testing::FakeApiServer::Streaming::kRejected;
  for (int i = 0; i < 1200; ++i) world.server.Put("pods", PodJson("ns", "p" + std::to_string(i)));
  reflector->Start();
  world.Run();
  EXPECT_EQ(world.server.lists, 3);
  const std::vector<std::string> heard = journal.Take();
  EXPECT_EQ(heard[0], "begin");
  EXPECT_EQ(heard[1], "begin") << "the streaming list that was refused";
  EXPECT_EQ(heard.size(), 1203u);
  EXPECT_EQ(heard.back(), "end@1300");
  world.server.Put("pods", PodJson("ns", "x"));
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("put x", "@1301"));
}

TEST_F(ReflectorTest, ObjectsOfAVersionProbeAreNotHandedOn) {
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.Run();
  journal.Take();
  for (int i = 0; i < 2; ++i) {  // the first ended after events, the second in silence
    world.clock.Advance(absl::Minutes(4));
    world.server.CutAll(OkStatus());
    world.Run();
  }
  EXPECT_EQ(world.server.lists, 1);
  EXPECT_THAT(journal.heard, IsEmpty());
  EXPECT_EQ(world.server.watches, 3);
}

TEST_F(ReflectorTest, LinesMayBeCutAnywhere) {
  world.server.max_piece = 3;
  world.server.Put("pods", PodJson("ns", "käse"));
  reflector->Start();
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("begin", "put käse", "end@101"));
}

TEST_F(ReflectorTest, AnUndecodableLineIsNotLeftOut) {
  reflector->Start();
  world.Run();
  journal.Take();
  world.transport.Data(world.transport.last(), "{\"type\":\"ADDED\",\"object\":\n");
  world.Run();
  EXPECT_EQ(reflector->counters().undecodable, 1u);
  EXPECT_FALSE(reflector->status().connected);
  EXPECT_FALSE(reflector->status().problem.ok());
  world.Advance(absl::Seconds(2));
  EXPECT_THAT(journal.heard, ElementsAre("begin", "end@100"));
  EXPECT_TRUE(reflector->status().connected);
  EXPECT_TRUE(reflector->status().problem.ok());
}

TEST_F(ReflectorTest, WhatFollowsAnErrorInTheSameBatchIsIgnored) {
  reflector->Start();
  world.Run();
  journal.Take();
  const std::string gone =
      R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410}})";
  const std::string late =
      R"({"type":"ADDED","object":{"metadata":{"name":"late","resourceVersion":"999"}}})";
  world.transport.Data(world.transport.last(), gone + "\n" + late + "\n");
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("begin", "end@100"));
}

TEST_F(ReflectorTest, GuardEndsAStreamingListThatIsNone) {
  world.server.streaming = kr::testing::FakeApiServer::Streaming::kIgnored;
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.Run();
  EXPECT_TRUE(reflector->status().listing);
  world.Advance(absl::Seconds(61));
  EXPECT_FALSE(reflector->status().listing);
  EXPECT_EQ(journal.heard.back(), "end@101");
  EXPECT_EQ(world.server.lists, 1);
}

TEST_F(ReflectorTest, BackPressureStopsReading) {
  for (int i = 0; i < 200; ++i) world.server.Put("pods", PodJson("ns", "p" + std::to_string(i)));
  world.inbox.limit = 2000;
  world.server.max_piece = 500;
  reflector->Start();
  world.transport.RunDue();
  world.server.Serve();
  EXPECT_TRUE(world.transport.last().paused);
  EXPECT_LT(world.inbox.bytes(), 3000u) << "no further than the limit and one piece";
  world.Run();
  EXPECT_FALSE(world.transport.last().paused);
  EXPECT_EQ(journal.heard.size(), 202u);
  EXPECT_EQ(journal.heard.back(), "end@300");
}

TEST_F(ReflectorTest, NothingIsHeardOfADestroyedOne) {
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.transport.RunDue();
  world.server.Serve();
  EXPECT_GT(world.inbox.inputs(), 0u);
  reflector.reset();
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("begin"));
  EXPECT_FALSE(world.transport.last().open);
}

TEST_F(ReflectorTest, RestartListsUnderTheNewProjection) {
  world.server.Put("pods", PodJson("ns", "a"));
  reflector->Start();
  world.Run();
  journal.Take();
  reflector->Restart(Projection::Everything(), /*metadata_only=*/true);
  world.Run();
  EXPECT_THAT(journal.heard, ElementsAre("begin", "put a", "end@101"));
  EXPECT_THAT(world.transport.last().request.accept, HasSubstr("PartialObjectMetadata"));
  EXPECT_THAT(world.transport.last().request.target, HasSubstr("resourceVersion=101"));
}

TEST_F(ReflectorTest, StatusTellsWhyAndSinceWhen) {
  world.server.refusals.push_back({.code = 403, .body = "no"});
  reflector->Start();
  world.Run();
  EXPECT_FALSE(reflector->status().connected);
  EXPECT_EQ(reflector->status().problem.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(reflector->status().problem_since, world.clock.Monotonic());
  world.Advance(absl::Milliseconds(500));
  EXPECT_EQ(reflector->status().disconnected_for, absl::Milliseconds(500));
  world.Advance(absl::Seconds(2));
  EXPECT_TRUE(reflector->status().connected);
  EXPECT_TRUE(reflector->status().problem.ok());
}

TEST_F(ReflectorTest, AnAnswerTooLargeForMemoryIsAskedForInSmallerPages) {
  world.server.streaming = kr::testing::FakeApiServer::Streaming::kRejected;
  reflector->Start();
  world.transport.RunDue();
  world.server.Serve();
  while (world.inbox.RunOne()) {
  }
  world.transport.RunDue();
  auto& list = world.transport.last();
  ASSERT_THAT(list.request.target, HasSubstr("limit=500"));
  world.transport.Headers(list, 200);
  const std::string part(8 << 20, ' ');
  for (int i = 0; i < 9 && list.open; ++i) {
    world.transport.Data(list, part);
    world.transport.RunDue();
  }
  EXPECT_FALSE(list.open);
  while (world.inbox.RunOne()) {
  }
  world.transport.RunDue();
  EXPECT_THAT(world.transport.last().request.target, HasSubstr("limit=62"));
}

}  // namespace
}  // namespace kr::cache
