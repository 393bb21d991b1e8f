// What is shipped in config/ is understood whole: every expression compiles.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "crds/v1alpha1/codec.h"
#include "re2/re2.h"
#include "reconcilers/policy/compile.h"

namespace kr::policy {
namespace {

using nlohmann::json;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Shipped {
  std::filesystem::path path;
  std::string file;
  json object;
};

std::vector<Shipped> PoliciesIn(const std::string& folder) {
  std::vector<Shipped> policies;
  const std::string root = std::string(KR_SOURCE_DIR) + "/" + folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_directory()) continue;
    const auto documents = cmd::ParseManifest(ReadFile(entry.path()));
    EXPECT_TRUE(documents.ok()) << entry.path() << ": " << documents.status();
    if (!documents.ok()) continue;
    for (const json& object : *documents) {
      if (object.value("kind", "") != "RemediationPolicy") continue;
      policies.push_back({entry.path(), entry.path().filename().string(), object});
    }
  }
  return policies;
}

TEST(ShippedPolicies, AreUnderstoodWhole) {
  size_t compiled = 0;
  for (const char* folder : {"config/policies", "config/samples", "tests/bench/policies"}) {
    for (const Shipped& shipped : PoliciesIn(folder)) {
      const auto policy = crds::FromJson<crds::RemediationPolicy>(shipped.object);
      EXPECT_TRUE(policy.ok()) << shipped.file << ": " << policy.status();
      if (!policy.ok()) continue;
      EXPECT_TRUE(Compile(*policy).ok()) << shipped.file << ": " << Compile(*policy).status();
      ++compiled;
    }
  }
  EXPECT_GT(compiled, 20u);
}

// R15: as Alibaba's controller says it, and as AWS' do.
TEST(ShippedPolicies, KnowHowProvidersRefuseToChangeALoadBalancer) {
  for (const Shipped& shipped : PoliciesIn("config/policies/service")) {
    if (shipped.file != "service-annotation-drift.yaml") continue;
    const std::string pattern = shipped.object["spec"]["events"][0]["message"];
    for (const char* message :
         {"alicloud: can not change LoadBalancer AddressType once created. delete and retry",
          "error syncing load balancer: subnets cannot be modified", "scheme cannot be changed"}) {
      EXPECT_TRUE(RE2::PartialMatch(message, pattern)) << message;
    }
    EXPECT_FALSE(RE2::PartialMatch("error syncing load balancer: quota exceeded", pattern));
    return;
  }
  FAIL() << "service-annotation-drift is gone";
}

TEST(ShippedPolicies, OfTheCatalogueSayWhichIncidentTheyAreFor) {
  const std::string index = ReadFile(std::string(KR_SOURCE_DIR) + "/docs/policies.md");
  std::set<std::string> incidents;
  for (const Shipped& shipped : PoliciesIn("config/policies")) {
    const json& metadata = shipped.object["metadata"];
    const std::string incident = metadata["labels"].value("kube-remedy.io/incident", "");
    EXPECT_TRUE(RE2::FullMatch(incident, R"(R\d{2,3})")) << shipped.file;
    incidents.insert(incident);
    const std::string name = metadata["name"];
    EXPECT_EQ(shipped.file, name + ".yaml");
    EXPECT_FALSE(shipped.object["spec"].value("description", "").empty()) << shipped.file;
    EXPECT_THAT(ReadFile(shipped.path.parent_path() / "kustomization.yaml"),
                ::testing::HasSubstr("- " + shipped.file + "\n"));
    EXPECT_THAT(index, ::testing::HasSubstr("| " + incident + " | [" + name + "]"))
        << "docs/policies.md does not list it";
  }
  EXPECT_GE(incidents.size(), 12u);
}

}  // namespace
}  // namespace kr::policy
