// docs/metrics.md, the alerts and the dashboard speak of metrics: of those that there are.
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/runtime/runtime_metrics.h"
#include "re2/re2.h"
#include "reconcilers/remediation/metrics.h"

namespace kr::remediation {
namespace {

using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAreArray;
using Names = std::set<std::string>;

std::string ReadFile(const std::string& path) {
  std::ifstream in(std::string(KR_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// All that the pattern's group finds in the text.
Names Find(const std::string& text, const char* pattern) {
  Names names;
  std::string name;
  const RE2 re(pattern);
  re2::StringPiece rest(text);
  while (RE2::FindAndConsume(&rest, re, &name)) names.insert(name);
  return names;
}

// A histogram is read by its series.
std::string Family(std::string name) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

Names Served() {
  runtime::Metrics metrics("kube_remedy");
  RemedyMetrics::Register(metrics);
  runtime::RuntimeMetrics runtime(metrics);
  runtime::AddProcessMetrics(metrics);
  const kube::Resource pods{{"", "v1", "Pod"}, "pods", true};
  runtime.watch.Count(pods, {.events = 1, .bytes = 1, .lists = 1, .watches = 1, .problems = 1});
  return Find(metrics.Serialize(), R"(# TYPE (\w+) )");
}

Names NamedIn(const std::string& text) {
  Names families;
  for (const std::string& name : Find(text, R"(\b((?:kube_remedy|process)_[a-z_]+)\b)")) {
    families.insert(Family(name));
  }
  return families;
}

TEST(MetricsDocs, EveryMetricIsDescribedAndNoOther) {
  EXPECT_THAT(Find(ReadFile("docs/metrics.md"), R"(\n\| `(\w+_\w+)` \|)"),
              UnorderedElementsAreArray(Served()));
}

TEST(MetricsDocs, EveryAlertIsDescribedAndNoOther) {
  EXPECT_THAT(Find(ReadFile("docs/metrics.md"), R"(\n\| `(KubeRemedy\w+)` \|)"),
              UnorderedElementsAreArray(
                  Find(ReadFile("config/prometheus/alerts.yaml"), R"(alert: (\w+))")));
}

TEST(MetricsDocs, AlertsReadMetricsThatThereAre) {
  const Names read = NamedIn(ReadFile("config/prometheus/alerts.yaml"));
  EXPECT_GT(read.size(), 5u);
  EXPECT_THAT(Served(), IsSupersetOf(read));
}

TEST(MetricsDocs, TheDashboardReadsMetricsThatThereAre) {
  const auto dashboard = nlohmann::json::parse(ReadFile("config/grafana/kube-remedy.json"));
  Names read;
  for (const auto& panel : dashboard["panels"]) {
    for (const auto& target : panel.value("targets", nlohmann::json::array())) {
      const Names names = NamedIn(target["expr"].get<std::string>());
      EXPECT_FALSE(names.empty()) << panel["title"];
      read.insert(names.begin(), names.end());
    }
  }
  EXPECT_GT(read.size(), 10u);
  EXPECT_THAT(Served(), IsSupersetOf(read));
}

TEST(MetricsDocs, EveryAlertIsTested) {
  const std::string tests = ReadFile("tests/prometheus/alerts_test.yaml");
  for (const std::string& alert :
       Find(ReadFile("config/prometheus/alerts.yaml"), R"(alert: (\w+))")) {
    EXPECT_TRUE(RE2::PartialMatch(tests, "alertname: " + alert + R"(\n\s+exp_alerts:\n)"))
        << alert << " has no test in which it fires";
  }
}

}  // namespace
}  // namespace kr::remediation
