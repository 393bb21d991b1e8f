#include "reconcilers/actions/managed_fields.h"

#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kr::actions {
namespace {

using nlohmann::json;

const json kObject = json::parse(R"({"metadata": {"managedFields": [
  {"manager": "kube-remedy", "operation": "Update", "time": "2026-01-02T03:00:05Z", "fieldsV1": {
    "f:spec": {"f:replicas": {}, "f:selector": {},
      "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}}},
  {"manager": "kubectl", "operation": "Update", "time": "2026-01-02T03:00:01Z",
   "fieldsV1": {"f:spec": {"f:paused": {}}}},
  {"manager": "argocd", "operation": "Apply", "time": "2026-01-02T03:00:03Z",
   "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}}},
  {"manager": "kubelet", "operation": "Update", "time": "2026-01-02T03:00:09Z",
   "subresource": "status", "fieldsV1": {"f:status": {}}}]}})");

TEST(ManagedFieldsTest, WhoOwnsAField) {
  struct Case {
    const char* name;
    std::vector<std::string> steps;
    bool want;
  };
  const Case cases[] = {
      {"a field", {FieldStep("spec"), FieldStep("replicas")}, true},
      {"a field of somebody else", {FieldStep("spec"), FieldStep("paused")}, false},
      {"a field of nobody", {FieldStep("spec"), FieldStep("strategy")}, false},
      {"inside an atomic value",
       {FieldStep("spec"), FieldStep("selector"), FieldStep("app")},
       true},
      {"an element known by a part of its keys",
       {FieldStep("spec"), FieldStep("ports"), ElementStep("containerPort", 80), FieldStep("name")},
       true},
      {"another element",
       {FieldStep("spec"), FieldStep("ports"), ElementStep("containerPort", 81), FieldStep("name")},
       false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(OwnsField(kObject, "kube-remedy", c.steps), c.want);
  }
}

TEST(ManagedFieldsTest, WithoutARecordTheValueDecides) {
  std::vector<std::string> steps = {FieldStep("spec")};
  EXPECT_TRUE(OwnsField(json::object(), "kube-remedy", steps));
  EXPECT_TRUE(
      OwnsField(json::parse(R"({"metadata": {"managedFields": []}})"), "kube-remedy", steps));
  EXPECT_FALSE(OwnsField(kObject, "nobody", steps));
}

TEST(ManagedFieldsTest, TheLastOtherManagerIsNotTheStatusWriter) {
  EXPECT_EQ(LastOtherManager(kObject, "kube-remedy"), "argocd");
  EXPECT_EQ(LastOtherManager(kObject, "argocd"), "kube-remedy");
  EXPECT_EQ(LastOtherManager(json::object(), "kube-remedy"), "");
}

}  // namespace
}  // namespace kr::actions
