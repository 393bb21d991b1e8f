// What the reboot of all nodes at once costs the shipped policy that joins nodes with pods, their
// siblings elsewhere and Events of both (R44): per line of a watch, verdicts included. It must not
// grow with the number of nodes. Build in Release.
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "tests/bench/played_cluster.h"

namespace kr::policy {
namespace {

using nlohmann::ordered_json;

constexpr int kPodsPerNode = 30;

// Nodes with pods of owners that have so many replicas, spread over the nodes.
class Cluster final : public PlayedCluster {
 public:
  Cluster(int nodes, int replicas) : nodes_(nodes), replicas_(replicas) {
    Load(PoliciesOf("config/policies/node/pod-restart-node-overload.yaml"));
  }

  // Every pod restarts: not ready, an Event about it, ready again.
  using Lines = std::vector<std::pair<Stream*, std::string>>;
  Lines Reboot() {
    Lines lines;
    ++restarts_;
    for (const bool ready : {false, true}) {
      for (int pod = 0; pod < pods(); ++pod) {
        lines.emplace_back(pods_, bench::WatchLine(Pod(pod, ready), "MODIFIED") + "\n");
        if (!ready) lines.emplace_back(events_, bench::WatchLine(Unhealthy(pod), "ADDED") + "\n");
      }
    }
    return lines;
  }

  void PlayAll(const Lines& lines) {
    int played = 0;
    for (const auto& [stream, line] : lines) {
      Play(*stream, line);
      // 10,000 lines in a second.
      if (++played % 100 == 0) Pass(absl::Milliseconds(10), absl::Milliseconds(10));
    }
    Pass(absl::Seconds(10), absl::Milliseconds(100));
  }

  int pods() const { return nodes_ * kPodsPerNode; }

 private:
  std::string NameOf(int pod) const {
    return "service-" + std::to_string(pod / replicas_) + "-" + std::to_string(pod);
  }

  ordered_json Node(int node) {
    return {
        {"metadata", {{"name", "n" + std::to_string(node)}, {"resourceVersion", NextVersion()}}},
        {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
  }
  // The pods of an owner are on nodes that follow each other.
  ordered_json Pod(int pod, bool ready) {
    const std::string owner = "owner-" + std::to_string(pod / replicas_);
    return {{"metadata",
             {{"namespace", "shop"},
              {"name", NameOf(pod)},
              {"uid", NameOf(pod) + "-uid"},
              {"resourceVersion", NextVersion()},
              {"ownerReferences",
               {{{"apiVersion", "apps/v1"},
                 {"kind", "ReplicaSet"},
                 {"name", owner},
                 {"uid", owner},
                 {"controller", true}}}}}},
            {"spec", {{"nodeName", "n" + std::to_string(pod % nodes_)}}},
            {"status",
             {{"phase", "Running"},
              {"containerStatuses",
               {{{"name", "main"}, {"restartCount", restarts_}, {"ready", ready}}}}}}};
  }
  ordered_json Unhealthy(int pod) {
    const std::string number = std::to_string(++event_);
    const std::string now =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
    return {{"metadata",
             {{"namespace", "shop"},
              {"name", NameOf(pod) + "." + number},
              {"uid", "event-" + number},
              {"resourceVersion", NextVersion()}}},
            {"involvedObject",
             {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"namespace", "shop"},
              {"name", NameOf(pod)},
              {"uid", NameOf(pod) + "-uid"}}},
            {"type", "Warning"},
            {"reason", "Unhealthy"},
            {"message", "Liveness probe failed: timeout"},
            {"firstTimestamp", now},
            {"lastTimestamp", now},
            {"count", 1}};
  }

  void List(Stream& stream) override {
    const std::string& target = stream.request.target;
    if (target.find("/nodes") != std::string::npos) {
      ListAll(stream, nodes_, [this](int i) { return Node(i); });
    } else if (target.find("/pods") != std::string::npos) {
      pods_ = &stream;
      ListAll(stream, pods(), [this](int i) { return Pod(i, true); });
    } else if (target.find("/events") != std::string::npos) {
      events_ = &stream;
    }
  }

  const int nodes_, replicas_;
  Stream* pods_ = nullptr;
  Stream* events_ = nullptr;
  int restarts_ = 0;
  int event_ = 0;
};

// Arguments: nodes, replicas of each owner.
void RebootOfAllNodes(benchmark::State& state) {
  Cluster cluster(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  double lines_played = 0;
  const uint64_t before = cluster.evaluations();
  for (auto _ : state) {
    state.PauseTiming();
    const auto lines = cluster.Reboot();
    lines_played += static_cast<double>(lines.size());
    state.ResumeTiming();
    cluster.PlayAll(lines);
  }
  state.counters["time/line"] =
      benchmark::Counter(lines_played, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["evaluations/line"] =
      static_cast<double>(cluster.evaluations() - before) / lines_played;
}
BENCHMARK(RebootOfAllNodes)
    ->ArgNames({"nodes", "replicas"})
    ->ArgsProduct({{100, 300}, {3, 30, 100}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kr::policy
