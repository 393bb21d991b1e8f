#include "reconcilers/actions/recreate_service.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/recreating.h"

namespace kr::actions {
namespace {

using crds::RecreateStrategy;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json Settled(json service) {
  for (const char* field : {"resourceVersion", "uid"}) service["metadata"].erase(field);
  service.erase("status");
  service.erase("apiVersion");
  service.erase("kind");
  service["metadata"].erase("creationTimestamp");
  std::sort(service["metadata"]["finalizers"].begin(), service["metadata"]["finalizers"].end());
  return service;
}

TEST(RecreateService, ByTypeEverythingIsAsBeforeButTheLoadBalancer) {
  Recreating r;
  const json before = r.web();
  const std::string end = r.Run([&] {
    ASSERT_TRUE(r.exists());
    EXPECT_EQ(r.web()["metadata"]["uid"], "u1");
    EXPECT_EQ(r.web()["spec"]["clusterIP"], "10.96.0.10");
    EXPECT_EQ(r.web()["spec"]["ports"], before["spec"]["ports"]);
  });
  EXPECT_EQ(end,
            "Done Service net/web has a new load balancer: the address was 192.0.2.1 and is "
            "192.0.2.2");
  EXPECT_EQ(Settled(r.web()), Settled(before));
  EXPECT_EQ(r.cloud.made.size(), 2u);
  EXPECT_EQ(r.cloud.most_at_once, 1u);
  EXPECT_EQ(std::get<Done>(r.last).event, "LoadBalancerRecreated");
  EXPECT_THAT(r.log, ::testing::ElementsAre(HasSubstr("(192.0.2.1) down: type NodePort"),
                                            HasSubstr("ask for a new load balancer")));
}

TEST(RecreateService, DeletedAndMadeAgainOnlyTheUidIsAnother) {
  Recreating r(Web(), {.strategy = RecreateStrategy::kDeleteCreate});
  r.web()["metadata"]["finalizers"] = {FakeCloud::kFinalizer};  // theirs nobody would take off here
  const json before = r.web();
  EXPECT_THAT(r.Run([&] { EXPECT_TRUE(r.exists() || r.must_complete); }), StartsWith("Done "));
  EXPECT_EQ(Settled(r.web()), Settled(before));
  EXPECT_NE(r.web()["metadata"]["uid"], "u1");
  EXPECT_EQ(r.cloud.most_at_once, 1u);
  EXPECT_EQ(r.log.size(), 3u);
}

TEST(RecreateService, AForeignFinalizerThatSomebodyVouchesForIsWaitedForAndKept) {
  Recreating r(WillingWeb(), {.strategy = RecreateStrategy::kDeleteCreate});
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(r.Step());
  EXPECT_THAT(Text(r.last),
              AllOf(HasSubstr("until the old one is deleted"), HasSubstr("example.com/theirs")));
  EXPECT_TRUE(r.must_complete);
  r.web()["metadata"]["finalizers"] = json::array();
  r.Work();
  EXPECT_THAT(r.Run(), StartsWith("Done "));
  EXPECT_THAT(r.web()["metadata"]["finalizers"].dump(), HasSubstr("example.com/theirs"));
}

TEST(RecreateService, AStandInServesFromBeforeUntilAfter) {
  json service = Web();
  service["spec"].erase("loadBalancerIP");
  Recreating r(service, {.strategy = RecreateStrategy::kBlueGreen});
  const json before = r.web();
  size_t most = 0;
  const std::string end = r.Run([&] {
    size_t addresses = 0;
    for (const auto& [name, s] : r.services) {
      addresses += s.contains("status") && s["status"]["loadBalancer"].contains("ingress") ? 1 : 0;
      if (name == "web") continue;
      EXPECT_EQ(s["spec"]["selector"], before["spec"]["selector"]);
      EXPECT_EQ(s["metadata"]["ownerReferences"][0]["uid"], "u1");
      EXPECT_EQ(s["metadata"]["labels"]["kube-remedy.io/exclude"], "true");
    }
    EXPECT_GE(addresses, 1u) << "somebody is without";
    most = std::max(most, addresses);
  });
  EXPECT_THAT(end, StartsWith("Done "));
  EXPECT_EQ(most, 2u);
  EXPECT_EQ(r.services.size(), 1u);
  EXPECT_EQ(Settled(r.web()), Settled(before));
  EXPECT_EQ(r.cloud.most_at_once, 1u);
  EXPECT_GE(r.now - At(0), 2 * absl::Minutes(5));  // both overlaps
}

TEST(RecreateService, AServiceWithoutNodePortsGetsNone) {
  json service = Web();
  service["spec"]["allocateLoadBalancerNodePorts"] = false;
  for (json& port : service["spec"]["ports"]) port.erase("nodePort");
  Recreating r(service);
  const json before = r.web();
  EXPECT_THAT(r.Run(), StartsWith("Done "));
  EXPECT_EQ(Settled(r.web()), Settled(before));
}

TEST(RecreateService, TheAnnotationForSourceRangesGoesAndComes) {
  json service = Web();
  service["metadata"]["annotations"][FakeServiceRules::kRanges] = "10.0.0.0/8";
  Recreating r(service);
  const json before = r.web();
  EXPECT_THAT(r.Run(), StartsWith("Done "));
  EXPECT_EQ(Settled(r.web()), Settled(before));
}

TEST(RecreateService, WhatIsSetComesWithTheNewOneAndWhatOthersDoMeanwhileStays) {
  Recreating r(Web(), {.set = {{.path = "/metadata/annotations/cloud~1scheme", .remove = true},
                               {.path = "/spec/loadBalancerClass", .expression = "'x'"}}});
  bool edited = false;
  EXPECT_THAT(r.Run([&] {
    if (edited || r.type() != "NodePort") return;
    EXPECT_EQ(r.web()["metadata"]["annotations"]["cloud/scheme"], "internal");
    json web = r.web();
    web["metadata"]["labels"]["new"] = "label";
    web["spec"]["ports"].push_back({{"port", 443}, {"protocol", "TCP"}, {"nodePort", 30443}});
    r.Put(web);
    edited = true;
  }),
              StartsWith("Done "));
  EXPECT_EQ(r.web()["metadata"]["annotations"], json::object());
  EXPECT_EQ(r.web()["spec"]["loadBalancerClass"], "set");
  EXPECT_EQ(r.web()["metadata"]["labels"]["new"], "label");
  EXPECT_EQ(r.web()["spec"]["ports"].size(), 3u);
}

// The answer to any one write gets lost, and the memo is all that is left.
TEST(RecreateService, ALostAnswerChangesNothing) {
  for (const auto strategy : {RecreateStrategy::kTypeFlip, RecreateStrategy::kDeleteCreate,
                              RecreateStrategy::kBlueGreen}) {
    for (size_t lost = 0; lost < 5; ++lost) {
      json service = Web();
      service["spec"].erase("loadBalancerIP");
      service["metadata"]["finalizers"] = json::array();
      Recreating r(service, {.strategy = strategy});
      const json before = r.web();
      while (r.Step(/*lose_answer=*/r.log.size() == lost)) {
      }
      EXPECT_THAT(Text(r.last), StartsWith("Done ")) << lost;
      EXPECT_EQ(Settled(r.web()), Settled(before));
      EXPECT_EQ(r.cloud.most_at_once, 1u);
      EXPECT_EQ(r.services.size(), 1u);
    }
  }
}

TEST(RecreateService, AnOldLoadBalancerThatRemainsStopsInANamedState) {
  for (const auto strategy : {RecreateStrategy::kTypeFlip, RecreateStrategy::kDeleteCreate}) {
    Recreating r(WillingWeb(), {.strategy = strategy});
    r.cloud.never_deletes = true;
    const std::string end = r.Run();
    EXPECT_THAT(end,
                AllOf(StartsWith("Failed OldLoadBalancerRemains: after 10m the old load "
                                 "balancer (192.0.2.1) has not gone: held by "
                                 "service.kubernetes.io/load-balancer-cleanup"),
                      HasSubstr("is of type NodePort now"), HasSubstr("kubectl -n net patch")));
    EXPECT_EQ(r.type(), "NodePort");
    EXPECT_EQ(r.cloud.made.size(), 1u);
    // The command completes it.
    const size_t from = end.find("-p '") + 4;
    json patch = json::parse(end.substr(from, end.find('\'', from) - from));
    json completed = r.web();
    ApplyMerge(completed, patch);
    EXPECT_EQ(Settled(completed), Settled([] {
                json web = WillingWeb();
                web["metadata"]["finalizers"].push_back(FakeCloud::kFinalizer);
                return web;
              }()));
  }
}

TEST(RecreateService, EveryControllersFinalizerIsWaitedFor) {
  for (const char* finalizer :
       {"service.kubernetes.io/load-balancer-cleanup", "service.k8s.aws/resources",
        "service.k8s.alibaba/resources", "gke.networking.io/l4-netlb-v1",
        "gke.networking.io/l4-netlb-v3", "gke.networking.io/l4-ilb-v2"}) {
    json service = Web();
    service["metadata"]["finalizers"] = {finalizer};
    Recreating r(service);
    r.works = false;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(r.Step());
    EXPECT_THAT(Text(r.last), AllOf(StartsWith("Wait"), HasSubstr(finalizer)));
  }
}

TEST(RecreateService, WithoutAFinalizerTheControllerGetsTimeToSeeIt) {
  Recreating r;
  r.works = false;
  r.web()["metadata"]["finalizers"] = json::array();
  r.web().erase("status");
  ASSERT_TRUE(r.Step());
  ASSERT_TRUE(r.Step());
  EXPECT_THAT(Text(r.last), HasSubstr("time to see it"));
  while (r.type() != "LoadBalancer") ASSERT_TRUE(r.Step());
  EXPECT_GE(r.now, At(5));
}

TEST(RecreateService, NoNewAddressIsSaid) {
  Recreating r;
  r.Run([&] { r.works = r.type() != "LoadBalancer"; });
  EXPECT_THAT(Text(r.last), AllOf(StartsWith("Failed NoNewAddress: after 10m"),
                                  HasSubstr("is a LoadBalancer with all that it had")));
  EXPECT_FALSE(r.must_complete);
}

TEST(RecreateService, APortThatSomebodyHasTakenIsWaitedForAndThenGivenUp) {
  Recreating r;
  bool taken = false;
  r.Run([&] {
    if (!taken && r.type() == "NodePort") r.rules.taken = {30100};
    taken = true;
  });
  EXPECT_THAT(Text(r.last),
              AllOf(StartsWith("Done "), HasSubstr("healthCheckNodePort 30100 is 3")));
  EXPECT_GE(r.now, At(0) + absl::Minutes(20));

  Recreating anew(Web(), {.strategy = RecreateStrategy::kDeleteCreate});
  anew.web()["metadata"]["finalizers"] = {FakeCloud::kFinalizer};
  anew.rules.next_ip = "10.96.0.99";
  std::string waited;
  anew.Run([&] {
    if (!anew.exists()) anew.rules.taken = {30080};
    if (KindOf(anew.last) == "Wait" && !anew.exists()) waited = Text(anew.last);
  });
  EXPECT_THAT(waited, HasSubstr("30080: provided port is already allocated"));
  EXPECT_THAT(Text(anew.last), AllOf(StartsWith("Done "), HasSubstr("node port of 80/TCP 30080")));
  EXPECT_EQ(anew.web()["spec"]["clusterIP"], "10.96.0.10") << "nobody has that";
  EXPECT_LT(anew.now, At(0) + absl::Minutes(3)) << "while it is gone nobody is served";
}

TEST(RecreateService, AnAddressThatSomebodyHasTakenIsGivenUpAlone) {
  Recreating r(Web(), {.strategy = RecreateStrategy::kDeleteCreate});
  r.web()["metadata"]["finalizers"] = {FakeCloud::kFinalizer};
  r.rules.next_ip = "10.96.0.99";
  r.Run([&] {
    if (!r.exists()) r.rules.taken_ip = "10.96.0.10";
  });
  EXPECT_THAT(Text(r.last), StartsWith("Done "));
  EXPECT_EQ(r.web()["spec"]["clusterIP"], "10.96.0.99");
  EXPECT_EQ(r.web()["spec"]["ports"][0]["nodePort"], 30080);
  EXPECT_LT(r.now, At(0) + absl::Minutes(3));
}

// Of another refusal nobody knows that it is about the ports: they are kept as long as can be.
TEST(RecreateService, WhatIsRefusedForAnotherReasonKeepsItsPorts) {
  Recreating r(Web(), {.strategy = RecreateStrategy::kDeleteCreate});
  r.web()["metadata"]["finalizers"] = {FakeCloud::kFinalizer};
  absl::Time gone = absl::InfiniteFuture();
  r.Run([&] {
    if (!r.exists()) gone = std::min(gone, r.now);
    r.rules.refuses_to_make_it =
        !r.exists() && r.now < gone + absl::Minutes(5) ? "exceeded quota" : "";
  });
  EXPECT_THAT(Text(r.last), StartsWith("Done "));
  EXPECT_EQ(r.web()["spec"]["ports"][0]["nodePort"], 30080);
  EXPECT_GE(r.now, gone + absl::Minutes(5));
}

TEST(RecreateService, WhoeverSetsTheTypeMeanwhileIsNamed) {
  Recreating r;
  r.works = false;
  while (r.type() != "NodePort") ASSERT_TRUE(r.Step());
  json web = r.web();
  web["spec"]["type"] = "LoadBalancer";
  web["metadata"]["managedFields"] = {{{"manager", "argocd-controller"},
                                       {"operation", "Update"},
                                       {"time", "2026-01-02T00:00:00Z"}}};
  r.Put(web);
  EXPECT_EQ(r.Run(),
            "Failed Contended: argocd-controller has set the type of Service net/web to "
            "LoadBalancer in the middle of it");
}

TEST(RecreateService, DeletedByAPersonItIsNotMadeAgain) {
  Recreating r;
  r.works = false;
  while (r.type() != "NodePort") ASSERT_TRUE(r.Step());
  r.services.clear();
  EXPECT_THAT(r.Run(), StartsWith("Failed TargetGone"));
  EXPECT_FALSE(r.must_complete);
}

TEST(RecreateService, WhoWantsItToStopGetsTheServiceBackTheShortestWay) {
  for (const auto strategy : {RecreateStrategy::kTypeFlip, RecreateStrategy::kDeleteCreate,
                              RecreateStrategy::kBlueGreen}) {
    json service = WillingWeb();
    service["spec"].erase("loadBalancerIP");
    Recreating r(service, {.strategy = strategy});
    const json before = r.web();
    EXPECT_FALSE((r.Ask(), r.must_complete));
    ASSERT_TRUE(r.Step());
    if (strategy == RecreateStrategy::kBlueGreen) {
      ASSERT_EQ(r.services.size(), 2u);
    }
    EXPECT_TRUE((r.Ask(), r.must_complete));
    r.stopping = true;
    r.Run();
    EXPECT_FALSE(r.must_complete && KindOf(r.last) == "Wait");
    EXPECT_EQ(Settled(r.web()), Settled(before));
    EXPECT_EQ(r.services.size(), 1u);
    EXPECT_EQ(r.web()["metadata"]["uid"], "u1");
  }
}

}  // namespace
}  // namespace kr::actions
