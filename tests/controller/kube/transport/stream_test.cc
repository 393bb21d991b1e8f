// What a stream hands on, and when it ends.
#include "tests/controller/kube/transport/stream_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace kr::kube {
namespace {

using ::testing::_;
using testing::Answer;
using testing::Gate;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::ScriptedServer;
using testing::StatusIs;

TEST_F(StreamTest, PiecesAreHandedOnAsTheyCome) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.token = "secret";
  Connect(config);
  Gate first, second;
  cluster.server.Expect(
      "GET", "/w?watch=true",
      Answer::Chunked().Hold(first).Chunk("one\n").Hold(second).Chunk("two\n").End());
  Recorder recorder;
  Open("/w?watch=true", recorder);
  ASSERT_TRUE(recorder.AwaitHeaders());
  EXPECT_EQ(recorder.code(), 200);
  EXPECT_EQ(recorder.data(), "");
  first.Open();
  ASSERT_TRUE(recorder.AwaitData(4));
  EXPECT_EQ(recorder.data(), "one\n");
  second.Open();
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_EQ(recorder.data(), "one\ntwo\n");
  EXPECT_EQ(cluster.server.requests()[0].headers.at("authorization"), "Bearer secret");
}

TEST_F(StreamTest, RefusalsArriveWithTheirBody) {
  ScriptedServer server;
  Connect(PlainConfig(server));
  server.Expect("GET", "/w", Answer::Full(410, R"({"kind":"Status","code":410})"));
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_EQ(recorder.code(), 410);
  EXPECT_EQ(recorder.data(), R"({"kind":"Status","code":410})");
}

TEST_F(StreamTest, ARefusedTokenIsReadAgainForTheNextStream) {
  TestCluster cluster;
  testing::TempDir dir;
  ClusterConfig config = cluster.Config();
  config.token_file = dir.Write("token", "expired");
  Connect(config);
  for (const int code : {401, 200}) {
    cluster.server.Expect("GET", "/w", Answer::Full(code, "{}"));
    Recorder recorder;
    Open("/w", recorder);
    EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
    EXPECT_EQ(recorder.code(), code);
    dir.Write("token", "fresh");
  }
  EXPECT_EQ(cluster.server.requests()[0].headers.at("authorization"), "Bearer expired");
  EXPECT_EQ(cluster.server.requests()[1].headers.at("authorization"), "Bearer fresh");
}

TEST_F(StreamTest, WhatCutsAStreamIsUnavailable) {
  TestCluster cluster;
  Connect(cluster.Config());
  const struct {
    const char* name;
    Answer answer;
    const char* data;
  } cases[] = {
      {"closed before the answer", Answer::Nothing().Close(), ""},
      {"reset before the answer", Answer::Nothing().Reset(), ""},
      {"between chunks", Answer::Chunked().Chunk("12345").Close(), "12345"},
      {"in mid-chunk", Answer::Chunked().Raw("a\r\n12345").Close(), "12345"},
      {"in a chunk's size", Answer::Chunked().Chunk("12345").Raw("1").Close(), "12345"},
      {"before the very end", Answer::Chunked().Chunk("12345").Raw("0\r\n").Close(), "12345"},
      {"not chunks", Answer::Chunked().Raw("nonsense\r\n").Close(), ""},
      {"not HTTP", Answer::Nothing().Raw("SSH-2.0\r\n\r\n").Close(), ""},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    cluster.server.Expect("GET", "/w", tc.answer);
    Recorder recorder;
    Open("/w", recorder);
    const std::optional<Status> end = recorder.AwaitEnd();
    ASSERT_TRUE(end);
    EXPECT_THAT(*end, StatusIs(absl::StatusCode::kUnavailable, _));
    EXPECT_EQ(recorder.data(), tc.data);
  }
}

