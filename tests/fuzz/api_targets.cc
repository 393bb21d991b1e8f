// The kinds of the API, as JSON.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "crds/v1alpha1/codec.h"
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

void RunPolicy(std::string_view input) {
  const auto policy = ReadTwice<crds::RemediationPolicy>(input);
  if (policy) policy::Compile(*policy).status().IgnoreError();
}

void RunRemediation(std::string_view input) {
  ReadTwice<crds::Remediation>(input);
}

std::vector<std::string> Shipped(const std::vector<std::string>& folders) {
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
        if (object.value("kind", "") == "RemediationPolicy") objects.push_back(object.dump());
      }
    }
  }
  return objects;
}

}  // namespace

Target PolicyTarget() {
  return {"Policy", RunPolicy, Shipped({"policies", "samples"})};
}

Target RemediationTarget() {
  return {
      "Remediation",
      RunRemediation,
      {R"({"apiVersion":"kube-remedy.io/v1alpha1","kind":"Remediation","metadata":{"name":"r"},)"
       R"("spec":{"policyRef":{"name":"p","uid":"u"},"targetRef":{"apiVersion":"v1","kind":"Pod",)"
       R"("namespace":"shop","name":"web-1","uid":"t"},"mode":"Enforce"},"status":{"phase":)"
       R"("Running","detectedAt":"2026-01-02T03:04:05Z","journal":{"holder":"h",)"
       R"("leaseTransitions":2,"seq":7},"ledger":{"n":1,"failures":0},"remedies":[{"name":"a",)"
       R"("state":"Running","attempt":1}],"steps":[{"id":{"remedy":"a","attempt":1,"step":0},)"
       R"("action":"patch","state":"Running","memo":{"x":[1,"2",null]}}],"conditions":[{"type":)"
       R"("Failed","status":"False","reason":"R","message":"m","lastTransitionTime":)"
       R"("2026-01-02T03:04:05Z"}]}})"}};
}

}  // namespace kr::fuzz
