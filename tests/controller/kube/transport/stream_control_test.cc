// Pausing, letting go of and destroying streams at every moment, and posted tasks.
#include <thread>

#include "tests/controller/kube/transport/stream_fixture.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::Answer;
using testing::Gate;
using testing::IsOk;
using testing::StatusIs;

// More than all buffers between two ends of a connection hold.
constexpr std::size_t kMoreThanBuffers = std::size_t{64} << 20;

TEST_F(StreamTest, PauseReallyStopsReading) {
  TestCluster cluster;
  Connect(cluster.Config());
  cluster.server.Expect("GET", "/w",
                        Answer::Chunked().Chunk(std::string(kMoreThanBuffers, 'x')).End());
  Recorder recorder;
  std::size_t index = 0;
  std::size_t at_pause = 0;
  recorder.on_data = [&] {
    if (at_pause != 0) return;
    at_pause = recorder.size();
    streams_[index]->Pause();
  };
  Open("/w", recorder);
  ASSERT_TRUE(recorder.AwaitData(1));

  // Other streams run from beginning to end meanwhile.
  for (int i = 0; i < 5; ++i) {
    cluster.server.Expect("GET", "/other", Answer::Chunked().Chunk("x").End());
    Recorder other;
    Open("/other", other);
    EXPECT_THAT(*other.AwaitEnd(), IsOk());
  }
  OnStreamThread([&] { EXPECT_EQ(recorder.size(), at_pause); });
  EXPECT_LT(cluster.server.bytes_sent(), kMoreThanBuffers);
  EXPECT_EQ(recorder.ends(), 0);

  OnStreamThread([&] { streams_[index]->Resume(); });
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_EQ(recorder.size(), kMoreThanBuffers);
}

TEST_F(StreamTest, PauseAndResumeLoseNothing) {
  TestCluster cluster;
  Connect(cluster.Config());
  std::string body;
  Answer answer = Answer::Chunked();
  for (int i = 0; i < 2000; ++i) {
    const std::string line = "event " + std::to_string(i) + "\n";
    body += line;
    answer = std::move(answer).Chunk(line);
  }
  cluster.server.Expect("GET", "/w", std::move(answer).End());
  Recorder recorder;
  int calls = 0;
  bool paused = false;
  const auto resume = [&] {
    paused = false;
    streams_[0]->Resume();
  };
  recorder.on_data = [&] {
    EXPECT_FALSE(paused) << "data after Pause";
    streams_[0]->Pause();
    paused = true;
    // At once, a bit later, and twice.
    switch (++calls % 3) {
      case 0:
        return resume();
      case 1:
        return transport_->Post(resume);
      default:
        resume();
        return resume();
    }
  };
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_TRUE(recorder.data() == body);
}

TEST_F(StreamTest, EndIsHeldBackWhilePaused) {
  TestCluster cluster;
  Connect(cluster.Config());
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("x").Close());
  Recorder recorder;
  recorder.on_headers = [&] { streams_[0]->Pause(); };
  Open("/w", recorder);
  ASSERT_TRUE(recorder.AwaitHeaders());
  OnStreamThread([&] { EXPECT_EQ(recorder.data(), ""); });
  EXPECT_EQ(recorder.ends(), 0);
  OnStreamThread([&] { streams_[0]->Resume(); });
  EXPECT_THAT(*recorder.AwaitEnd(), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(recorder.data(), "x");
}

TEST_F(StreamTest, HardStopEndsAPausedStream) {
  TestCluster cluster;
  Connect(cluster.Config());
  cluster.server.Expect("GET", "/w",
                        Answer::Chunked().Chunk(std::string(kMoreThanBuffers, 'x')).End());
  Recorder recorder;
  recorder.on_headers = [&] { streams_[0]->Pause(); };
  Open("/w", recorder, absl::Milliseconds(200));
  EXPECT_THAT(*recorder.AwaitEnd(), StatusIs(absl::StatusCode::kDeadlineExceeded, _));
}

