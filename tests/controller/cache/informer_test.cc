#include "controller/cache/informer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/cache/event_stream.h"
#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using document::Projection;
using ::kr::testing::FakeApiServer;
using ::kr::testing::ProjectionOf;

class Counter final : public InformerObserver {
 public:
  void OnChange(const Informer&, ObjectId, const DocumentPtr& before,
                const DocumentPtr& after) override {
    ++(!before ? added : !after ? deleted : modified);
  }
  void OnSynced(const Informer&) override { ++synced; }
  int added = 0, modified = 0, deleted = 0, synced = 0;
};

class InformerTest : public ::testing::Test {
 protected:
  InformerTest() {
    for (int i = 0; i < 20; ++i) world.server.Put("pods", PodJson("ns", "p" + std::to_string(i)));
    informer =
        std::make_unique<Informer>(WatchSpec{{Pods()}, false, ProjectionOf({"spec.nodeName"})},
                                   WatchState::Options(), world.context(), table, counter);
  }
  // The store holds what the server holds.
  void ExpectSame() {
    const auto want = world.server.Objects("pods");
    EXPECT_EQ(informer->store().size(), want.size());
    for (const auto& [key, object] : want) {
      const DocumentPtr got =
          informer->store().Find("ns", object["metadata"]["name"].get<std::string>());
      ASSERT_TRUE(got) << key;
      EXPECT_EQ(got->uid(), object["metadata"]["uid"].get<std::string>());
      EXPECT_EQ(got->resource_version(), object["metadata"]["resourceVersion"].get<std::string>());
    }
  }
  void Change() {
    world.server.Put("pods", PodJson("ns", "p3", "node-" + world.server.version()));
    world.server.Delete("pods", "ns", "p4");
    world.server.Put("pods", PodJson("ns", "new-" + world.server.version()));
  }

  WatchWorld world;
  ObjectTable table;
  Counter counter;
  std::unique_ptr<Informer> informer;
};

TEST_F(InformerTest, FollowsTheServerHoweverItLists) {
  for (const auto streaming :
       {FakeApiServer::Streaming::kSupported, FakeApiServer::Streaming::kRejected,
        FakeApiServer::Streaming::kIgnored, FakeApiServer::Streaming::kEventError}) {
    SCOPED_TRACE(static_cast<int>(streaming));
    world.server.streaming = streaming;
    informer = std::make_unique<Informer>(WatchSpec{{Pods()}, false, Projection::Everything()},
                                          WatchState::Options(), world.context(), table, counter);
    informer->Start();
    world.Advance(absl::Minutes(1.1));
    EXPECT_TRUE(informer->store().synced());
    ExpectSame();
    Change();
    world.Run();
    ExpectSame();
    world.server.CutAll(Unavailable("reset"));
    Change();
    world.Advance(absl::Seconds(2));
    ExpectSame();
    world.server.CutAll(Unavailable("reset"));
    Change();
    world.server.Compact();
    world.Advance(absl::Minutes(2));
    ExpectSame();
  }
}

TEST_F(InformerTest, MissedDeleteSurfacesAfterGone) {
  informer->Start();
  world.Run();
  EXPECT_EQ(counter.added, 20);
  world.server.CutAll(Unavailable("reset"));
  world.server.Delete("pods", "ns", "p4");
  world.server.Compact();
  world.Advance(absl::Seconds(5));
  EXPECT_EQ(counter.deleted, 1);
  EXPECT_EQ(counter.added, 20);
  EXPECT_EQ(counter.synced, 2);
  ExpectSame();
}

TEST_F(InformerTest, RestoredEtcdIsNoticedAfterASilentWatch) {
  const auto backup = world.server.TakeBackup();
  Change();
  informer->Start();
  world.Run();
  const uint64_t watches = informer->reflector().counters().watches;
  world.server.Restore(backup);  // our version is now one from the future
  world.Run();
  EXPECT_GT(informer->reflector().counters().watches, watches);
  EXPECT_NE(informer->store().size(), 0u);
  world.clock.Advance(absl::Minutes(5));
  world.server.CutAll(OkStatus());
  world.Advance(absl::Seconds(5));
  ExpectSame();
  EXPECT_EQ(informer->store().resource_version(), world.server.version());
}

TEST_F(InformerTest, StaleView) {
  const absl::Duration patience = absl::Seconds(30);
  EXPECT_TRUE(informer->Stale(patience)) << "never synced";
  informer->Start();
  world.Run();
  EXPECT_FALSE(informer->Stale(patience));
  world.Advance(absl::Minutes(10));
  EXPECT_FALSE(informer->Stale(patience)) << "a silent stream is not stale";

  for (int i = 0; i < 50; ++i) world.server.refusals.push_back({.code = 503, .body = "starting"});
  world.server.CutAll(Unavailable("reset"));
  world.Advance(absl::Seconds(29));
  EXPECT_FALSE(informer->Stale(patience));
  world.Advance(absl::Seconds(2));
  EXPECT_TRUE(informer->Stale(patience));
  world.server.refusals.clear();
  world.Advance(absl::Minutes(1));
  EXPECT_FALSE(informer->Stale(patience));
}

