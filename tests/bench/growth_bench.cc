// What one change of a node costs, from the bytes of its watch to the verdicts: it must not grow
// with the number of nodes, nor with that of policies that it does not concern. Build in Release.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "tests/bench/data/cluster_data.h"
#include "tests/bench/played_cluster.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kBatch = 500;

// None of them concerns the nodes of the data: other labels, other names, other kinds.
json Unconcerned(int index) {
  const std::string name = "unconcerned-" + std::to_string(index);
  json target = {{"apiVersion", "v1"}, {"kind", "Node"}};
  if (index % 4 == 0) {
    target["selector"] = {{"matchLabels", {{"pool", name}}}};
  } else if (index % 4 == 1) {
    target["names"] = {name};
  } else if (index % 4 == 2) {
    target["selector"] = {
        {"matchExpressions",
         {{{"key", "pool"}, {"operator", "In"}, {"values", {name, name + "b"}}}}}};
  } else {
    target = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"names", {name}}};
  }
  return {{"apiVersion", "kube-remedy.io/v1alpha1"},
          {"kind", "RemediationPolicy"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"target", target},
            {"triggers",
             {{{"name", "t"}, {"match", {{{"name", "m"}, {"expression", "target.name == ''"}}}}}}},
            {"remedies", {{{"name", "tell"}, {"steps", {{{"notify", json::object()}}}}}}}}}};
}

class Cluster final : public PlayedCluster {
 public:
  Cluster(int nodes, int unconcerned) : data_({.nodes = nodes}) {
    std::vector<json> policies = PoliciesOf("tests/bench/policies/nodes.yaml");
    for (int i = 0; i < unconcerned; ++i) policies.push_back(Unconcerned(i));
    Load(std::move(policies));
  }

  // Lines of a watch: `pressure` changes what policies read, otherwise it is a mere heartbeat.
  std::vector<std::string> Changes(bool pressure) {
    std::vector<std::string> lines;
    for (int i = 0; i < kBatch; ++i) {
      const int index = next_++ % data_.options().nodes;
      ordered_json node = data_.ServedNode(index);
      node["metadata"]["resourceVersion"] = NextVersion();
      if (pressure) {
        bool& pressed = pressed_[index];
        pressed = !pressed;
        for (ordered_json& condition : node["status"]["conditions"]) {
          if (condition["type"] == "DiskPressure") condition["status"] = pressed ? "True" : "False";
        }
      }
      lines.push_back(bench::WatchLine(node, "MODIFIED") + "\n");
    }
    return lines;
  }

  void PlayAll(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) Play(*nodes_, line);
    Run();
  }

 private:
  void List(Stream& stream) override {
    if (stream.request.target.find("/nodes") == std::string::npos) return;
    nodes_ = &stream;
    ListAll(stream, data_.options().nodes, [this](int i) { return data_.ServedNode(i); });
  }

  bench::ClusterData data_;
  Stream* nodes_ = nullptr;
  int next_ = 0;
  std::map<int, bool> pressed_;
};

// Making a cluster takes longer than measuring it.
Cluster& ClusterOf(int nodes, int unconcerned) {
  static std::map<std::pair<int, int>, std::unique_ptr<Cluster>> clusters;
  std::unique_ptr<Cluster>& cluster = clusters[{nodes, unconcerned}];
  if (!cluster) cluster = std::make_unique<Cluster>(nodes, unconcerned);
  return *cluster;
}

// Arguments: nodes, policies that are not concerned, whether something changes that is read.
void ChangeOfANode(benchmark::State& state) {
  Cluster& cluster = ClusterOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const uint64_t before = cluster.evaluations();
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<std::string> lines = cluster.Changes(state.range(2) != 0);
    state.ResumeTiming();
    cluster.PlayAll(lines);
  }
  const auto events = static_cast<double>(state.iterations()) * kBatch;
  state.counters["time/event"] =
      benchmark::Counter(events, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["evaluations/event"] =
      static_cast<double>(cluster.evaluations() - before) / events;
}
BENCHMARK(ChangeOfANode)
    ->ArgNames({"nodes", "unconcerned", "pressure"})
    ->ArgsProduct({{1'000}, {10, 1'000}, {0, 1}})
    ->ArgsProduct({{1'000, 10'000, 50'000}, {10}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kr::policy
