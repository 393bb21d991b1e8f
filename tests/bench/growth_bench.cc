// What one change of a node costs, from the bytes of its watch to the verdicts: it must not grow
// with the number of nodes, nor with that of policies that it does not concern. Build in Release.
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "controller/cache/flow_control.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "reconcilers/policy/policies.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/policy/watches.h"
#include "tests/bench/data/cluster_data.h"
#include "tests/reconcilers/policy/policy_world.h"
#include "tests/support/documents.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_stream_transport.h"

namespace kr::policy {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using testing::FakeStreamTransport;

constexpr int kBatch = 500;

// The policies of the bench that read nodes.
std::vector<json> NodePolicies() {
  std::ifstream file(std::string(KR_SOURCE_DIR) + "/tests/bench/policies/nodes.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  StatusOr<std::vector<json>> policies = cmd::ParseManifest(text);
  return policies.ok() ? *std::move(policies) : std::vector<json>();
}

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

// Everything between the watch of the nodes and the verdicts about them. The nodes' stream is
// played line by line; nobody acts.
class Cluster final : public WatchListener, public SymptomListener {
 public:
  Cluster(int nodes, int unconcerned)
      : data_({.nodes = nodes}), engine_(clock_), inbox_(engine_), flow_(inbox_, transport_) {
    discovery_.kinds["/api/v1"] = {{"nodes", "Node"}, {"configmaps", "ConfigMap"}};
    watches_ = std::make_unique<Watches>(
        Watches::Options{}, engine_, discovery_,
        cache::WatchContext{transport_, flow_, clock_, random_, decoder_}, *this);
    symptoms_ = std::make_unique<Symptoms>(engine_, *watches_, *this);
    std::vector<json> specs = NodePolicies();
    for (int i = 0; i < unconcerned; ++i) specs.push_back(Unconcerned(i));
    for (json& spec : specs) {
      spec["metadata"]["uid"] = spec["metadata"]["name"];
      spec["metadata"]["generation"] = 1;
      policies_.Upsert(*testing::Doc(spec));
    }
    watches_->Serve(policies_.Compiled());
    symptoms_->SetPolicies(policies_.Compiled());
    for (int i = 0; i < 20; ++i) {
      Run();
      clock_.Advance(absl::Milliseconds(100));
    }
  }

  // Lines of a watch: `pressure` changes what policies read, otherwise it is a mere heartbeat.
  std::vector<std::string> Changes(bool pressure) {
    std::vector<std::string> lines;
    for (int i = 0; i < kBatch; ++i) {
      const int index = next_++ % data_.options().nodes;
      ordered_json node = data_.ServedNode(index);
      node["metadata"]["resourceVersion"] = std::to_string(++version_);
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

  void Play(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) transport_.Data(*nodes_, line);
    Run();
  }

  uint64_t evaluations() const { return symptoms_->evaluations(); }

 private:
  void Run() {
    bool busy = true;
    while (busy) {
      busy = transport_.RunDue();
      for (; served_ < transport_.opened(); ++served_) Serve(transport_.stream(served_));
      busy = engine_.RunUntilIdle() > 0 || busy;
    }
  }

  void Serve(FakeStreamTransport::Opened& stream) {
    transport_.Headers(stream, 200);
    if (stream.request.target.find("/nodes") != std::string::npos) {
      nodes_ = &stream;
      for (int i = 0; i < data_.options().nodes; ++i) {
        transport_.Data(stream, bench::WatchLine(data_.ServedNode(i)) + "\n");
        if (i % 1000 == 999) engine_.RunUntilIdle();
      }
    }
    const json bookmark = {{"type", "BOOKMARK"},
                           {"object",
                            {{"metadata",
                              {{"resourceVersion", std::to_string(version_)},
                               {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}}}};
    transport_.Data(stream, bookmark.dump() + "\n");
  }

  // WatchListener.
  void OnOwnObject(const kube::Resource&, const document::DocumentPtr&,
                   const document::DocumentPtr&) override {}
  void OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                bool is) override {
    symptoms_->OnTarget(policy, object, was, is);
  }
  void OnSurroundings(const CompiledPolicy& policy, const document::Document& target) override {
    symptoms_->OnSurroundings(policy, target);
  }
  void OnParams() override {}
  void OnRebound() override { symptoms_->OnRebound(); }
  // SymptomListener.
  void OnReading(const PolicyTargets&, const kube::ObjectKey&, const Sick*) override {}
  void OnTargetGone(const PolicyTargets&, const kube::ObjectKey&) override {}
  void OnSettled(const PolicyTargets&) override {}
  bool Watching(const CompiledPolicy&, const kube::ObjectKey&) const override { return false; }
  absl::Time EventsSince(const CompiledPolicy&, const kube::ObjectKey&) const override {
    return absl::InfinitePast();
  }

  bench::ClusterData data_;
  testing::FakeClock clock_;
  SeededRandom random_{7};
  FakeStreamTransport transport_{clock_};
  runtime::Engine engine_;
  runtime::EngineInbox inbox_;
  cache::FlowControl flow_;
  document::Decoder decoder_;
  FakeDiscovery discovery_{engine_};
  Policies policies_;
  std::unique_ptr<Watches> watches_;
  std::unique_ptr<Symptoms> symptoms_;
  FakeStreamTransport::Opened* nodes_ = nullptr;
  size_t served_ = 0;
  int next_ = 0;
  uint64_t version_ = 1'000'000'000;
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
    cluster.Play(lines);
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
