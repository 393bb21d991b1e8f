// What Documents share: stored once, given back with the last of them.

#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "controller/document/plan.h"

namespace kr::document {
namespace {

using ::nlohmann::json;

json Pod(int i) {
  return {{"metadata",
           {{"name", "pod-" + std::to_string(i)},
            {"namespace", "default"},
            {"uid", "uid-of-pod-" + std::to_string(i)},
            {"resourceVersion", std::to_string(100'000 + i)},
            {"labels", {{"app", "web"}, {"team", "storefront"}}},
            {"ownerReferences", {{{"kind", "ReplicaSet"}, {"name", "web-7d9c"}}}}}},
          {"spec", {{"nodeName", "node-1"}, {"schedulerName", "default-scheduler"}}},
          {"status",
           {{"podIP", "10.0.0." + std::to_string(i % 250)},
            {"podIPs", {{{"ip", "10.0.1." + std::to_string(i % 250)}}}},
            {"startTime", "2026-01-02T03:04:05Z"},
            {"containerStatuses",
             {{{"name", "server"}, {"containerID", "containerd://" + std::to_string(i)}}}}}}};
}

bool Empty(const Decoder::PoolStats& stats) {
  return stats.interned_strings == 0 && stats.interned_bytes == 0 && stats.shapes == 0 &&
         stats.shared_nodes == 0;
}

TEST(PoolsTest, NeverPoolsWhatIsUniqueByNature) {
  Decoder decoder;
  std::vector<DocumentPtr> pods;
  const auto add = [&](int first, int count) {
    for (int i = first; i < first + count; ++i) pods.push_back(decoder.FromJson(Pod(i)));
    return decoder.pool_stats();
  };
  const Decoder::PoolStats first = add(0, 1);
  EXPECT_EQ(first.interned_strings, 7U);  // of namespace, node, scheduler, container, labels, owner
  const Decoder::PoolStats trial = add(1, static_cast<int>(SharingGain::kGlance));
  const Decoder::PoolStats all = add(1'000, 1'000);
  EXPECT_EQ(all.interned_strings, first.interned_strings);
  EXPECT_EQ(all.interned_bytes, first.interned_bytes);
  EXPECT_EQ(all.shapes, first.shapes);
  EXPECT_LT(all.shared_nodes, trial.shared_nodes + 250);  // podIPs come round, statuses do not
}

TEST(PoolsTest, LabelsAndOwnersAreStoredOnce) {
  Decoder decoder;
  std::vector<DocumentPtr> pods;
  for (int i = 0; i < 100; ++i) {
    json pod = {{"metadata", Pod(i)["metadata"]}};
    pods.push_back(decoder.FromJson(pod));
    EXPECT_EQ(pods.back()->ToJson(), pod);
  }
  EXPECT_EQ(decoder.pool_stats().shared_nodes, 3U);  // labels, the list of owners, the owner
  const size_t shared = pods.back()->bytes();
  json without = {{"metadata", Pod(99)["metadata"]}};
  without["metadata"].erase("labels");
  without["metadata"].erase("ownerReferences");
  EXPECT_EQ(shared - decoder.FromJson(without)->bytes(), 2 * 4U);  // a cell for each
}

TEST(PoolsTest, GivesBackWithTheLastDocument) {
  Decoder decoder;
  EXPECT_TRUE(Empty(decoder.pool_stats()));
  {
    const DocumentPtr a = decoder.FromJson(Pod(1));
    const Decoder::PoolStats one = decoder.pool_stats();
    {
      const DocumentPtr b = decoder.FromJson(Pod(1));
      EXPECT_EQ(decoder.pool_stats().shared_nodes, one.shared_nodes);
      json other = Pod(1);
      other["metadata"]["labels"]["app"] = "db";
      other["spec"]["hostNetwork"] = true;
      const DocumentPtr c = decoder.FromJson(other);
      EXPECT_EQ(decoder.pool_stats().shared_nodes, one.shared_nodes + 2);
      EXPECT_EQ(decoder.pool_stats().shapes, one.shapes + 1);
    }
    EXPECT_EQ(decoder.pool_stats().shared_nodes, one.shared_nodes);
    EXPECT_EQ(decoder.pool_stats().shapes, one.shapes);
    EXPECT_EQ(decoder.pool_stats().interned_strings, one.interned_strings);
    EXPECT_EQ(a->ToJson(), Pod(1));
  }
  EXPECT_TRUE(Empty(decoder.pool_stats()));
}

TEST(PoolsTest, IdsThatAreUsedAgainMeanTheNewThing) {
  Decoder decoder;
  for (int i = 0; i < 50; ++i) {
    json object = {{"metadata", {{"name", "a"}, {"labels", {{"round", std::to_string(i)}}}}}};
    object["spec"]["value"] = "value of round " + std::to_string(i);
    object["spec"]["key" + std::to_string(i)] = 1;
    const DocumentPtr document = decoder.FromJson(object);
    EXPECT_EQ(document->ToJson(), object);
  }
  EXPECT_TRUE(Empty(decoder.pool_stats()));
}

TEST(PoolsTest, DocumentsOutliveTheirDecoder) {
  std::optional<Decoder> decoder;
  decoder.emplace();
  const DocumentPtr pod = decoder->FromJson(Pod(1));
  decoder.reset();
  EXPECT_EQ(pod->ToJson(), Pod(1));
  EXPECT_EQ(pod->name(), "pod-1");
}

TEST(PoolsTest, DocumentsOfManyProjectionsLiveSideBySide) {
  Decoder decoder;
  std::vector<DocumentPtr> kept;
  for (int i = 0; i < 100; ++i) {
    const Path path = *Path::Parse(i % 2 == 0 ? "spec.nodeName" : "status");
    const Projection::Ptr projection = Projection::Of({&path, 1});
    DocumentPtr document = decoder.FromJson(Pod(i), projection);
    if (i % 7 == 0) kept.push_back(std::move(document));
  }
  for (const DocumentPtr& document : kept) {
    EXPECT_EQ(document->At("metadata.namespace").AsString(), "default");
  }
}

// Strings at a path where few values come twice are kept in the documents themselves.
TEST(PoolsTest, APathWithFewHitsStopsPooling) {
  const struct {
    const char* name;
    int values;  // distinct ones among the trial
    bool pools;
  } cases[] = {
      {"29 percent hits", HitRate::kTrial * 71 / 100, false},
      {"31 percent hits", HitRate::kTrial * 69 / 100, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Decoder decoder;
    std::vector<DocumentPtr> kept;
    const auto add = [&](const std::string& text) {
      kept.push_back(decoder.FromJson({{"metadata", {{"name", "a"}}}, {"reason", text}}));
    };
    for (uint32_t i = 0; i < HitRate::kTrial; ++i) {
      add("reason " + std::to_string(i % static_cast<uint32_t>(c.values)));
    }
    const size_t before = decoder.pool_stats().interned_strings;
    EXPECT_EQ(before, static_cast<size_t>(c.values));
    add("something new");
    EXPECT_EQ(decoder.pool_stats().interned_strings, before + (c.pools ? 1 : 0));
    EXPECT_EQ(kept.back()->At("reason").AsString(), "something new");
    // Documents from before and after compare by value.
    add("reason 1");
    EXPECT_TRUE(kept.back()->SameBody(*kept[1]));
  }
}

TEST(PoolsTest, OpenSetsOfKeysStayBounded) {
  Decoder decoder;
  std::vector<DocumentPtr> kept;
  for (int i = 0; i < 3'000; ++i) {
    const std::string n = std::to_string(i);
    const json object = {{"metadata", {{"name", n}}},
                         {"data", {{"key" + n, "v" + n}, {"map" + n, {{"in" + n, {1, n}}}}}}};
    kept.push_back(decoder.FromJson(object));
    ASSERT_EQ(kept.back()->ToJson(), object);
  }
  kept.clear();
  EXPECT_TRUE(Empty(decoder.pool_stats()));
}

}  // namespace
}  // namespace kr::document
