// A load balancer is made anew, over a cloud that takes its time: whatever happens to the process,
// the requests, the policy or the Remediation on the way, the Service is there in the end as it
// was, with one load balancer.
#include <algorithm>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_services.h"
#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr char kWeb[] = "net/web";

json Web() {
  return json::parse(R"({
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "web", "namespace": "net", "uid": "web-1", "generation": 1,
                 "annotations": {"sick": "yes", "cloud/scheme": "internal"}},
    "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.10", "selector": {"app": "web"},
             "loadBalancerClass": "example.com/lb", "loadBalancerSourceRanges": ["10.0.0.0/8"],
             "externalTrafficPolicy": "Local", "healthCheckNodePort": 30100,
             "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}]}})");
}

// What has to be the same before and after.
json Kept(json service) {
  service["metadata"].erase("resourceVersion");
  service["metadata"].erase("generation");
  service["metadata"].erase("creationTimestamp");
  service["metadata"].erase("uid");
  service["metadata"]["annotations"].erase("sick");
  service.erase("status");
  return service;
}

struct Ward {
  Simulation s;
  actions::FakeServiceRules rules;
  actions::FakeCloud cloud;
  json before;
  bool by_type = true;

  explicit Ward(const std::string& step = R"({"recreateService": {}})") {
    by_type = step.find("DeleteCreate") == std::string::npos;
    s.api.admit = [this](const std::string& plural, const json& old, json& now) -> std::string {
      std::string why;
      if (plural != "services" || rules.Admit(old, now, why)) return "";
      return why;
    };
    s.server.Put("services", Web());
    Work();
    before = Kept(s.Get("services", kWeb));
    s.Policy({{"target", {{"apiVersion", "v1"}, {"kind", "Service"}, {"namespaces", {"net"}}}},
              {"triggers",
               {{{"name", "sick"},
                 {"match",
                  {{{"name", "m"},
                    {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
              {"remedies",
               {{{"name", "recreate"}, {"steps", {json::parse(step)}}, {"cureWithin", "5m"}}}},
              {"recovery", {{"stableFor", "1s"}}},
              {"limits", {{"maxUnhealthy", "100%"}, {"cooldown", "24h"}}}});
  }

  // What the cloud does; the garbage collector removes what belongs to nobody.
  void Work() {
    for (auto& [key, service] : s.server.Objects("services")) {
      json worked = service;
      if (cloud.Work(worked)) s.server.Put("services", worked);
      const json& metadata = worked["metadata"];
      if (metadata.contains("deletionTimestamp") &&
          metadata.value("finalizers", json::array()).empty()) {
        s.server.Delete("services", "net", metadata["name"].get<std::string>());
      }
    }
  }

  // Another recreation, of a Service whose type `manager` has set last.
  void RunByHand(const char* manager) {
    json left = s.Get("services", kWeb);
    left["metadata"]["managedFields"] = {
        {{"manager", manager},
         {"operation", "Update"},
         {"time", "2026-01-02T03:10:00Z"},
         {"fieldsV1", {{"f:spec", {{"f:type", json::object()}}}}}}};
    s.server.Put("services", left);
    Seconds(10);
    s.server.Put(
        "remediations",
        {{"metadata", {{"name", "by-hand"}, {"generation", 1}}},
         {"spec",
          {{"policyRef", {{"name", "policy"}}},
           {"targetRef",
            {{"apiVersion", "v1"}, {"kind", "Service"}, {"namespace", "net"}, {"name", "web"}}},
           {"requestedBy", "alice"}}}});
  }

  bool exists() const { return !s.Get("services", kWeb).is_null(); }
  std::string type() const {
    return exists() ? s.Get("services", kWeb)["spec"]["type"].get<std::string>() : "gone";
  }

  // A second, and what must hold in each.
  void Second() {
    s.Advance(absl::Seconds(1));
    Work();
    if (by_type) {
      ASSERT_TRUE(exists());
      EXPECT_EQ(s.Get("services", kWeb)["metadata"]["uid"], "web-1");
      EXPECT_EQ(s.Get("services", kWeb)["spec"]["clusterIP"], "10.96.0.10");
    }
  }
  void Seconds(
      int n, const std::function<bool()>& until = [] { return false; }) {
    for (int i = 0; i < n && !until(); ++i) Second();
  }
  void Heal() {
    if (exists()) s.Edit("services", kWeb, {{"metadata", {{"annotations", {{"sick", nullptr}}}}}});
  }

  void ExpectWhole(size_t made = 2) {
    ASSERT_TRUE(exists());
    json now = Kept(s.Get("services", kWeb));
    now["metadata"].erase("managedFields");
    EXPECT_EQ(now, before);
    EXPECT_EQ(cloud.made.size(), made);
    EXPECT_EQ(cloud.most_at_once, 1u);
    EXPECT_EQ(s.server.Objects("services").size(), 1u);
    EXPECT_EQ(s.Get("services", kWeb)["status"]["loadBalancer"]["ingress"][0]["ip"],
              cloud.made.back().address);
  }
};

constexpr const char* kSteps[] = {
    R"({"recreateService": {"addressStableFor": "0s"}})",
    R"({"recreateService": {"addressStableFor": "0s", "strategy": "DeleteCreate"}})",
    R"({"recreateService": {"addressStableFor": "0s", "strategy": "BlueGreen", "overlap": "2s"}})",
};

class Recreation : public ::testing::TestWithParam<const char*> {
 protected:
  size_t made() const {
    return std::string(GetParam()).find("BlueGreen") == std::string::npos ? 2 : 3;
  }
};

TEST_P(Recreation, GivesANewLoadBalancerAndTellsItsAddress) {
  Ward w(GetParam());
  w.s.Start();
  w.Seconds(40);
  w.Heal();
  w.Seconds(10);
  w.ExpectWhole(made());
  EXPECT_EQ(w.s.Phase(), "Succeeded");
  EXPECT_THAT(w.s.told, ::testing::Contains(HasSubstr(
                            "LoadBalancerRecreated: policy policy: Service net/web has a new load "
                            "balancer: the address was 192.0.2.1 and is " +
                            w.cloud.made.back().address)));
}

TEST_P(Recreation, ACrashAtAnyWriteChangesNothing) {
  size_t writes = 1;
  for (size_t nth = 0; nth <= writes; ++nth) {
    for (const Fault fault : {Fault::kNone, Fault::kLostBefore, Fault::kLostAfter}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      Ward w(GetParam());
      size_t seen = 0;
      bool crash = false;
      w.s.api.fault = [&](const FakeApi::Request& request) {
        if (request.target.find("/remediationpolicies/") != std::string::npos) return Fault::kNone;
        if (++seen != nth) return Fault::kNone;
        crash = true;
        return fault;
      };
      w.s.Start();
      for (int i = 0; i < 60; ++i) {
        w.Second();
        if (crash) w.s.Restart();
        crash = false;
        if (i == 50) w.Heal();
      }
      w.Seconds(10);
      if (nth == 0) writes = seen;
      EXPECT_EQ(w.s.Phase(), "Succeeded") << w.s.Remediations()[0]["status"]["message"];
      w.ExpectWhole(made());
    }
  }
  EXPECT_GT(writes, 5u);
}

// semantics: what was begun is completed, then it stops.
enum class Stop { kPolicyDeleted, kCancelled, kRemediationDeleted, kPaused, kWell, kRestarted };

TEST_P(Recreation, PolicyDeletedMidFlipFinishesAndUndoes) {
  for (const Stop stop : {Stop::kPolicyDeleted, Stop::kCancelled, Stop::kRemediationDeleted,
                          Stop::kPaused, Stop::kWell, Stop::kRestarted}) {
    SCOPED_TRACE(static_cast<int>(stop));
    Ward w(GetParam());
    w.cloud.never_deletes = true;
    w.s.Start();
    w.Seconds(60, [&] { return w.type() == "NodePort"; });
    ASSERT_EQ(w.type(), "NodePort");
    const json remediation = w.s.Remediations()[0];
    const std::string name = "/" + remediation["metadata"]["name"].get<std::string>();
    EXPECT_EQ(remediation["metadata"]["finalizers"], json({"kube-remedy.io/effects"}));
    switch (stop) {
      case Stop::kPolicyDeleted:
      case Stop::kRestarted:
        w.s.server.Delete("remediationpolicies", "", "policy");
        break;
      case Stop::kCancelled:
        w.s.Edit("remediations", name, {{"spec", {{"cancel", true}}}});
        break;
      case Stop::kRemediationDeleted:
        w.s.Edit("remediations", name,
                 {{"metadata", {{"deletionTimestamp", "2026-01-02T03:04:05Z"}}}});
        break;
      case Stop::kPaused: {
        json spec = w.s.Get("remediationpolicies", "/policy")["spec"];
        spec["paused"] = true;
        w.s.Policy(spec);
        break;
      }
      case Stop::kWell:
        w.Heal();
        break;
    }
    w.Seconds(5);
    if (stop == Stop::kRestarted) w.s.Restart();
    w.Seconds(5);
    EXPECT_EQ(w.type(), "NodePort");
    EXPECT_EQ(w.cloud.made.size(), made() - 1);
    w.cloud.never_deletes = false;
    w.Seconds(60);
    if (stop == Stop::kPaused || stop == Stop::kWell) w.Heal();
    w.Seconds(5);
    w.ExpectWhole(made());
    const bool goes_on = stop == Stop::kPaused || stop == Stop::kWell;
    const std::string phase = w.s.Phase();
    if (stop == Stop::kRemediationDeleted) {
      EXPECT_THAT(phase, AnyOf("", "Cancelled"));
    } else if (!goes_on) {
      EXPECT_EQ(phase, "Cancelled");
      EXPECT_THAT(w.s.Remediations()[0]["status"]["message"].get<std::string>(),
                  HasSubstr("completed first"));
    }
  }
}

TEST_P(Recreation, AnOldLoadBalancerThatNeverGoesStopsWithoutASecond) {
  Ward w(GetParam());
  w.cloud.never_deletes = true;
  w.s.Start();
  w.Seconds(700);
  EXPECT_EQ(w.s.Phase(), "Failed");
  EXPECT_EQ(w.type(), "NodePort");
  EXPECT_EQ(w.cloud.made.size(), made() - 1);
  EXPECT_EQ(w.cloud.most_at_once, 1u);
  const std::string message = w.s.Remediations()[0]["status"]["message"];
  EXPECT_THAT(message, HasSubstr("OldLoadBalancerRemains"));
  EXPECT_THAT(w.s.told, ::testing::Contains(HasSubstr("is of type NodePort now")));
}

// The next one, here by hand, brings back what the first one has left; a person who has chosen the
// type since is not overruled.
TEST_P(Recreation, WhatWasLeftANodePortIsCompletedByTheNextOne) {
  for (const char* manager : {"kube-remedy", "kubectl"}) {
    SCOPED_TRACE(manager);
    Ward w(GetParam());
    w.cloud.never_deletes = true;
    w.s.Start();
    w.Seconds(700);
    ASSERT_EQ(w.type(), "NodePort");
    w.cloud.never_deletes = false;
    w.Heal();
    w.RunByHand(manager);
    w.Seconds(60);
    const json run = w.s.Get("remediations", "/by-hand");
    if (std::string(manager) == "kubectl") {
      EXPECT_EQ(w.type(), "NodePort");
      EXPECT_THAT(run["status"]["message"].get<std::string>(), HasSubstr("NotALoadBalancer"));
      continue;
    }
    EXPECT_EQ(run["status"]["phase"], "Succeeded") << run["status"]["message"];
    w.ExpectWhole(made());
  }
}

TEST(RecreationByDeletion, ADeletionThatIsNotPermittedIsFoundBeforeAnythingIsTakenDown) {
  Ward w(kSteps[1]);
  w.s.api.refuse_dry_run = [](const FakeApi::Request& request) {
    return request.method == "DELETE" ? 403 : 0;
  };
  w.s.Start();
  w.Seconds(20);
  EXPECT_EQ(w.s.Phase(), "Failed");
  EXPECT_THAT(w.s.Remediations()[0]["status"]["message"].get<std::string>(),
              HasSubstr("PermissionDenied: the API server refused: "));
  EXPECT_EQ(w.type(), "LoadBalancer");
  EXPECT_EQ(w.cloud.made.size(), 1u);
}

// Rights that were taken away on the way: whoever gives them back gets the Service back.
TEST(RecreationByDeletion, WhatStoppedAtTheDeletionIsCompletedByTheNextOne) {
  Ward w(kSteps[1]);
  bool refuse = true;
  w.s.api.fault = [&](const FakeApi::Request& request) {
    return refuse && request.method == "DELETE" ? Fault::kForbidden : Fault::kNone;
  };
  w.s.Start();
  w.Seconds(20);
  ASSERT_EQ(w.s.Phase(), "Failed");
  ASSERT_EQ(w.type(), "NodePort");
  refuse = false;
  w.Heal();
  w.RunByHand("kube-remedy");
  w.Seconds(60);
  const json run = w.s.Get("remediations", "/by-hand");
  EXPECT_EQ(run["status"]["phase"], "Succeeded") << run["status"]["message"];
  w.ExpectWhole(2);
}

TEST_P(Recreation, NothingIsBegunForAPolicyThatIsGone) {
  Ward w(GetParam());
  w.s.Start();
  w.s.server.Delete("remediationpolicies", "", "policy");
  w.Seconds(30);
  EXPECT_EQ(w.type(), "LoadBalancer");
  EXPECT_LE(w.cloud.made.size(), made());
}

INSTANTIATE_TEST_SUITE_P(Strategies, Recreation, ::testing::ValuesIn(kSteps),
                         [](const auto& param_info) {
                           const std::string step = param_info.param;
                           if (step.find("Delete") != std::string::npos) return "DeleteCreate";
                           return step.find("Blue") != std::string::npos ? "BlueGreen" : "TypeFlip";
                         });

}  // namespace
}  // namespace kr::remediation
