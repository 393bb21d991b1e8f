// Relations and stores over 150,000 pods: memory and time per change. Build in Release.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "controller/cache/relation.h"
#include "controller/cache/store.h"
#include "controller/document/decoder.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;

constexpr int kPods = 150'000;
constexpr int kNodes = 3'000;
constexpr int kOwners = 6'000;

class Nobody final : public StoreObserver {
 public:
  void OnChange(ObjectId, const DocumentPtr&, const DocumentPtr&) override {}
};

size_t HeapBytes() {
  return mallinfo2().uordblks;
}

// Pods and nodes in one table, made once.
struct Cluster {
  Cluster() {
    std::vector<document::Path> paths;
    for (const char* path : {"spec.nodeName", "status.phase", "metadata.ownerReferences[*].uid"}) {
      paths.push_back(*document::Path::Parse(path));
    }
    projection = document::Projection::Of(paths);
    for (int i = 0; i < kPods; ++i) pods.push_back(table.Add(Pod(i, i % kNodes, "Running")));
    for (int i = 0; i < kNodes; ++i) {
      nodes.push_back(
          table.Add(decoder.FromJson({{"metadata", {{"name", NodeName(i)}}}}, projection)));
    }
  }
  static std::string NodeName(int i) {
    return "ip-10-" + std::to_string(i / 250) + "-" + std::to_string(i % 250) +
           "-17.eu-central-1.compute.internal";
  }
  DocumentPtr Pod(int i, int node, const char* phase) {
    const std::string owner = "0f6e2a34-7b1c-4c55-9d0e-" + std::to_string(100000000 + i % kOwners);
    return decoder.FromJson(
        {{"metadata",
          {{"namespace", "team-" + std::to_string(i % 200)},
           {"name", "service-" + std::to_string(i % kOwners) + "-5d8f9-" + std::to_string(i)},
           {"uid", "9a1e2b34-7b1c-4c55-9d0e-" + std::to_string(100000000 + i)},
           {"resourceVersion", std::to_string(i)},
           {"ownerReferences", {{{"uid", owner}}}}}},
         {"spec", {{"nodeName", NodeName(node)}}},
         {"status", {{"phase", phase}}}},
        projection);
  }

  document::Decoder decoder;
  document::Projection::Ptr projection;
  ObjectTable table;
  std::vector<ObjectId> pods;
  std::vector<ObjectId> nodes;
};

Cluster& TheCluster() {
  static Cluster cluster;
  return cluster;
}

void ByNode(const document::Document& pod, KeySink& sink) {
  sink.Add(pod.root().Field("spec").Field("nodeName").StringOr(""));
}
void ByOwner(const document::Document& pod, KeySink& sink) {
  const document::Node owners = pod.root().Field("metadata").Field("ownerReferences");
  for (size_t i = 0; i < owners.size(); ++i) sink.Add(owners.At(i).Field("uid").StringOr(""));
}
void ByUid(const document::Document& object, KeySink& sink) {
  sink.Add(object.uid());
}
void ByName(const document::Document& object, KeySink& sink) {
  sink.Add(object.name());
}

void Fill(Relation& relation) {
  Cluster& cluster = TheCluster();
  for (const ObjectId id : cluster.nodes) {
    relation.ChangeTarget(id, nullptr, cluster.table.Get(id).get());
  }
  for (const ObjectId id : cluster.pods) {
    relation.ChangeRelated(id, nullptr, cluster.table.Get(id).get());
  }
  while (relation.Expand(1000, [](ObjectId) {}) > 0) {
  }
}

RelationSpec Spec(KeyFunction key) {
  return {.key = std::move(key), .equals = ByName};
}

// Time of building it, and what it costs per pod.
void BuildRelation(benchmark::State& state, const KeyFunction& key) {
  Cluster& cluster = TheCluster();
  for (auto _ : state) {
    const size_t before = HeapBytes();
    Relation relation(Spec(key), cluster.table);
    Fill(relation);
    state.counters["heap_MB"] = static_cast<double>(HeapBytes() - before) / 1e6;
    state.counters["says_MB"] = static_cast<double>(relation.bytes()) / 1e6;
  }
  state.SetItemsProcessed(state.iterations() * kPods);
}
BENCHMARK_CAPTURE(BuildRelation, by_node, ByNode)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BuildRelation, by_owner, ByOwner)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BuildRelation, by_uid_all_different, ByUid)->Unit(benchmark::kMillisecond);

