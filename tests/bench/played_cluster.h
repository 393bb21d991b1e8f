#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

// The policies of a file of the project.
inline std::vector<nlohmann::json> PoliciesOf(const std::string& path) {
  std::ifstream file(std::string(KR_SOURCE_DIR) + "/" + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  StatusOr<std::vector<nlohmann::json>> policies = cmd::ParseManifest(text);
  return policies.ok() ? *std::move(policies) : std::vector<nlohmann::json>();
}

// Everything between the bytes of the watches and the verdicts of policies. The streams are played
// line by line; nobody acts.
class PlayedCluster : public WatchListener, public SymptomListener {
 public:
  uint64_t evaluations() const { return symptoms_->evaluations(); }

 protected:
  using Stream = testing::FakeStreamTransport::Opened;

  PlayedCluster()
      : engine_(clock_),
        inbox_(engine_),
        flow_(inbox_, transport_),
        watches_(std::make_unique<Watches>(
            Watches::Options{}, engine_, discovery_,
            cache::WatchContext{transport_, flow_, clock_, random_, decoder_}, *this)),
        symptoms_(std::make_unique<Symptoms>(engine_, *watches_, *this)) {
    discovery_.kinds["/api/v1"] = {
        {"nodes", "Node"}, {"pods", "Pod"}, {"events", "Event"}, {"configmaps", "ConfigMap"}};
  }

  // What a list has; whoever derives keeps the streams that it wants to go on with.
  virtual void List(Stream& stream) = 0;

  // Serves the policies until everything that they watch is listed.
  void Load(std::vector<nlohmann::json> policies) {
    for (nlohmann::json& policy : policies) {
      policy["metadata"]["uid"] = policy["metadata"]["name"];
      policy["metadata"]["generation"] = 1;
      policies_.Upsert(*testing::Doc(policy));
    }
    watches_->Serve(policies_.Compiled());
    symptoms_->SetPolicies(policies_.Compiled());
    Pass(absl::Seconds(2), absl::Milliseconds(100));
  }
  void ListAll(Stream& stream, int count, const auto& make) {
    for (int i = 0; i < count; ++i) {
      transport_.Data(stream, bench::WatchLine(make(i)) + "\n");
      if (i % 1000 == 999) engine_.RunUntilIdle();
    }
  }
  void Play(Stream& stream, const std::string& line) { transport_.Data(stream, line); }
  void Run() {
    bool busy = true;
    while (busy) {
      busy = transport_.RunDue();
      for (; served_ < transport_.opened(); ++served_) Serve(transport_.stream(served_));
      busy = engine_.RunUntilIdle() > 0 || busy;
    }
  }
  void Pass(absl::Duration time, absl::Duration step) {
    for (; time > absl::ZeroDuration(); time -= step) {
      Run();
      clock_.Advance(step);
    }
  }
  std::string NextVersion() { return std::to_string(++version_); }

  testing::FakeClock clock_;

 private:
  void Serve(Stream& stream) {
    transport_.Headers(stream, 200);
    List(stream);
    const nlohmann::json bookmark = {
        {"type", "BOOKMARK"},
        {"object",
         {{"metadata",
           {{"resourceVersion", NextVersion()},
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

  SeededRandom random_{7};
  testing::FakeStreamTransport transport_{clock_};
  runtime::Engine engine_;
  runtime::EngineInbox inbox_;
  cache::FlowControl flow_;
  document::Decoder decoder_;
  FakeDiscovery discovery_{engine_};
  Policies policies_;
  std::unique_ptr<Watches> watches_;
  std::unique_ptr<Symptoms> symptoms_;
  size_t served_ = 0;
  uint64_t version_ = 1'000'000'000;
};

}  // namespace kr::policy
