// An object of 3 MiB, as etcd allows with a little help, through everything that it passes: bytes,
// lines, parser, store. What it needed on the way is given back.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "tests/controller/cache/component/live_informer.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using nlohmann::json;
using testing::Answer;
using testing::Gate;

constexpr size_t kHuge = size_t{3} << 20;
// More than any line, page or parser that is kept, less than what one huge object leaves behind
// anywhere.
constexpr size_t kSmall = size_t{700} << 10;

json Pod(const std::string& name, int version, size_t ballast = 0) {
  json pod = {{"metadata",
               {{"namespace", "ns"},
                {"name", name},
                {"uid", "uid-" + name},
                {"resourceVersion", std::to_string(version)},
                {"labels", {{"app", "a"}, {"version", std::to_string(version)}}}}}};
  // Many small values and one that is large: the parser's tape grows with the one, its strings with
  // the other.
  json& data = pod["spec"]["ballast"] = json::array();
  while (data.size() * 16 < ballast / 2) data.push_back("value-" + std::to_string(data.size()));
  if (ballast > 0) pod["spec"]["text"] = std::string(ballast - pod.dump().size(), 'x');
  return pod;
}

std::string Line(const char* type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

std::string EndOfList(int version) {
  return Line("BOOKMARK", {{"metadata",
                            {{"resourceVersion", std::to_string(version)},
                             {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}});
}

std::string List(int version, const std::vector<json>& items, const std::string& next = "") {
  return json{{"kind", "PodList"},
              {"metadata", {{"resourceVersion", std::to_string(version)}, {"continue", next}}},
              {"items", items}}
      .dump();
}

// Bytes that this process holds, of all its threads; what was freed does not count.
size_t InUse() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

class HugeObject : public ::testing::Test {
 protected:
  document::DocumentPtr Find(const std::string& name) const {
    return informer_.store().Find("ns", name);
  }
  std::string LabelOf(const std::string& name) const {
    const document::DocumentPtr pod = Find(name);
    return pod ? std::string(pod->At("metadata.labels.version").StringOr("")) : "absent";
  }
  void ExpectKeptSmall(const std::string& name) const {
    const document::DocumentPtr pod = Find(name);
    ASSERT_TRUE(pod);
    EXPECT_LT(pod->bytes(), 1024u);
    EXPECT_EQ(pod->At("spec").kind(), document::Kind::kUnprojected);
    EXPECT_LE(informer_.decoder().ready_for(), kSmall);
  }

  LiveInformer informer_{testing::ProjectionOf({"metadata.labels"})};
};

TEST_F(HugeObject, InAWatchIsKeptSmallAndLeavesNothingBehind) {
  Gate huge, after, end;
  informer_.ExpectWatch("",
                        Answer::Chunked()
                            .Chunk(Line("ADDED", Pod("p", 1)) + EndOfList(5))
                            .Hold(huge)
                            .Chunk(Line("MODIFIED", Pod("p", 6, kHuge)))
                            .Hold(after)
                            .Chunk(Line("MODIFIED", Pod("p", 7)) + Line("ADDED", Pod("q", 8)))
                            .Hold(end),
                        /*with_list=*/true);
  informer_.Start();
  ASSERT_TRUE(informer_.AwaitVersion("5"));
  ASSERT_TRUE(huge.AwaitReached());
  // The script holds the huge object, before and after.
  const size_t before = InUse();

  huge.Open();
  ASSERT_TRUE(informer_.AwaitVersion("6"));
  EXPECT_GT(informer_.reflector().counters().bytes, kHuge);
  EXPECT_EQ(LabelOf("p"), "6");
  ExpectKeptSmall("p");
  EXPECT_LT(InUse(), before + kSmall);

  after.Open();
  ASSERT_TRUE(informer_.AwaitVersion("8"));
  EXPECT_EQ(LabelOf("p"), "7");
  EXPECT_EQ(LabelOf("q"), "8");
  EXPECT_EQ(informer_.reflector().counters().watches, 1u) << "it went on on the same stream";
  EXPECT_EQ(informer_.reflector().counters().problems, 0u);
  end.Open();
}

TEST_F(HugeObject, InAStreamingListIsKeptSmall) {
  Gate list, end;
  informer_.ExpectWatch("",
                        Answer::Chunked()
                            .Hold(list)
                            .Chunk(Line("ADDED", Pod("p", 1)))
                            .Chunk(Line("ADDED", Pod("huge", 2, kHuge)))
                            .Chunk(Line("ADDED", Pod("q", 3)) + EndOfList(5))
                            .Chunk(Line("MODIFIED", Pod("q", 6)))
                            .Hold(end),
                        /*with_list=*/true);
  informer_.Start();
  ASSERT_TRUE(list.AwaitReached());
  const size_t before = InUse();
  list.Open();
  ASSERT_TRUE(informer_.AwaitVersion("6"));
  EXPECT_TRUE(informer_.store().synced());
  EXPECT_EQ(informer_.store().size(), 3u);
  EXPECT_EQ(LabelOf("q"), "6");
  ExpectKeptSmall("huge");
  EXPECT_LT(InUse(), before + kSmall);
  EXPECT_EQ(informer_.reflector().counters().problems, 0u);
  end.Open();
}

TEST_F(HugeObject, InAPagedListIsKeptSmall) {
  Gate page, watch;
  informer_.ExpectWatch("", Answer::Full(422, R"({"kind":"Status","code":422,"reason":"Invalid"})"),
                        /*with_list=*/true);
  informer_.ExpectList({.limit = 500}, Answer::Full(200, List(5, {Pod("p", 1)}, "next")));
  const std::string last = List(5, {Pod("huge", 2, kHuge), Pod("q", 3)});
  informer_.ExpectList({.limit = 500, .continue_token = "next"},
                       Answer::Nothing()
                           .Hold(page)
                           .Raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                "Content-Length: " +
                                std::to_string(last.size()) + "\r\n\r\n")
                           .Raw(last));
  informer_.ExpectWatch("5", Answer::Chunked().Chunk(Line("MODIFIED", Pod("huge", 6))).Hold(watch));
  informer_.Start();
  ASSERT_TRUE(informer_.Await([&] { return informer_.store().size() == 1; }));
  ASSERT_TRUE(page.AwaitReached());
  const size_t before = InUse();
  page.Open();
  ASSERT_TRUE(informer_.AwaitVersion("5"));
  EXPECT_EQ(informer_.store().size(), 3u);
  EXPECT_EQ(LabelOf("huge"), "2");
  ExpectKeptSmall("huge");
  EXPECT_LT(InUse(), before + kSmall);

  ASSERT_TRUE(informer_.AwaitVersion("6"));
  EXPECT_EQ(LabelOf("huge"), "6");
  watch.Open();
}

// What the projection keeps of it may itself be large: then it is held, once, and no longer than
// the object.
TEST(HugeKeptObject, IsHeldUntilItIsReplaced) {
  if (InUse() == 0) GTEST_SKIP() << "the allocators of sanitizers do not say what is in use";
  LiveInformer informer(document::Projection::Everything());
  Gate huge, small, end;
  informer.ExpectWatch("",
                       Answer::Chunked()
                           .Chunk(EndOfList(5))
                           .Hold(huge)
                           .Chunk(Line("ADDED", Pod("p", 6, kHuge)))
                           .Hold(small)
                           .Chunk(Line("MODIFIED", Pod("p", 7)))
                           .Hold(end),
                       /*with_list=*/true);
  informer.Start();
  ASSERT_TRUE(informer.AwaitVersion("5"));
  ASSERT_TRUE(huge.AwaitReached());
  const size_t before = InUse();
  huge.Open();
  ASSERT_TRUE(informer.AwaitVersion("6"));
  EXPECT_GT(InUse(), before + kHuge / 2);
  EXPECT_LT(InUse(), before + 2 * kHuge);
  small.Open();
  ASSERT_TRUE(informer.AwaitVersion("7"));
  EXPECT_LT(InUse(), before + kSmall);
  end.Open();
}

}  // namespace
}  // namespace kr::cache
