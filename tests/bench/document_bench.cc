// What a watch costs until its objects lie in the cache: decoding, projecting and storing, in time
// and in bytes per pod, for uniform and realistic pods.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "controller/document/decoder.h"
#include "tests/bench/data/cluster_data.h"

namespace kr::bench {
namespace {

using document::Decoder;
using document::DocumentPtr;
using document::Projection;

constexpr int kPods = 30'000;

// What a set of pod policies reads: all labels, owners, conditions, container statuses and more.
Projection::Ptr PodPolicies() {
  static const Projection::Ptr projection = [] {
    std::vector<document::Path> paths;
    for (const char* text : {"metadata.labels",
                             "metadata.ownerReferences",
                             "metadata.creationTimestamp",
                             "metadata.deletionTimestamp",
                             "metadata.deletionGracePeriodSeconds",
                             "metadata.finalizers?",
                             "metadata.annotations['kubernetes.io/config.mirror']?",
                             "metadata.annotations['kube-remedy.io/exclude']",
                             "metadata.generation",
                             "spec.nodeName",
                             "spec.priority",
                             "spec.priorityClassName",
                             "spec.schedulerName",
                             "spec.restartPolicy",
                             "spec.serviceAccountName",
                             "spec.terminationGracePeriodSeconds",
                             "spec.hostNetwork",
                             "spec.tolerations",
                             "spec.containers[*].name",
                             "spec.containers[*].image",
                             "spec.containers[*].resources",
                             "spec.containers[*].livenessProbe?",
                             "spec.initContainers[*].name",
                             "spec.volumes[*].persistentVolumeClaim.claimName",
                             "spec.volumes[*].emptyDir?",
                             "status.phase",
                             "status.reason",
                             "status.message",
                             "status.startTime",
                             "status.podIP",
                             "status.qosClass",
                             "status.conditions",
                             "status.containerStatuses",
                             "status.initContainerStatuses",
                             "status.nominatedNodeName"}) {
      paths.push_back(*document::Path::Parse(text));
    }
    return Projection::Of(paths);
  }();
  return projection;
}

// Watch lines in one buffer, each followed by a newline and the last one by padding, as a stream
// delivers them.
struct Lines {
  std::string text;
  std::vector<std::string_view> lines;
};

const Lines& PodLines(DataSet set) {
  static absl::flat_hash_map<DataSet, std::unique_ptr<Lines>> cache;
  std::unique_ptr<Lines>& entry = cache[set];
  if (entry) return *entry;
  entry = std::make_unique<Lines>();
  const ClusterData data({.set = set, .pods = kPods});
  std::vector<size_t> ends;
  for (int i = 0; i < kPods; ++i) {
    entry->text += WatchLine(data.ServedPod(i)) + "\n";
    ends.push_back(entry->text.size() - 1);
  }
  entry->text.append(Decoder::kPadding, ' ');
  size_t begin = 0;
  for (const size_t end : ends) {
    entry->lines.push_back(std::string_view(entry->text).substr(begin, end - begin));
    begin = end + 1;
  }
  return *entry;
}

// A cache in miniature: objects by name, and two indexes.
class Store {
 public:
  void Add(DocumentPtr pod) {
    const auto id = static_cast<uint32_t>(pods_.size());
    if (const document::Node node = pod->At("spec.nodeName"); node.is_string()) {
      by_node_[node.AsString()].push_back(id);
    }
    if (const document::Node owners = pod->At("metadata.ownerReferences"); owners.size() > 0) {
      by_owner_[owners.At(0).Field("uid").StringOr("")].push_back(id);
    }
    pods_.push_back(std::move(pod));
    by_name_.insert(id);
  }

 private:
  struct ByName {
    using is_transparent = void;
    const std::vector<DocumentPtr>* pods;
    size_t operator()(uint32_t id) const {
      const document::Document& pod = *(*pods)[id];
      return absl::HashOf(pod.name_space(), pod.name());
    }
    bool operator()(uint32_t a, uint32_t b) const {
      const document::Document& x = *(*pods)[a];
      const document::Document& y = *(*pods)[b];
      return x.name() == y.name() && x.name_space() == y.name_space();
    }
  };

