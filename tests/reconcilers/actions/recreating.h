#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/recreate_service.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/reconcilers/actions/fake_services.h"

namespace kr::actions {

inline const kube::Resource kServices{{"", "v1", "Service"}, "services", true};
inline const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

inline json Web() {
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
inline json WillingWeb() {
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

}  // namespace kr::actions
