#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cache/flow_control.h"
#include "controller/kube/api_error.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "reconcilers/policy/policies.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/policy/watches.h"
#include "tests/support/fake_api_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_stream_transport.h"

namespace kr::policy {

inline kube::Resource PolicyResource() {
  return {{"kube-remedy.io", "v1alpha1", "RemediationPolicy"}, "remediationpolicies", false};
}

// Discovery of a cluster whose kinds a test says.
class FakeDiscovery final : public runtime::ApiSender {
 public:
  explicit FakeDiscovery(runtime::Engine& engine) : engine_(engine) {}

  // By path ("/api/v1"): kinds by plural.
  using Kinds = std::map<std::string, std::map<std::string, std::string>>;
  Kinds kinds = {{"/api/v1", {{"pods", "Pod"}, {"configmaps", "ConfigMap"}}}};

  using runtime::ApiSender::Send;
  void Send(kube::HttpRequest request, Callback done, runtime::SendOptions) override {
    const auto known = kinds.find(request.target.substr(0, request.target.find('?')));
    StatusOr<kube::Reply> reply = kube::ToStatus({.code = 404});
    if (known != kinds.end()) {
      nlohmann::json list = {{"kind", "APIResourceList"},
                             {"groupVersion", known->first.substr(known->first.find('/', 1) + 1)},
                             {"resources", nlohmann::json::array()}};
      for (const auto& [plural, kind] : known->second) {
        list["resources"].push_back({{"name", plural},
                                     {"kind", kind},
                                     {"namespaced", true},
                                     {"verbs", {"get", "list", "watch"}}});
      }
      reply = kube::Reply{.code = 200, .body = list.dump()};
    }
    engine_.After(absl::Milliseconds(3),
                  [done = std::move(done), reply]() mutable { done(std::move(reply)); });
  }

 private:
  runtime::Engine& engine_;
};

// A cluster with its time.
struct PolicyWorld {
  explicit PolicyWorld(unsigned long seed) : random(seed) {}

  testing::FakeClock clock;
  SeededRandom random;
  testing::FakeStreamTransport transport{clock};
  testing::FakeApiServer server{transport, random};
};

// Everything between the watches and the verdicts, as the controller puts it together, without
// anything that acts upon them.
class PolicyStack final : public WatchListener, public SymptomListener {
 public:
  explicit PolicyStack(PolicyWorld& world, const CacheBudget& memory = {})
      : world_(world),
        engine(world.clock),
        inbox(engine),
        flow(inbox, world.transport),
        discovery(engine),
        watches({.own = {PolicyResource()}, .memory = memory}, engine, discovery,
                {world.transport, flow, world.clock, world.random, decoder}, *this),
        symptoms(engine, watches, *this) {}

  // Until nothing more happens at this time.
  void Run() {
    bool busy = true;
    while (busy) {
      const size_t opened = world_.transport.opened();
      busy = world_.transport.RunDue();
      world_.server.Serve();
      busy = engine.RunUntilIdle() > 0 || busy || world_.transport.opened() != opened;
    }
  }
  // Lets `duration` pass, stopping wherever something is due.
  void Advance(absl::Duration duration) {
    Run();
    while (duration > absl::ZeroDuration()) {
      absl::Duration step = std::min(duration, world_.transport.NextDue().value_or(duration));
      if (const auto timer = engine.NextTimer()) step = std::min(step, *timer - engine.Now());
      step = std::max(step, absl::Microseconds(1));
      world_.clock.Advance(step);
      duration -= step;
      Run();
    }
  }

  size_t verdicts() const { return verdicts_; }
  std::vector<bool> synced_at_delivery;  // OwnSynced, as each own object saw it

 private:
  void OnOwnObject(const kube::Resource& resource, const document::DocumentPtr& before,
                   const document::DocumentPtr& after) override {
    synced_at_delivery.push_back(watches.OwnSynced(resource));
    if (!after) {
      policies.Remove(*before);
    } else {
      if (before && before->uid() != after->uid()) policies.Remove(*before);
      if (!policies.Upsert(*after)) return;
      RefreshParams();
    }
    Serve();
  }
  bool RefreshParams() {
    return policies.RefreshParams([this](const crds::ParamRef& ref) { return watches.Texts(ref); });
  }
  void Serve() {
    watches.Serve(policies.Watched(), policies.Params());
    symptoms.SetPolicies(policies.Compiled());
  }
  void OnParams() override {
    if (RefreshParams()) Serve();
  }
  void OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                bool is) override {
    symptoms.OnTarget(policy, object, was, is);
  }
  void OnSurroundings(const CompiledPolicy& policy, const document::Document& target) override {
    symptoms.OnSurroundings(policy, target);
  }
  void OnRebound() override {
    OnParams();
    symptoms.OnRebound();
  }

  void OnReading(const PolicyTargets&, const kube::ObjectKey& key, const Sick* sick) override {
    // The last line of defence has not been needed.
    if (sick == nullptr) return;
    EXPECT_EQ(sick->unknown.find("projected"), std::string::npos)
        << key.name << ": " << sick->unknown;
  }
  void OnTargetGone(const PolicyTargets&, const kube::ObjectKey&) override {}
  void OnSettled(const PolicyTargets&) override {}
  bool Watching(const CompiledPolicy&, const kube::ObjectKey&) const override { return true; }

  // Asked right before each verdict: which documents will it rest on?
  absl::Time EventsSince(const CompiledPolicy& policy, const kube::ObjectKey& key) const override {
    ++verdicts_;
    const document::DocumentPtr target = watches.Target(policy, key);
    ExpectCovers(*target, policy.target_reads, policy);
    for (size_t join = 0; join < policy.related.size(); ++join) {
      const auto related = watches.Around(policy).Related(join, *target);
      EXPECT_TRUE(related.ok() || absl::IsResourceExhausted(related.status()))
          << policy.name << " is evaluated without " << related.status();
      if (!related.ok()) continue;
      for (const document::DocumentPtr& object : *related) {
        ExpectCovers(*object, policy.related_reads[join], policy);
      }
    }
    return absl::InfinitePast();
  }
  static void ExpectCovers(const document::Document& object, const KindReads& reads,
                           const CompiledPolicy& policy) {
    EXPECT_TRUE(object.projection().Covers(*document::Projection::Of(reads.paths)))
        << policy.name << " judges " << object.name() << " by a document from before its edit";
  }

  PolicyWorld& world_;
  mutable size_t verdicts_ = 0;

 public:
  runtime::Engine engine;
  runtime::EngineInbox inbox;
  cache::FlowControl flow;
  document::Decoder decoder;
  FakeDiscovery discovery;
  Policies policies;
  Watches watches;
  Symptoms symptoms;
};

}  // namespace kr::policy
