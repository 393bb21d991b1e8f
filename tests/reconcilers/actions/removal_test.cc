// deletePod and delete: the right object, and done only when it is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/actions/delete_object.h"
#include "reconcilers/actions/delete_pod.h"
#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using ::testing::HasSubstr;

const kube::Resource kPods{{"", "v1", "Pod"}, "pods", true};

std::unique_ptr<Action> Evict(std::optional<int64_t> grace = std::nullopt) {
  return *MakeDeletePod({.grace_period_seconds = grace}, {}, "p");
}
std::unique_ptr<Action> DeletePod(std::optional<int64_t> grace = std::nullopt) {
  return *MakeDeletePod({.mode = crds::DeletePodMode::kDelete, .grace_period_seconds = grace}, {},
                        "p");
}
std::unique_ptr<Action> Delete() {
  return *MakeDelete({.propagation = crds::Propagation::kForeground}, {}, "p");
}

json Pod(const json& metadata = json::object()) {
  json pod = {{"metadata", {{"name", "web-1"}, {"namespace", "shop"}, {"uid", "u1"}}}};
  pod["metadata"].update(metadata);
  return pod;
}

Observed SeeingPod(std::optional<json> live) {
  Observed observed = Seeing(std::move(live));
  observed.ref = {kPods, {"shop", "web-1"}, "u1"};
  return observed;
}

TEST(Removal, WhatIsAnsweredToWhatIsSeen) {
  const json going = {{"deletionTimestamp", "2026-01-02T03:00:00Z"},
                      {"finalizers", {"example.com/a", "example.com/b"}}};
  struct Case {
    std::string name;
    std::unique_ptr<Action> action;
    std::optional<json> live;
    int at;  // seconds after the step began
    std::string answer;
  };
  const std::string held =
      "Pod shop/web-1 is going since 2026-01-02T03:00:00Z, held by "
      "example.com/a, example.com/b";
  Case cases[] = {
      {"nothing seen yet", Evict(), std::nullopt, 0, "Read"},
      {"there", Evict(), Pod(), 0, "Write"},
      {"gone before us", Evict(), json(), 0, "Done Pod shop/web-1 was gone already"},
      {"a namesake", DeletePod(), Pod({{"uid", "u2"}}), 0, "Done Pod shop/web-1 was gone already"},
      {"going", DeletePod(), Pod(going), 0, "Wait " + held},
      {"going for too long", DeletePod(), Pod(going), 300, "Failed Timeout: after 5m " + held},
      {"of a file on the node", Evict(),
       Pod({{"annotations", {{"kubernetes.io/config.mirror", "x"}}}}), 0,
       "Failed MirrorPod: Pod shop/web-1 mirrors a file on its node; its kubelet would make it "
       "again"},
      {"any object", Delete(), Pod(), 0, "Write"},
      {"any object that is going", Delete(), Pod(going), 0, "Wait " + held},
  };
  for (Case& c : cases) {
    SCOPED_TRACE(c.name);
    Observed observed = SeeingPod(c.live);
    observed.now = At(c.at);
    EXPECT_EQ(Text(c.action->Ask(nullptr, observed)), c.answer);
  }
  EXPECT_THAT(Text(Evict()->Ask(nullptr, Seeing(Pod()))), HasSubstr("Failed NotAPod"));
}

TEST(Removal, RequestsNameTheObjectThatWasSeen) {
  const auto request = [](const std::unique_ptr<Action>& action) {
    return std::get<Write>(action->Ask(nullptr, SeeingPod(Pod()))).request;
  };
  const kube::HttpRequest eviction = request(Evict(7));
  EXPECT_EQ(eviction.method, "POST");
  EXPECT_THAT(eviction.target, HasSubstr("/namespaces/shop/pods/web-1/eviction"));
  EXPECT_EQ(json::parse(eviction.body)["deleteOptions"],
            json::parse(R"({"preconditions": {"uid": "u1"}, "gracePeriodSeconds": 7})"));
  const kube::HttpRequest deletion = request(DeletePod(7));
  EXPECT_EQ(deletion.method, "DELETE");
  EXPECT_EQ(json::parse(deletion.body)["preconditions"], json({{"uid", "u1"}}));
  EXPECT_EQ(json::parse(deletion.body)["gracePeriodSeconds"], 7);
  EXPECT_FALSE(json::parse(request(DeletePod()).body).contains("gracePeriodSeconds"));
  EXPECT_EQ(json::parse(request(Delete()).body)["propagationPolicy"], "Foreground");
}

TEST(Removal, AfterARequestTheMessageTellsWhoDidIt) {
  EXPECT_EQ(Text(Evict()->Ask({{"sent", true}}, SeeingPod(json()))), "Done evicted Pod shop/web-1");
  EXPECT_EQ(Text(Delete()->Ask({{"sent", true}}, SeeingPod(json()))),
            "Done deleted Pod shop/web-1");
}

TEST(Removal, ABlockedEvictionIsTriedUntilTheTimeout) {
  Observed observed = SeeingPod(Pod());
  observed.refusal = "The disruption budget web needs 2 healthy pods and has 2 currently";
  observed.now = At(299);
  EXPECT_EQ(Text(Evict()->Ask({{"sent", true}}, observed)), "Write");
  observed.now = At(300);
  EXPECT_EQ(Text(Evict()->Ask({{"sent", true}}, observed)),
            "Failed EvictionBlocked: still blocked after 5m: The disruption budget web needs 2 "
            "healthy pods and has 2 currently");
}

}  // namespace
}  // namespace kr::actions