  std::vector<DocumentPtr> pods_;
  absl::flat_hash_set<uint32_t, ByName, ByName> by_name_{0, ByName{&pods_}, ByName{&pods_}};
  absl::flat_hash_map<std::string, std::vector<uint32_t>> by_node_;
  absl::flat_hash_map<std::string, std::vector<uint32_t>> by_owner_;
};

// All memory that malloc has given out, with its own headers.
size_t Allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Decoded pods and what they are kept in.
struct Cache {
  Decoder decoder;
  Store store;
  size_t document_bytes = 0;

  bool Fill(const Lines& pods) {
    const Projection::Ptr projection = PodPolicies();
    for (const std::string_view line : pods.lines) {
      auto event = decoder.DecodeEvent(line, projection, true);
      if (!event.ok()) return false;
      document_bytes += event->object->bytes();
      store.Add(std::move(event->object));
    }
    return true;
  }
};

void DecodeProjectStore(benchmark::State& state) {
  const Lines& pods = PodLines(static_cast<DataSet>(state.range(0)));
  double bytes = 0;
  double document_bytes = 0;
  for (auto _ : state) {
    const size_t before = Allocated();
    auto cache = std::make_unique<Cache>();
    if (!cache->Fill(pods)) {
      state.SkipWithError("a line could not be decoded");
      return;
    }
    state.PauseTiming();
    bytes = static_cast<double>(Allocated() - before) / kPods;
    document_bytes = static_cast<double>(cache->document_bytes) / kPods;
    cache.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(pods.text.size()));
  state.SetItemsProcessed(state.iterations() * kPods);
  state.counters["line_bytes"] = static_cast<double>(pods.text.size()) / kPods;
  state.counters["bytes_per_pod"] = bytes;  // all: documents, pools, store, two indexes, decoder
  state.counters["document_bytes"] = document_bytes;  // of it the documents' own blocks
}
BENCHMARK(DecodeProjectStore)
    ->ArgName("realistic")
    ->Arg(static_cast<int>(DataSet::kUniform))
    ->Arg(static_cast<int>(DataSet::kRealistic))
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);

DocumentPtr OnePod(Decoder& decoder) {
  return *decoder.DecodeObject(ClusterData({}).ServedPod(1).dump(), PodPolicies());
}

void ReadLabel(benchmark::State& state) {
  Decoder decoder;
  const DocumentPtr pod = OnePod(decoder);
  std::string scratch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        pod->root().Field("metadata").Field("labels").Field("tier").AsString(scratch));
  }
}
BENCHMARK(ReadLabel);

// As the symptom of most policies: is a condition with that type and status there?
void FindCondition(benchmark::State& state) {
  Decoder decoder;
  const DocumentPtr pod = OnePod(decoder);
  std::string scratch;
  for (auto _ : state) {
    const document::Node conditions = pod->root().Field("status").Field("conditions");
    bool found = false;
    for (size_t i = 0; i < conditions.size(); ++i) {
      const document::Node condition = conditions.At(i);
      found = found || (condition.Field("type").AsString(scratch) == "PodScheduled" &&
                        condition.Field("status").AsString(scratch) == "True");
    }
    benchmark::DoNotOptimize(found);
  }
}
BENCHMARK(FindCondition);

// A change of nothing but resourceVersion, as a re-list or a heartbeat brings it.
void CompareEqualBodies(benchmark::State& state) {
  Decoder decoder;
  const DocumentPtr a = OnePod(decoder);
  const DocumentPtr b = OnePod(decoder);
  for (auto _ : state) benchmark::DoNotOptimize(a->SameBody(*b));
}
BENCHMARK(CompareEqualBodies);

}  // namespace
}  // namespace kr::bench