// One pod changes and the node it is on comes out; or it moves and both come out.
void ChangePod(benchmark::State& state, bool moves) {
  Cluster& cluster = TheCluster();
  Relation relation(Spec(ByNode), cluster.table);
  Fill(relation);
  const DocumentPtr first = cluster.table.Get(cluster.pods[0]);
  const DocumentPtr second = cluster.Pod(0, moves ? 1 : 0, "Failed");
  bool forth = true;
  size_t woken = 0;
  for (auto _ : state) {
    const DocumentPtr& before = forth ? first : second;
    const DocumentPtr& after = forth ? second : first;
    relation.ChangeRelated(cluster.pods[0], before.get(), after.get());
    relation.Expand(1000, [&](ObjectId) { ++woken; });
    forth = !forth;
  }
  state.counters["woken_per_change"] =
      static_cast<double>(woken) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(ChangePod, same_node, false);
BENCHMARK_CAPTURE(ChangePod, other_node, true);

void LookupNode(benchmark::State& state) {
  Cluster& cluster = TheCluster();
  Relation relation(Spec(ByNode), cluster.table);
  Fill(relation);
  const DocumentPtr node = cluster.table.Get(cluster.nodes[7]);
  for (auto _ : state) benchmark::DoNotOptimize(relation.Lookup(*node));
}
BENCHMARK(LookupNode);

// Pods selected by services: each pod has a label that all have and one of its owner, and so has
// the selector of each of so many services (the nodes lend their names).
RelationSpec Services(int services) {
  return {.kind = JoinKind::kRelatedSelected,
          .same_namespace = false,
          .key =
              [](const document::Document& pod, KeySink& sink) {
                const document::Node owner = pod.At("metadata.ownerReferences").At(0);
                sink.SetLabels({{"env", "prod"}, {"owner", owner.Field("uid").StringOr("")}});
              },
          .equals =
              [services](const document::Document& node, KeySink& sink) {
                const size_t of =
                    std::hash<std::string_view>()(node.name()) % static_cast<size_t>(services);
                sink.AddSelector({.match_labels = {{"env", "prod"},
                                                   {"owner", "0f6e2a34-7b1c-4c55-9d0e-" +
                                                                 std::to_string(100000000 + of)}}});
              }};
}

void ChangeSelectedPod(benchmark::State& state) {
  Cluster& cluster = TheCluster();
  const size_t before_bytes = HeapBytes();
  Relation relation(Services(static_cast<int>(state.range(0))), cluster.table);
  Fill(relation);
  state.counters["heap_MB"] = static_cast<double>(HeapBytes() - before_bytes) / 1e6;
  state.counters["says_MB"] = static_cast<double>(relation.bytes()) / 1e6;
  const DocumentPtr first = cluster.table.Get(cluster.pods[0]);
  const DocumentPtr second = cluster.Pod(0, 0, "Failed");
  bool forth = true;
  for (auto _ : state) {
    relation.ChangeRelated(cluster.pods[0], (forth ? first : second).get(),
                           (forth ? second : first).get());
    relation.Expand(1000, [](ObjectId) {});
    forth = !forth;
  }
}
BENCHMARK(ChangeSelectedPod)->Arg(10)->Arg(1000)->Arg(6000);

void LookupService(benchmark::State& state) {
  Cluster& cluster = TheCluster();
  Relation relation(Services(6000), cluster.table);
  Fill(relation);
  const DocumentPtr service = cluster.table.Get(cluster.nodes[7]);
  for (auto _ : state) benchmark::DoNotOptimize(relation.Lookup(*service));
}
BENCHMARK(LookupService);

// What a store costs besides its documents, and an event that changes an object.
void StoreUpsert(benchmark::State& state) {
  Cluster& cluster = TheCluster();
  Nobody nobody;
  ObjectTable table;
  const size_t before = HeapBytes();
  Store store(table, nobody);
  for (const ObjectId id : cluster.pods) store.Upsert(cluster.table.Get(id));
  state.counters["bytes_per_pod"] = static_cast<double>(HeapBytes() - before) / kPods;
  const DocumentPtr first = cluster.table.Get(cluster.pods[0]);
  const DocumentPtr second = cluster.Pod(0, 0, "Failed");
  bool forth = true;
  for (auto _ : state) {
    store.Upsert(forth ? second : first);
    forth = !forth;
  }
}
BENCHMARK(StoreUpsert);

void StoreRelistOfTheSame(benchmark::State& state) {
  Cluster& cluster = TheCluster();
  Nobody nobody;
  ObjectTable table;
  Store store(table, nobody);
  for (auto _ : state) {
    store.BeginList();
    for (const ObjectId id : cluster.pods) store.Upsert(cluster.table.Get(id));
    store.EndList("1");
  }
  state.SetItemsProcessed(state.iterations() * kPods);
}
BENCHMARK(StoreRelistOfTheSame)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kr::cache