TEST_F(StreamTest, ResetKeepsWhatHadArrived) {
  TestCluster cluster;
  Connect(cluster.Config());
  Gate gate;
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("12345").Hold(gate).Reset());
  Recorder recorder;
  Open("/w", recorder);
  ASSERT_TRUE(recorder.AwaitData(5));
  gate.Open();
  EXPECT_THAT(*recorder.AwaitEnd(), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(StreamTest, SilenceAfterTheHeadersIsHealthy) {
  TestCluster cluster;
  Connect(cluster.Config());
  Gate gate;
  cluster.server.Expect("GET", "/w", Answer::Chunked().Hold(gate).Chunk("late").End());
  Recorder recorder;
  // Long enough for a handshake on a busy machine.
  const absl::Duration headers_timeout = absl::Seconds(2);
  Open("/w", recorder, absl::Minutes(5), headers_timeout);
  ASSERT_TRUE(recorder.AwaitHeaders());
  // The headers' timeout passes, as another stream with the same timeout shows.
  Gate never;
  cluster.server.Expect("GET", "/other", Answer::Nothing().Hold(never).Close());
  Recorder other;
  Open("/other", other, absl::Minutes(5), headers_timeout);
  EXPECT_THAT(*other.AwaitEnd(),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("answer")));
  EXPECT_EQ(recorder.ends(), 0);
  gate.Open();
  never.Open();
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_EQ(recorder.data(), "late");
}

TEST_F(StreamTest, HardStopEndsAStreamThatSpeaks) {
  TestCluster cluster;
  Connect(cluster.Config());
  Gate gate;
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("begin").Hold(gate).End());
  Recorder recorder;
  Open("/w", recorder, absl::Seconds(2));
  EXPECT_THAT(*recorder.AwaitEnd(),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("time is over")));
  EXPECT_EQ(recorder.data(), "begin");
  gate.Open();
}

TEST_F(StreamTest, NobodyListens) {
  ClusterConfig config;
  {
    TestCluster cluster;
    config = cluster.Config();
  }
  Connect(config);
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("connecting to 127.0.0.1:")));
}

TEST_F(StreamTest, NamesAreResolvedAndTriedInTurn) {
  // localhost may be ::1 first, where nobody listens.
  TestCluster cluster({"DNS:localhost"});
  ClusterConfig config = cluster.Config();
  config.server.host = "localhost";
  Connect(config);
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk("x").End());
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());

  config.server.host = "no-such-host.invalid";
  Connect(config);
  Recorder lost;
  Open("/w", lost);
  EXPECT_THAT(*lost.AwaitEnd(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("resolving")));
}

TEST_F(StreamTest, ImpostorIsRefused) {
  TestCluster cluster({"IP:127.0.0.2"});
  Connect(cluster.Config());
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("IP address mismatch")));
  EXPECT_TRUE(cluster.server.requests().empty());
}

TEST_F(StreamTest, UnusableCredentialsEndIt) {
  TestCluster cluster;
  ClusterConfig config = cluster.Config();
  config.token_file = "/nowhere/token";
  Connect(config);
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nowhere/token")));
  EXPECT_EQ(cluster.server.connections(), 0);
}

TEST_F(StreamTest, LongBodiesComeInShortPieces) {
  TestCluster cluster;
  Connect(cluster.Config());
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  cluster.server.Expect("GET", "/w", Answer::Chunked().Chunk(body).End());
  Recorder recorder;
  Open("/w", recorder);
  EXPECT_THAT(*recorder.AwaitEnd(), IsOk());
  EXPECT_TRUE(recorder.data() == body);
  EXPECT_LE(recorder.longest(), 32u * 1024);
}

TEST_F(StreamTest, ManyStreamsShareTheThread) {
  TestCluster cluster;
  Connect(cluster.Config());
  constexpr int kStreams = 40;
  std::vector<std::unique_ptr<Gate>> gates;
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (int i = 0; i < kStreams; ++i) {
    gates.push_back(std::make_unique<Gate>());
    recorders.push_back(std::make_unique<Recorder>());
    const std::string target = "/" + std::to_string(i);
    cluster.server.Expect("GET", target, Answer::Chunked().Hold(*gates[i]).Chunk(target).End());
    Open(target, *recorders[i]);
  }
  for (const auto& recorder : recorders) ASSERT_TRUE(recorder->AwaitHeaders());
  EXPECT_EQ(cluster.server.connections(), kStreams);
  for (int i = kStreams - 1; i >= 0; --i) {
    gates[i]->Open();
    EXPECT_THAT(*recorders[i]->AwaitEnd(), IsOk());
    EXPECT_EQ(recorders[i]->data(), "/" + std::to_string(i));
  }
}

}  // namespace
}  // namespace kr::kube
