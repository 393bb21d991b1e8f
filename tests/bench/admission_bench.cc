// Admission of 200 targets that are sick at once, among N Remediations that exist: asked of the
// registry's indexes and the ledger, and, for comparison, by going through all Remediations for
// each target.

#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/admission.h"
#include "reconcilers/limits/concurrency.h"
#include "reconcilers/limits/ledger.h"
#include "reconcilers/remediation/registry.h"

namespace kr::remediation {
namespace {

constexpr int kSick = 200;
constexpr int kPolicies = 100;

std::string PolicyUid(int i) {
  return "8a7b6c5d-0000-4000-8000-" + std::to_string(100000000000 + i % kPolicies);
}

crds::ObjectReference Target(int i) {
  return {.api_version = "apps/v1",
          .kind = "Deployment",
          .name_space = "team-" + std::to_string(i % 50),
          .name = "checkout-api-" + std::to_string(i),
          .uid = "5f1e2d3c-0000-4000-8000-" + std::to_string(200000000000 + i)};
}

crds::Remediation Finished(int i, absl::Time now) {
  crds::Remediation one;
  one.metadata.name = "policy-" + std::to_string(i % kPolicies) + "-checkout-api-" +
                      std::to_string(i) + "-0123456789abcdef-1";
  one.metadata.uid = "r-" + std::to_string(i);
  one.metadata.resource_version = std::to_string(i + 1);
  one.metadata.creation_timestamp = now - absl::Hours(2) - absl::Seconds(i);
  one.metadata.labels[std::string(crds::kLineageLabel)] = std::to_string(i);
  one.spec.policy_ref = {"policy-" + std::to_string(i % kPolicies), PolicyUid(i)};
  one.spec.target_ref = Target(i);
  one.status.phase = crds::Phase::kSucceeded;
  one.status.finished_at = now - absl::Hours(1);
  one.status.ledger = crds::Ledger{.n = 1};
  return one;
}

struct World {
  explicit World(int64_t n) {
    for (int i = 0; i < n; ++i) registry.Upsert(Finished(i, now));
    policy.now = now;
    policy.selected = 10 * kSick;
    policy.limits.max_concurrent = crds::IntOrPercent::Count(kSick);
    policy.limits.rate = crds::RateLimit{.count = 1000, .within = absl::Hours(1)};
    policy.breaker.Observe(limits::Breaker::Counts{kSick, 10 * kSick}, {}, now);
  }
  absl::Time now = absl::FromUnixSeconds(1'790'000'000);
  Registry registry;
  limits::PolicyView policy;
};

void AdmitAll(benchmark::State& state) {
  World world(state.range(0));
  for (auto _ : state) {
    limits::Ledger ledger;
    limits::PolicyView policy = world.policy;
    std::vector<absl::Time> created;
    world.registry.ForEachOf(PolicyUid(0), [&](const crds::Remediation& one) {
      created.push_back(*one.metadata.creation_timestamp);
    });
    policy.holders = ledger.SlotsOf(PolicyUid(0));
    policy.rate = CheckRates(policy, created);
    int admitted = 0;
    for (int i = 0; i < kSick; ++i) {
      limits::TargetView target;
      target.facts.ref = Target(100'000 + i);
      target.sick_since = world.now;
      target.busy = ledger.CheckLocks("", {{target.facts.ref}});
      benchmark::DoNotOptimize(world.registry.Newest(std::to_string(100'000 + i)));
      if (Decide(policy, target)) continue;
      ++admitted;
      const std::string name = "policy-0-" + target.facts.ref.name;
      ledger.Hold({name, "policy-0", PolicyUid(0), target.facts.ref});
      policy.holders.push_back({name, target.facts.ref.ToString()});
      created.push_back(world.now);
      policy.rate = CheckRates(policy, created);
    }
    if (admitted != kSick) state.SkipWithError("not all were admitted");
  }
  state.SetItemsProcessed(state.iterations() * kSick);
}
BENCHMARK(AdmitAll)->Arg(0)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

void AdmitAllByScanning(benchmark::State& state) {
  World world(state.range(0));
  for (auto _ : state) {
    limits::PolicyView policy = world.policy;
    for (int i = 0; i < kSick; ++i) {
      limits::TargetView target;
      target.facts.ref = Target(100'000 + i);
      target.sick_since = world.now;
      std::vector<absl::Time> created;
      policy.holders.clear();
      world.registry.ForEach([&](const crds::Remediation& one) {
        if (one.spec.policy_ref.uid != PolicyUid(0)) return;
        created.push_back(*one.metadata.creation_timestamp);
        if (limits::HoldsSlot(one)) {
          policy.holders.push_back({one.metadata.name, one.spec.target_ref.ToString()});
        }
      });
      policy.rate = CheckRates(policy, created);
      benchmark::DoNotOptimize(Decide(policy, target));
    }
  }
  state.SetItemsProcessed(state.iterations() * kSick);
}
BENCHMARK(AdmitAllByScanning)->Arg(0)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kr::remediation
