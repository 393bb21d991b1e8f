// A line longer than any object: refused before it is all in memory, said precisely, and outlived.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cache/informer.h"
#include "tests/controller/cache/watch_world.h"

namespace kr::cache {
namespace {

using ::testing::HasSubstr;

const std::string& Mebibytes8() {
  static const std::string part(8 << 20, ' ');
  return part;
}

class OversizeLine : public ::testing::Test, public InformerObserver {
 protected:
  OversizeLine() {
    world.server.Put("pods", PodJson("ns", "a"));
    informer = std::make_unique<Informer>(
        WatchSpec{{.resource = Pods()}, false, document::Projection::Everything()},
        WatchState::Options(), world.context(), objects, *this);
    informer->Start();
  }

  // The server begins a line and does not end it; how much of it was taken.
  size_t EndlessLine() {
    auto& stream = world.transport.last();
    size_t taken = 0;
    for (int i = 0; i < 20 && stream.open; ++i) {
      world.transport.Data(stream, Mebibytes8());
      taken += Mebibytes8().size();
      world.transport.RunDue();
    }
    EXPECT_FALSE(stream.open);
    while (world.inbox.RunOne()) {
    }
    return taken;
  }
  std::string Problem() const {
    return std::string(Message(informer->reflector().status().problem));
  }

  WatchWorld world;
  ObjectTable objects;
  std::unique_ptr<Informer> informer;

 private:
  void OnChange(const Informer&, ObjectId, const document::DocumentPtr&,
                const document::DocumentPtr&) override {}
  void OnSynced(const Informer&) override {}
};

TEST_F(OversizeLine, InAWatchIsRefusedAndTheWatchRecovers) {
  world.Run();
  ASSERT_EQ(informer->store().size(), 1u);
  EXPECT_LE(EndlessLine(), LineSplitter::kMaxLine + Mebibytes8().size());
  EXPECT_THAT(Problem(), HasSubstr("a line is longer than 67108864 bytes"));
  EXPECT_EQ(informer->store().size(), 1u) << "what was known stays";

  world.server.Put("pods", PodJson("ns", "b"));
  world.Advance(absl::Seconds(5));
  EXPECT_TRUE(informer->reflector().status().connected);
  EXPECT_EQ(Problem(), "");
  EXPECT_EQ(informer->store().size(), 2u);
}

TEST_F(OversizeLine, AtTheBeginningOfAStreamingListMakesItAPagedOne) {
  world.transport.RunDue();
  world.transport.Headers(world.transport.last(), 200);
  EndlessLine();
  EXPECT_THAT(Problem(), HasSubstr("a line is longer than 67108864 bytes"));
  world.Advance(absl::Seconds(5));
  EXPECT_TRUE(informer->store().synced());
  EXPECT_EQ(informer->store().size(), 1u);
  EXPECT_EQ(world.server.lists, 1);
}

TEST_F(OversizeLine, InMidStreamingListIsSaidToo) {
  world.transport.RunDue();
  world.transport.Headers(world.transport.last(), 200);
  world.transport.Data(world.transport.last(),
                       R"({"type":"ADDED","object":{"metadata":{"name":"x","namespace":"ns"}}})"
                       "\n");
  EndlessLine();
  EXPECT_THAT(Problem(), HasSubstr("a line is longer than 67108864 bytes"));
  EXPECT_FALSE(informer->store().synced());
  world.Advance(absl::Seconds(5));
  EXPECT_TRUE(informer->store().synced());
  EXPECT_EQ(informer->store().size(), 1u) << "what half a list had brought is gone again";
}

}  // namespace
}  // namespace kr::cache
