// Streams that break off anywhere: nothing of one is taken for a part of the next.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cache/informer.h"
#include "tests/controller/cache/watch_world.h"
#include "tests/support/status_matchers.h"

namespace kr::cache {
namespace {

using document::Projection;
using ::testing::HasSubstr;

class CutStream : public ::testing::Test, public InformerObserver {
 protected:
  CutStream()
      : informer_(WatchSpec{{.resource = Pods()}, false, Projection::Everything()}, {},
                  world_.context(), objects_, *this) {}

  void OnChange(const Informer&, ObjectId, const document::DocumentPtr& before,
                const document::DocumentPtr& after) override {
    if (before && !after) ++deleted_;
  }
  void OnSynced(const Informer&) override {}

  const Reflector& reflector() const { return informer_.reflector(); }
  std::string Problem() const { return std::string(Message(reflector().status().problem)); }

  // What the server would send next, its first `bytes` only, and then the end of the connection.
  void CutAfter(const std::string& line, size_t bytes) {
    auto& stream = world_.transport.last();
    world_.transport.Data(stream, std::string_view(line).substr(0, bytes));
    world_.transport.End(stream, Unavailable("reset"));
  }

  WatchWorld world_;
  ObjectTable objects_;
  int deleted_ = 0;
  Informer informer_;
};

TEST_F(CutStream, AWatchCutAtEveryByteGoesOn) {
  informer_.Start();
  world_.Run();
  const size_t size =
      nlohmann::json{{"type", "ADDED"}, {"object", PodJson("ns", "käse-000")}}.dump().size() + 60;
  for (size_t bytes = 0; bytes <= size; ++bytes) {
    SCOPED_TRACE(bytes);
    const std::string name = "käse-" + std::to_string(100 + bytes);
    const std::string version = world_.server.Put("pods", PodJson("ns", name));
    const nlohmann::json object = world_.server.Objects("pods").at("ns/" + name);
    CutAfter(nlohmann::json{{"type", "ADDED"}, {"object", object}}.dump() + "\n", bytes);
    world_.Advance(absl::Minutes(1));
    ASSERT_TRUE(reflector().status().connected);
    ASSERT_EQ(informer_.store().resource_version(), version);
    ASSERT_TRUE(informer_.store().Find("ns", name));
  }
  EXPECT_EQ(informer_.store().size(), size + 1);
  EXPECT_EQ(reflector().counters().undecodable, 0u);
  EXPECT_EQ(reflector().counters().lists, 1u) << "no list had to be made again";
  EXPECT_EQ(deleted_, 0);
}

TEST_F(CutStream, AStreamingListCutAtEveryByteIsMadeAgain) {
  world_.server.Put("pods", PodJson("ns", "a"));
  const nlohmann::json object = world_.server.Objects("pods").at("ns/a");
  const std::string line = nlohmann::json{{"type", "ADDED"}, {"object", object}}.dump() + "\n";
  for (size_t bytes = 0; bytes <= line.size(); ++bytes) {
    SCOPED_TRACE(bytes);
    ObjectTable objects;
    Informer informer(WatchSpec{{.resource = Pods()}, false, Projection::Everything()}, {},
                      world_.context(), objects, *this);
    informer.Start();
    world_.transport.RunDue();
    world_.transport.Headers(world_.transport.last(), 200);
    CutAfter(line, bytes);
    world_.Advance(absl::Minutes(1));
    ASSERT_TRUE(informer.store().synced());
    ASSERT_EQ(informer.store().size(), 1u);
    ASSERT_EQ(informer.reflector().counters().undecodable, 0u);
  }
}

// The refusal of one stream is not the reason why the next one failed.
TEST_F(CutStream, ARefusalIsForgottenWithItsStream) {
  informer_.Start();
  world_.transport.RunDue();
  world_.transport.Headers(world_.transport.last(), 410);
  world_.transport.Data(world_.transport.last(), R"({"kind":"Status","reason":)");
  informer_.Reproject(Projection::Everything(), false);
  world_.transport.RunDue();
  world_.transport.End(world_.transport.last(), Unavailable("connection refused"));
  world_.Run();
  EXPECT_THAT(Problem(), HasSubstr("connection refused"));
  EXPECT_THAT(Problem(), ::testing::Not(HasSubstr("410")));
}

// What the stream thread had posted of a stream before the engine let go of it.
class QueuedOfAFormerStream : public CutStream {
 protected:
  void DeliverQueued() {
    while (world_.inbox.RunOne()) {
    }
  }
};

TEST_F(QueuedOfAFormerStream, ItsEndIsNotTheEndOfThisOne) {
  informer_.Start();
  world_.Run();
  world_.transport.End(world_.transport.last(), Unavailable("reset"));
  informer_.Reproject(Projection::Everything(), false);
  DeliverQueued();
  EXPECT_EQ(Problem(), "");
  world_.Run();
  EXPECT_TRUE(reflector().status().connected);
  EXPECT_EQ(reflector().counters().watches, 2u);
}

TEST_F(QueuedOfAFormerStream, ItsBeginningIsNoConnection) {
  informer_.Start();
  world_.transport.RunDue();
  world_.transport.Headers(world_.transport.last(), 200);
  informer_.Reproject(Projection::Everything(), false);
  DeliverQueued();
  EXPECT_FALSE(reflector().status().connected);
  world_.Run();
  EXPECT_TRUE(reflector().status().connected);
}

TEST_F(QueuedOfAFormerStream, ItsPageIsNoPageOfThisList) {
  world_.server.streaming = kr::testing::FakeApiServer::Streaming::kRejected;
  world_.server.Put("pods", PodJson("ns", "a"));
  informer_.Start();
  world_.transport.RunDue();
  world_.server.Serve();  // refuses to stream
  DeliverQueued();
  world_.transport.RunDue();
  world_.server.Serve();  // the page
  informer_.Reproject(Projection::Everything(), false);
  DeliverQueued();
  EXPECT_FALSE(informer_.store().synced());
  EXPECT_EQ(informer_.store().size(), 0u);
  world_.Run();
  EXPECT_TRUE(informer_.store().synced());
  EXPECT_EQ(informer_.store().size(), 1u);
}

// Each streaming list has the time of the guard for itself.
TEST_F(CutStream, TheGuardOfAFormerListDoesNotEndThisOne) {
  world_.server.streaming = kr::testing::FakeApiServer::Streaming::kIgnored;
  informer_.Start();
  world_.Advance(absl::Seconds(59));
  informer_.Reproject(Projection::Everything(), false);
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(world_.server.lists, 0);
  world_.Advance(absl::Seconds(60));
  EXPECT_EQ(world_.server.lists, 1);
  EXPECT_TRUE(informer_.store().synced());
}

}  // namespace
}  // namespace kr::cache
