// Nanoseconds per evaluation of expressions as policies have them, on a Pod and its kind.
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "controller/document/decoder.h"

namespace {

using kr::cel::Program;
using kr::cel::Type;
using kr::cel::Value;
using nlohmann::json;

json Pod(int i) {
  return {
      {"metadata",
       {{"name", "web-" + std::to_string(i)},
        {"namespace", "shop"},
        {"creationTimestamp", "2026-01-01T00:00:00Z"},
        {"labels", {{"app", "web"}, {"pool-gen", "2"}, {"tier", "front"}}},
        {"ownerReferences",
         {{{"kind", "ReplicaSet"}, {"uid", "u-" + std::to_string(i % 7)}, {"controller", true}}}}}},
      {"spec",
       {{"nodeName", "n1"},
        {"containers",
         {{{"name", "app"},
           {"image", "web:1"},
           {"resources", {{"limits", {{"memory", "1536Mi"}}}}},
           {"env", {{{"name", "A"}, {"value", "1"}}, {{"name", "B"}, {"value", "2"}}}}},
          {{"name", "proxy"}, {"image", "proxy:2"}}}}}},
      {"status",
       {{"phase", "Running"},
        {"conditions",
         {{{"type", "PodScheduled"}, {"status", "True"}},
          {{"type", "Initialized"}, {"status", "True"}},
          {{"type", "Ready"},
           {"status", i % 10 == 0 ? "False" : "True"},
           {"lastTransitionTime", "2026-01-02T00:00:00Z"}}}}}}};
}

class World final : public kr::cel::Activation {
 public:
  World() {
    kr::cel::List pods;
    for (int i = 0; i < 100; ++i) {
      documents_.push_back(decoder_.FromJson(Pod(i)));
      pods.push_back(Value::Node(documents_.back()->root()));
    }
    related_ = Value::Record({{"pods", Value::FromList(std::move(pods))}});
  }
  kr::StatusOr<Value> Resolve(std::string_view variable) const override {
    return variable == "related" ? related_ : Value::Node(documents_[0]->root());
  }

 private:
  kr::document::Decoder decoder_;
  std::vector<kr::document::DocumentPtr> documents_;
  Value related_;
};

void Evaluate(benchmark::State& state, std::string_view expression) {
  const World world;
  const auto program = Program::Compile(
      expression, {{"object", Type::Dyn()},
                   {"now", Type::Timestamp()},
                   {"related", Type::Object({{"pods", Type::List(Type::Dyn())}})}});
  if (!program.ok()) return state.SkipWithError(std::string(program.status().message()).c_str());
  const absl::Time now = absl::FromUnixSeconds(1767323045);
  uint64_t cost = 0;
  for (auto _ : state) {
    const auto outcome = program->Evaluate(world, now);
    if (!outcome.value.ok()) return state.SkipWithError("the expression fails");
    cost = outcome.cost;
  }
  state.counters["cost"] = static_cast<double>(cost);
}

void Compile(benchmark::State& state, std::string_view expression) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        Program::Compile(expression, {{"object", Type::Dyn()}, {"now", Type::Timestamp()}}));
  }
}

constexpr std::string_view kLabel = "object.metadata.?labels['pool-gen'].orValue('') == '2'";
constexpr std::string_view kCondition =
    "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'False')";
constexpr std::string_view kEnv =
    "!object.spec.containers.exists(c, c.name == 'app' && c.?env.orValue([]).exists(e, e.name == "
    "'FELIX_HEALTHHOST' && e.?value.orValue('') == '127.0.0.1'))";
constexpr std::string_view kAge =
    "object.status.conditions.exists(c, c.type == 'Ready' && c.status != 'True' && now - "
    "timestamp(c.lastTransitionTime) > duration('10m'))";
constexpr std::string_view kRelated =
    "related.pods.filter(p, p.status.conditions.exists(c, c.type == 'Ready' && c.status != "
    "'True')).map(p, p.metadata.ownerReferences[0].uid).distinct().size() >= 3";

constexpr std::string_view kQuantity =
    "object.spec.containers.exists(c, quantity(c.?resources.limits.memory.orValue('0'))"
    ".isGreaterThan(quantity('1Gi')))";
constexpr std::string_view kTwoVariables =
    "object.status.conditions.transformMapEntry(i, c, {c.type: c.status}).Ready == 'True'";
constexpr std::string_view kAddress = "cidr('10.0.0.0/8').containsIP('10.1.2.3')";

BENCHMARK_CAPTURE(Evaluate, label, kLabel);
BENCHMARK_CAPTURE(Evaluate, condition, kCondition);
BENCHMARK_CAPTURE(Evaluate, environment_of_a_container, kEnv);
BENCHMARK_CAPTURE(Evaluate, age_of_a_condition, kAge);
BENCHMARK_CAPTURE(Evaluate, hundred_related_pods, kRelated);
BENCHMARK_CAPTURE(Evaluate, quantity_of_a_container, kQuantity);
BENCHMARK_CAPTURE(Evaluate, conditions_as_a_map, kTwoVariables);
BENCHMARK_CAPTURE(Evaluate, address_in_a_network, kAddress);
BENCHMARK_CAPTURE(Compile, condition, kCondition);

}  // namespace