TEST_F(StreamTest, DestroyedStreamSaysNothingMore) {
  TestCluster cluster;
  Connect(cluster.Config());
  Gate gate;
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("x").Hold(gate).Chunk("y").End());
  Recorder recorder;
  Open("/w", recorder);
  ASSERT_TRUE(recorder.AwaitData(1));
  OnStreamThread([&] { streams_[0].reset(); });
  gate.Open();
  // The server's side is closed when the next request has been served.
  cluster.server.Expect("GET", "/other", Answer::Chunked().End());
  Recorder other;
  Open("/other", other);
  EXPECT_THAT(*other.AwaitEnd(), IsOk());
  EXPECT_EQ(recorder.data(), "x");
  EXPECT_EQ(recorder.ends(), 0);
}

TEST_F(StreamTest, StreamMayBeDestroyedInEachOfItsCalls) {
  for (const char* call : {"OnHeaders", "OnData", "OnEnd"}) {
    SCOPED_TRACE(call);
    TestCluster cluster;
    Connect(cluster.Config());
    cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("x").Chunk("y").End());
    auto recorder = std::make_unique<Recorder>();
    Gate let_go;
    const auto destroy = [&] {
      streams_[0].reset();
      recorder.reset();  // the handler may go with it
      let_go.Open();
    };
    if (call == std::string("OnHeaders")) recorder->on_headers = destroy;
    if (call == std::string("OnData")) recorder->on_data = destroy;
    if (call == std::string("OnEnd")) recorder->on_end = destroy;
    streams_.clear();
    Open("/w", *recorder);
    ASSERT_TRUE(let_go.AwaitOpen());
    OnStreamThread([&] { streams_.clear(); });
  }
}

TEST_F(StreamTest, StreamMayBeDestroyedBeforeItIsConnected) {
  TestCluster cluster;
  Connect(cluster.Config());
  Recorder recorder;
  OnStreamThread([&] {
    for (int i = 0; i < 20; ++i) {
      const auto stream = transport_->Open({.target = "/w"}, absl::Minutes(5), recorder);
    }
  });
  OnStreamThread([] {});
  EXPECT_EQ(recorder.ends(), 0);
  EXPECT_EQ(recorder.code(), 0);
}

TEST_F(StreamTest, TransportMayBeDestroyedBeforeItsStreams) {
  TestCluster cluster;
  Gate gate;
  // In each phase: with headers, without, not even connected.
  cluster.server.Expect("GET", "/a", Answer::Chunked().Chunk("x").Hold(gate).End());
  cluster.server.Expect("GET", "/b", Answer::Nothing().Hold(gate).Close());
  Connect(cluster.Config());
  Recorder a, b, c;
  Open("/a", a);
  ASSERT_TRUE(a.AwaitData(1));
  Open("/b", b);
  Open("/c", c);
  transport_->Post([] { FAIL() << "ran after its time"; }, absl::Hours(1));
  transport_.reset();
  streams_.clear();
  EXPECT_EQ(a.ends() + b.ends() + c.ends(), 0);
  gate.Open();
}

TEST_F(StreamTest, TransportMayBeDestroyedInTheMiddleOfEverything) {
  for (int round = 0; round < 20; ++round) {
    TestCluster cluster;
    Connect(cluster.Config());
    std::vector<std::unique_ptr<Recorder>> recorders;
    for (int i = 0; i < 10; ++i) {
      recorders.push_back(std::make_unique<Recorder>());
      const std::string target = "/" + std::to_string(i);
      cluster.server.Expect("GET", target,
                            Answer::Chunked().Chunk(std::string(100'000, 'x')).End());
      Open(target, *recorders.back());
    }
    if (round % 2 == 0) {
      ASSERT_TRUE(recorders[round % 10]->AwaitData(1));
    }
    transport_.reset();
    streams_.clear();
  }
}

TEST_F(StreamTest, TasksRunOnOneThreadInTheOrderOfTheirTime) {
  TestCluster cluster;
  Connect(cluster.Config());
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  Gate done;
  const auto note = [&](int n) {
    order.push_back(n);
    threads.push_back(std::this_thread::get_id());
    if (order.size() == 4) done.Open();
  };
  OnStreamThread([&] {
    transport_->Post([&] { note(3); }, absl::Milliseconds(60));
    transport_->Post([&] { note(2); }, absl::Milliseconds(10));
    transport_->Post([&] { note(1); });
    note(0);
  });
  ASSERT_TRUE(done.AwaitOpen());
  OnStreamThread([&] {
    EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(threads, ::testing::Each(std::this_thread::get_id()));
  });
}

}  // namespace
}  // namespace kr::kube