TEST_F(InformerTest, RelistingIsStale) {
  informer->Start();
  world.Run();
  informer->Reproject(ProjectionOf({"spec"}), false);
  EXPECT_TRUE(informer->Stale(absl::Seconds(30)));
  world.Run();
  EXPECT_FALSE(informer->Stale(absl::Seconds(30)));
}

TEST_F(InformerTest, AGrownProjectionReplacesDocumentsInPlace) {
  const Projection::Ptr grown = ProjectionOf({"spec.nodeName", "spec.containers[*].name"});
  informer->Start();
  world.Run();
  EXPECT_FALSE(informer->store().Find("ns", "p1")->projection().Covers(*grown));

  informer->Reproject(grown, false);
  EXPECT_EQ(informer->store().size(), 20u) << "the old documents serve";
  EXPECT_FALSE(informer->swept_projection()->Covers(*grown)) << "not before all are replaced";
  world.Run();
  EXPECT_TRUE(informer->swept_projection()->Covers(*grown));
  informer->store().ForEach([&](ObjectId, const DocumentPtr& object) {
    EXPECT_TRUE(object->projection().Covers(*grown)) << object->name();
  });
  EXPECT_EQ(counter.added, 20);
  EXPECT_EQ(counter.modified, 20);
  EXPECT_EQ(counter.deleted, 0);
  world.server.Put("pods", PodJson("ns", "p1", "elsewhere"));
  world.Run();
  EXPECT_TRUE(informer->store().Find("ns", "p1")->projection().Covers(*grown));
}

TEST_F(InformerTest, WhileItShrinksOnlyWhatBothKeepIsPromised) {
  const Projection::Ptr large = ProjectionOf({"spec", "status"});
  const Projection::Ptr small = ProjectionOf({"status"});
  informer->Start();
  world.Run();
  informer->Reproject(large, false);
  world.Run();
  ASSERT_TRUE(informer->swept_projection()->Covers(*large));
  informer->Reproject(small, false);
  EXPECT_FALSE(informer->swept_projection()->Covers(*large)) << "documents come without spec";
  EXPECT_TRUE(informer->swept_projection()->Covers(*small));
  informer->Reproject(large, false);
  EXPECT_FALSE(informer->swept_projection()->Covers(*large)) << "not before all are replaced";
  world.Run();
  EXPECT_TRUE(informer->swept_projection()->Covers(*large));

  informer->Reproject(ProjectionOf({"status", "metadata.labels"}), false);
  EXPECT_EQ(informer->swept_projection(), nullptr) << "nothing is known to be in all of them";
  world.Run();
  EXPECT_TRUE(informer->swept_projection()->Covers(*small));
}

TEST_F(InformerTest, ChangesOutsideTheProjectionWakeNobody) {
  informer->Start();
  world.Run();
  nlohmann::json pod = PodJson("ns", "p1");
  pod["status"]["phase"] = "Running";
  const std::string version = world.server.Put("pods", pod);
  world.Run();
  EXPECT_EQ(counter.modified, 0);
  EXPECT_TRUE(informer->store().HasSeen(version));
}

class EventStreamTest : public ::testing::Test {
 protected:
  EventStreamTest()
      : stream(
            {{{{"", "v1", "Event"}, "events", true}}, false, Projection::Everything()}, {},
            world.context(),
            [this](EventStream::Change change, const DocumentPtr& object) {
              heard.push_back((change == EventStream::Change::kDeleted ? "-" : "+") +
                              std::string(object->name()));
            },
            [this] {
              const Status problem = stream.reflector().status().problem;
              problems.push_back(problem.ok() ? "well" : std::string(Message(problem)));
            }) {}
  void Post(const std::string& name) { world.server.Put("events", PodJson("ns", name)); }

  WatchWorld world;
  std::vector<std::string> heard, problems;
  EventStream stream;
};

TEST_F(EventStreamTest, BeginsAtThePresent) {
  Post("old");
  stream.Start();
  world.Run();
  Post("new");
  world.server.Delete("events", "ns", "old");
  world.Run();
  EXPECT_EQ(heard, (std::vector<std::string>{"+new", "-old"}));
  EXPECT_EQ(world.server.lists, 1);
  EXPECT_EQ(world.server.streaming_lists, 0);
}

TEST_F(EventStreamTest, TellsWhenAProblemComesAndGoes) {
  for (int i = 0; i < 3; ++i) world.server.refusals.push_back({.code = 403, .body = "no"});
  stream.Start();
  world.Advance(absl::Minutes(1));
  EXPECT_EQ(problems, (std::vector<std::string>{"no", "well"}));
}

TEST_F(EventStreamTest, AfterGoneAtThePresentAgain) {
  stream.Start();
  world.Run();
  world.server.CutAll(Unavailable("reset"));
  Post("missed");
  world.server.Compact();
  world.Advance(absl::Seconds(5));
  Post("seen");
  world.Run();
  EXPECT_EQ(heard, (std::vector<std::string>{"+seen"}));
}

TEST_F(EventStreamTest, AShortCutLosesNothing) {
  stream.Start();
  world.Run();
  Post("one");
  world.Run();
  world.server.CutAll(Unavailable("reset"));
  Post("two");
  world.Advance(absl::Seconds(2));
  EXPECT_EQ(heard, (std::vector<std::string>{"+one", "+two"}));
}

}  // namespace
}  // namespace kr::cache
