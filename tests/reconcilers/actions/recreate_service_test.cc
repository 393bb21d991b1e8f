#include "reconcilers/actions/recreate_service.h"

#include <functional>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/remediation.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/reconcilers/actions/fake_services.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using crds::RecreateStrategy;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const kube::Resource kServices{{"", "v1", "Service"}, "services", true};
const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

json Web() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "net", "uid": "u1",
                 "creationTimestamp": "2026-01-01T00:00:00Z",
                 "labels": {"app": "web"},
                 "annotations": {"cloud/scheme": "internal"},
                 "finalizers": ["example.com/theirs"]},
    "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.10", "selector": {"app": "web"},
             "loadBalancerClass": "example.com/lb", "loadBalancerIP": "192.0.2.200",
             "loadBalancerSourceRanges": ["10.0.0.0/8"], "externalTrafficPolicy": "Local",
             "healthCheckNodePort": 30100, "allocateLoadBalancerNodePorts": true,
             "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080},
                       {"port": 53, "protocol": "UDP", "nodePort": 30053}]}})");
}

// Whose finalizer it is takes it off, says a person.
json WillingWeb() {
  json web = Web();
  web["metadata"]["annotations"]["kube-remedy.io/allow-recreation"] = "true";
  return web;
}

// A namespace with Services, a cloud, and one recreation that is asked like a runner asks it.
class Recreating {
 public:
  explicit Recreating(json service = Web(), crds::RecreateService params = {})
      : params_(std::move(params)) {
    cloud.Work(service);
    Put(std::move(service));
    remediation_.metadata.uid = "r1";
    step_.id = {.remedy = "recreate"};
  }

  FakeServiceRules rules;
  FakeCloud cloud;
  absl::Time now = At(0);
  bool stopping = false;
  json memo;
  json wait_memo;                // of the last Wait, in memory only
  std::vector<std::string> log;  // summaries of writes
  std::map<std::string, json> services;

  json& web() { return services.at("web"); }
  bool exists() const { return services.contains("web"); }
  std::string type() { return web()["spec"]["type"]; }

  // What it answers now; reads, looks and dry-runs are answered.
  Next Ask() {
    auto action = *MakeRecreateService(params_, kScope, "p");
    Observed observed;
    observed.ref = {kServices, {"net", "web"}, "u1"};
    observed.now = now;
    observed.step_started = At(0);
    observed.stopping = stopping;
    remediation_.status.steps = {step_};
    observed.remediation = &remediation_;
    observed.step = step_.id;
    observed.evaluate = [](const cel::Program&) -> StatusOr<json> { return json("set"); };
    observed.find = [](const kube::GroupVersionKind& gvk) -> std::optional<kube::Resource> {
      if (gvk.kind != "App") return std::nullopt;
      return kube::Resource{gvk, "apps", true};
    };
    for (int turn = 0; turn < 20; ++turn) {
      Next next = action->Ask(wait_memo.is_null() ? memo : wait_memo, observed);
      must_complete = action->MustComplete(memo, observed);
      if (std::holds_alternative<Read>(next)) {
        observed.live = exists() && web()["metadata"]["uid"] == "u1" ? web() : json();
      } else if (auto* look = std::get_if<Look>(&next)) {
        const std::string name = look->request.target.substr(look->request.target.rfind('/') + 1);
        observed.looked[look->name] = {services.contains(name) ? services.at(name) : json(), now};
      } else if (auto* question = std::get_if<DryRun>(&next)) {
        std::string why;
        const std::optional<json> made = Made(question->request, why);
        observed.dry_run = made.value_or(json());
        observed.dry_run_refused = made ? OkStatus() : InvalidArgument(why);
      } else {
        return next;
      }
    }
    return Failed{"TestGaveUp", "it asks and asks"};
  }

  // One write, or a second of time. False: it is over, see `last`.
  bool Step(bool lose_answer = false) {
    last = Ask();
    if (auto* write = std::get_if<Write>(&last)) {
      memo = write->memo;
      wait_memo = nullptr;
      log.push_back(write->summary);
      const bool done = Send(write->request);
      if (done && !lose_answer) {
        step_.writes.push_back(
            {.verb = write->verb == "Patch" ? crds::Verb::kPatch : crds::Verb::kDelete,
             .outcome = crds::WriteOutcome::kApplied});
      }
      return true;
    }
    if (auto* wait = std::get_if<Wait>(&last)) {
      EXPECT_GT(wait->until, now);
      wait_memo = wait->memo;
      now = std::max(wait->until, now + absl::Seconds(1));
      if (works) Work();
      return true;
    }
    return false;
  }

  // To the end, asking `each` after every step.
  std::string Run(const std::function<void()>& each = [] {}) {
    for (int i = 0; i < 5000 && Step(); ++i) each();
    return Text(last);
  }

  void Work() {
    for (auto it = services.begin(); it != services.end();) {
      cloud.Work(it->second);
      const json& metadata = it->second["metadata"];
      const bool gone = metadata.contains("deletionTimestamp") &&
                        metadata.value("finalizers", json::array()).empty();
      it = gone ? services.erase(it) : std::next(it);
    }
  }

  void Put(json service) {
    service["metadata"]["resourceVersion"] = std::to_string(++version_);
    const std::string name = service["metadata"]["name"];
    services[name] = std::move(service);
  }

  Next last = Read{};
  bool works = true;  // the cloud does
  bool must_complete = false;
  crds::StepProgress& progress() { return step_; }

 private:
  std::optional<json> Made(const kube::HttpRequest& request, std::string& why) {
    const json body = json::parse(request.body);
    json before, after = body;
    if (request.method == "PATCH") {
      before = after = web();
      ApplyMerge(after, body);
    }
    if (!rules.Admit(before, after, why)) return std::nullopt;
    return after;
  }

  bool Send(const kube::HttpRequest& request) {
    const json body = json::parse(request.body);
    if (request.method == "DELETE") {
      const size_t slash = request.target.rfind('/') + 1;
      const std::string name = request.target.substr(slash, request.target.find('?') - slash);
      if (!services.contains(name)) return false;
      json& metadata = services.at(name)["metadata"];
      EXPECT_EQ(body["preconditions"]["uid"], metadata["uid"]);
      metadata["deletionTimestamp"] = "2026-01-02T03:00:00Z";
      if (metadata.value("finalizers", json::array()).empty()) services.erase(name);
      return true;
    }
    if (request.method == "PATCH" &&
        body["metadata"]["resourceVersion"] != web()["metadata"]["resourceVersion"]) {
      return false;
    }
    if (request.method == "POST" && services.contains(body["metadata"]["name"])) return false;
    std::string why;
    std::optional<json> made = Made(request, why);
    if (!made) return false;
    if (request.method == "POST") (*made)["metadata"]["uid"] = "u" + std::to_string(++uid_);
    Put(*std::move(made));
    return true;
  }

  crds::RecreateService params_;
  crds::Remediation remediation_;
  crds::StepProgress step_;
  int version_ = 0;
  int uid_ = 1;
};

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
