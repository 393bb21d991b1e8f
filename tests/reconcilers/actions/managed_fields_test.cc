#include "reconcilers/actions/managed_fields.h"

#include <string>
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

// {} is how fieldsV1 writes a leaf: an atomic value, or a map that was written empty.
TEST(ManagedFieldsTest, AMapThatWasWrittenEmptyIsNotWhatOthersPutIntoIt) {
  const auto with = [](const char* others) {
    return json::parse(R"({"metadata": {"managedFields": [
      {"manager": "kube-remedy", "operation": "Apply", "fieldsV1": {"f:data": {}}},
      {"manager": "helm", "operation": "Update", "fieldsV1": )" +
                       std::string(others) + "}]}}");
  };
  const std::vector<std::string> key = {FieldStep("data"), FieldStep("a")};
  const std::vector<std::string> other = {FieldStep("data"), FieldStep("b")};
  const std::vector<std::string> map = {FieldStep("data")};
  const json granular = with(R"({"f:data": {"f:a": {}}})");
  EXPECT_FALSE(OwnsField(granular, "kube-remedy", key));
  EXPECT_FALSE(OwnsField(granular, "kube-remedy", other)) << "nor anything else in it";
  EXPECT_TRUE(OwnsField(granular, "kube-remedy", map));
  EXPECT_EQ(FieldAndOwner(granular, "kube-remedy", key), "data.a (set by helm)");
  for (const char* atomic : {R"({"f:metadata": {"f:labels": {}}})", R"({"f:data": {}})"}) {
    EXPECT_TRUE(OwnsField(with(atomic), "kube-remedy", key)) << atomic;
  }
}

TEST(ManagedFieldsTest, TheLastOwnerIsOneOfTheFieldThatWasLost) {
  const json object = json::parse(R"({"metadata": {"managedFields": [
    {"manager": "kube-remedy", "time": "2026-01-02T03:00:01Z",
     "fieldsV1": {"f:data": {"f:kept": {}}}},
    {"manager": "argocd", "time": "2026-01-02T03:00:02Z",
     "fieldsV1": {"f:data": {"f:lost": {}, "f:kept": {}}}},
    {"manager": "hpa", "time": "2026-01-02T03:00:03Z", "subresource": "scale",
     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    {"manager": "helm", "time": "2026-01-02T03:00:04Z", "fieldsV1": {"f:data": {"f:kept": {}}}},
    {"manager": "kubectl-label", "time": "2026-01-02T03:00:05Z",
     "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}}}]}})");
  const FieldPath lost = {FieldStep("data"), FieldStep("lost")};
  const FieldPath kept = {FieldStep("data"), FieldStep("kept")};
  const FieldPath replicas = {FieldStep("spec"), FieldStep("replicas")};
  const FieldPath nobodys = {FieldStep("data"), FieldStep("gone")};
  const auto last = [&](const std::vector<FieldPath>& fields) {
    return LastOwner(object, "kube-remedy", fields);
  };
  EXPECT_EQ(last({lost, kept}), "argocd") << "what is still ours was not set back";
  EXPECT_EQ(last({replicas}), "hpa") << "also by way of a subresource";
  EXPECT_EQ(last({nobodys}), "");
  EXPECT_EQ(last({kept}), "helm");
  EXPECT_EQ(LastOwner(json::object(), "kube-remedy", std::vector<FieldPath>{lost}), "");
}

TEST(ManagedFieldsTest, WhatNobodyOwnsAnyMoreWasRemoved) {
  const json object = json::parse(R"({"metadata": {"managedFields": [
    {"manager": "kube-remedy", "fieldsV1": {"f:data": {"f:kept": {}}}},
    {"manager": "argocd", "fieldsV1": {"f:data": {"f:set": {}, "f:kept": {}}}}]}})");
  const FieldPath kept = {FieldStep("data"), FieldStep("kept")};
  const FieldPath set = {FieldStep("data"), FieldStep("set")};
  const FieldPath gone = {FieldStep("data"), FieldStep("gone")};
  const auto removed = [&](const std::vector<FieldPath>& fields) {
    return IsRemoved(object, "kube-remedy", fields);
  };
  EXPECT_TRUE(removed({gone}));
  EXPECT_TRUE(removed({kept, gone})) << "what is still ours has not been touched";
  EXPECT_FALSE(removed({set, gone})) << "somebody has set the other one";
  EXPECT_FALSE(removed({kept}));
  EXPECT_FALSE(removed({}));
  EXPECT_FALSE(IsRemoved(json::object(), "kube-remedy", std::vector<FieldPath>{gone}));
}

TEST(ManagedFieldsTest, TheLastOtherManagerIsNotTheStatusWriter) {
  EXPECT_EQ(LastOtherManager(kObject, "kube-remedy"), "argocd");
  EXPECT_EQ(LastOtherManager(kObject, "argocd"), "kube-remedy");
  EXPECT_EQ(LastOtherManager(json::object(), "kube-remedy"), "");
}

}  // namespace
}  // namespace kr::actions
