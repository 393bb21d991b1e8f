// What speaks against a recreation, before anything is written.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/actions/recreate_service.h"
#include "tests/reconcilers/actions/recreating.h"

namespace kr::actions {
namespace {

using crds::RecreateStrategy;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Refusal {
  const char* why;
  json patch;  // of the Service
  crds::RecreateService params;
  const char* says;
};

TEST(RecreateService, WhatSpeaksAgainstItIsSaidBeforeAnythingIsWritten) {
  const Refusal cases[] = {
      {"another type",
       {{"spec", {{"type", "NodePort"}, {"loadBalancerSourceRanges", nullptr}}}},
       {},
       "Failed NotALoadBalancer: Service net/web is of type NodePort"},
      {"Argo CD",
       {{"metadata", {{"annotations", {{"argocd.argoproj.io/tracking-id", "shop:v1"}}}}}},
       {},
       "Report ManagedByOther: Service net/web is managed by Argo CD "
       "(argocd.argoproj.io/tracking-id: shop:v1)"},
      {"Flux",
       {{"metadata", {{"labels", {{"kustomize.toolkit.fluxcd.io/name", "apps"}}}}}},
       {},
       "flux suspend kustomization"},
      {"Helm",
       {{"metadata", {{"labels", {{"app.kubernetes.io/managed-by", "Helm"}}}}}},
       {},
       "no upgrade of the release"},
      {"a controller",
       {{"metadata",
         {{"ownerReferences",
           {{{"apiVersion", "x/v1"}, {"kind", "App"}, {"name", "a"}, {"controller", true}}}}}}},
       {},
       "Report ManagedByOther: Service net/web is managed by App a (x/v1)"},
      {"a young address",
       {{"metadata", {{"creationTimestamp", "2026-01-02T02:30:00Z"}}}},
       {},
       "Wait its address (192.0.2.1) changed at 2026-01-02T02:30:00"},
      {"a young recreation",
       {{"metadata",
         {{"managedFields",
           {{{"manager", "kube-remedy"},
             {"time", "2026-01-01T12:00:00Z"},
             {"fieldsV1", {{"f:spec", {{"f:type", json::object()}}}}}}}}}}},
       {},
       "Failed RecreatedRecently: Service net/web was recreated at 2026-01-01T12:00:00"},
      {"endpoints by hand",
       {{"spec", {{"selector", nullptr}}}},
       {.strategy = RecreateStrategy::kDeleteCreate},
       "Failed NoSelector"},
      {"a finalizer that nobody known takes off",
       json::object(),
       {.strategy = RecreateStrategy::kDeleteCreate},
       "Failed ForeignFinalizer: Service net/web has the finalizer example.com/theirs: if nobody"},
      {"nobody to serve for the stand-in",
       {{"spec", {{"selector", nullptr}}}},
       {.strategy = RecreateStrategy::kBlueGreen},
       "Failed NoSelector: Service net/web has no selector: another Service"},
      {"a load balancer of its own choice",
       {{"metadata",
         {{"annotations", {{"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-id", "lb-1"}}}}},
        {"spec", {{"loadBalancerIP", nullptr}}}},
       {.strategy = RecreateStrategy::kBlueGreen},
       "Failed SharedLoadBalancer: Service net/web has the annotation "
       "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-id"},
      {"listeners that it takes from others",
       {{"metadata",
         {{"annotations",
           {{"service.beta.kubernetes.io/alicloud-loadbalancer-force-override-listeners",
             "true"}}}}},
        {"spec", {{"loadBalancerIP", nullptr}}}},
       {.strategy = RecreateStrategy::kBlueGreen},
       "Failed SharedLoadBalancer"},
      {"an owner that is gone",
       {{"metadata",
         {{"finalizers", json::array()},
          {"ownerReferences",
           {{{"apiVersion", "x/v1"}, {"kind", "App"}, {"name", "a"}, {"uid", "a1"}}}}}}},
       {.strategy = RecreateStrategy::kDeleteCreate},
       "Failed OwnerGone: its owner App a"},
      {"an owner of an unknown kind",
       {{"metadata",
         {{"finalizers", json::array()},
          {"ownerReferences",
           {{{"apiVersion", "x/v1"}, {"kind", "Thing"}, {"name", "a"}, {"uid", "a1"}}}}}}},
       {.strategy = RecreateStrategy::kDeleteCreate},
       "Failed OwnerUnknown"},
      {"an address that is fixed",
       json::object(),
       {.strategy = RecreateStrategy::kBlueGreen},
       "Failed FixedAddress"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.why);
    json service = Web();
    ApplyMerge(service, c.patch);
    Recreating r(Web(), c.params);
    ApplyMerge(r.web(), c.patch);
    EXPECT_THAT(Text(r.Ask()), HasSubstr(c.says));
  }
}

TEST(RecreateService, AnOwnerThatDoesNotMindIsNoObstacle) {
  Recreating r;
  r.web()["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm";
  r.web()["metadata"]["annotations"]["kube-remedy.io/allow-recreation"] = "true";
  EXPECT_EQ(KindOf(r.Ask()), "Write");
}

TEST(RecreateService, OnlyThePlacesOfAServiceCanBeSet) {
  const auto make = [](const std::string& place, RecreateStrategy strategy) {
    return MakeRecreateService({.strategy = strategy, .set = {{.path = place, .remove = true}}},
                               kScope, "p")
        .status();
  };
  const auto flip = RecreateStrategy::kTypeFlip;
  EXPECT_TRUE(make("/metadata/annotations/a", flip).ok());
  EXPECT_TRUE(make("/spec/loadBalancerClass", flip).ok());
  EXPECT_TRUE(make("/spec/clusterIP", RecreateStrategy::kDeleteCreate).ok());
  EXPECT_THAT(std::string(make("/spec/clusterIP", flip).message()),
              AllOf(StartsWith("p.set[0].path: "), HasSubstr("needs strategy DeleteCreate")));
  EXPECT_THAT(std::string(make("/spec/type", flip).message()), HasSubstr("stays a LoadBalancer"));
  EXPECT_THAT(std::string(make("/metadata/name", flip).message()),
              HasSubstr("expected a place in /metadata/annotations"));
}

}  // namespace
}  // namespace kr::actions
