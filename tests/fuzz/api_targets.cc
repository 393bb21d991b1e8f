// The kinds of the API, as JSON.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/policy/compile.h"
#include "tests/fuzz/fuzz_targets.h"

namespace kr::fuzz {
namespace {

using nlohmann::json;

// What was understood is written as it was understood.
template <typename T>
std::optional<T> ReadTwice(std::string_view input) {
  const json object = json::parse(input, nullptr, false);
  auto value = crds::FromJson<T>(object);
  if (!value.ok()) {
    EXPECT_FALSE(Message(value.status()).empty());
    return std::nullopt;
  }
  const auto again = crds::FromJson<T>(crds::ToJson(*value));
  EXPECT_TRUE(again.ok()) << again.status();
  if (again.ok()) {
    EXPECT_EQ(*again, *value);
  }
  return *std::move(value);
}

bool RunPolicy(std::string_view input) {
  const auto policy = ReadTwice<crds::RemediationPolicy>(input);
  if (policy) policy::Compile(*policy).status().IgnoreError();
  return policy.has_value();
}

template <typename T>
bool Run(std::string_view input) {
  return ReadTwice<T>(input).has_value();
}

// The objects of a kind that are shipped in folders of config/.
std::vector<std::string> Shipped(const std::string& kind, const std::vector<std::string>& folders) {
  std::vector<std::string> objects;
  for (const std::string& folder : folders) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(KR_SOURCE_DIR "/config/" + folder)) {
      if (file.is_directory()) continue;
      std::ifstream in(file.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const auto documents = cmd::ParseManifest(text);
      if (!documents.ok()) continue;
      for (const json& object : *documents) {
        if (object.value("kind", "") == kind) objects.push_back(object.dump());
      }
    }
  }
  return objects;
}

std::string FromYaml(const char* text) {
  const auto documents = cmd::ParseManifest(text);
  return documents.ok() && documents->size() == 1 ? documents->front().dump() : "";
}

constexpr char kRemediation[] = R"(
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: r}
spec:
  policyRef: {name: p, uid: u}
  targetRef: {apiVersion: v1, kind: Pod, namespace: shop, name: web-1, uid: t}
  mode: Enforce
status:
  phase: Running
  detectedAt: "2026-01-02T03:04:05Z"
  journal: {holder: h, leaseTransitions: 2, seq: 7}
  ledger: {"n": 1, failures: 0}
  evidence:
  - {source: events.probes, message: it fails, count: 3, lastSeen: "2026-01-02T03:04:05Z"}
  remedies: [{name: a, state: Running, attempt: 1}]
  steps:
  - remedy: a
    attempt: 1
    step: 0
    action: patch
    state: Running
    memo: {x: [1, "2", null]}
    writes:
    - verb: Patch
      object: {apiVersion: v1, kind: Pod, namespace: shop, name: web-1, uid: t}
      resourceVersionBefore: "7"
      outcome: Applied
      intentAt: "2026-01-02T03:04:05Z"
  intent:
    remedy: a
    attempt: 1
    step: 0
    verb: Patch
    object: {apiVersion: v1, kind: Pod, namespace: shop, name: web-1, uid: t}
    body: '{"metadata":{}}'
    at: "2026-01-02T03:04:06Z"
  conditions:
  - {type: Failed, status: "False", reason: R, message: m, lastTransitionTime: "2026-01-02T03:04:05Z"}
)";

constexpr char kBaseline[] = R"(
apiVersion: kube-remedy.io/v1alpha1
kind: TargetBaseline
metadata: {name: b}
spec:
  policyRef: {name: p, uid: u}
  targetRef: {apiVersion: v1, kind: Service, namespace: shop, name: web, uid: t}
status:
  values:
  - {trigger: drifted, expressionDigest: 0a1b, value: '{"a":1}', digest: 2c3d, recordedAt: "2026-01-02T03:04:05Z"}
  holding:
  - {trigger: old, since: "2026-01-02T03:04:05Z"}
)";

constexpr char kNodeTask[] = R"(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeTask
metadata: {name: t}
spec:
  nodeCommand: c
  commandDigest: 0a1b
  node: {name: n1, uid: u, systemUUID: s, bootID: b}
  remediation: {name: r, uid: ru}
  step: {remedy: cure, attempt: 1, step: 0}
  via: Agent
  commands:
  - {argv: [/bin/true], timeout: 10s}
  - editFile: {path: /etc/a.toml, format: toml, set: [{path: /a, value: "1", type: Integer}]}
    timeout: 10s
  maxOutputBytes: 4096
  notAfter: "2026-01-02T03:04:05Z"
status:
  phase: Failed
  reason: CommandFailed
  bootIDBefore: b
  results: [{command: /bin/true, startedAt: "2026-01-02T03:04:05Z", exitCode: 3, output: "no\n"}]
)";

}  // namespace

Target PolicyTarget() {
  return {"Policy", RunPolicy, Shipped("RemediationPolicy", {"policies", "samples"})};
}

Target RemediationTarget() {
  return {"Remediation", Run<crds::Remediation>, {FromYaml(kRemediation)}};
}

Target BudgetTarget() {
  return {"Budget", Run<crds::RemediationBudget>, Shipped("RemediationBudget", {"samples"})};
}

Target BaselineTarget() {
  return {"Baseline", Run<crds::TargetBaseline>, {FromYaml(kBaseline)}};
}

Target NodeCommandTarget() {
  return {"NodeCommand", Run<crds::NodeCommand>, Shipped("NodeCommand", {"node-commands"})};
}

Target NodeTaskTarget() {
  return {"NodeTask", Run<crds::NodeTask>, {FromYaml(kNodeTask)}};
}

}  // namespace kr::fuzz
