#include "reconcilers/actions/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

using ::testing::HasSubstr;

const kube::Resource kDeployments{{"apps", "v1", "Deployment"}, "deployments", true};
constexpr char kAutoscalers[] = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";
const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

json Web(int replicas) {
  return {{"metadata", {{"name", "web"}, {"uid", "u1"}, {"resourceVersion", "7"}}},
          {"spec", {{"replicas", replicas}}}};
}

Observed SeeingWeb(std::optional<json> live, std::map<std::string, json> values = {}) {
  Observed observed = Seeing(std::move(live), std::move(values));
  observed.ref = {kDeployments, {"shop", "web"}, "u1"};
  observed.looked[kAutoscalers] = {{{"items", json::array()}}, observed.now};
  return observed;
}

std::string Wanted(const crds::Scale& params, int current,
                   std::map<std::string, json> values = {}) {
  auto action = *MakeScale(params, kScope, "p");
  const Next next = action->Ask(nullptr, SeeingWeb(Web(current), std::move(values)));
  if (auto* write = std::get_if<Write>(&next)) {
    return json::parse(write->request.body)["spec"]["replicas"].dump();
  }
  return Text(next);
}

TEST(Scale, WhatItWants) {
  struct Case {
    std::string name;
    crds::Scale params;
    int current;
    std::string wanted;
  };
  const std::string so = "Done already so: Deployment shop/web has ";
  const Case cases[] = {
      {"a number", {.replicas = 3}, 1, "3"},
      {"already so", {.replicas = 3}, 3, so + "3 replicas"},
      {"down", {.replicas = 0}, 3, "0"},
      {"computed", {.replicas_expression = "object.n"}, 1, "8"},
      {"at most", {.replicas_expression = "object.n", .max = 5}, 1, "5"},
      {"at least", {.replicas_expression = "object.n", .min = 9}, 1, "9"},
      {"never down", {.replicas = 3, .raise_only = true}, 5, so + "5 replicas"},
      {"up only", {.replicas = 3, .raise_only = true}, 2, "3"},
      {"never up", {.replicas = 3, .lower_only = true}, 2, so + "2 replicas"},
      {"negative",
       {.replicas_expression = "object.negative"},
       1,
       "Failed InvalidValue: object.negative gave -1, expected a number of replicas from 0 to "
       "100000"},
      {"a text",
       {.replicas_expression = "object.text"},
       1,
       "Failed InvalidValue: object.text gave \"3\", expected a number of replicas from 0 to "
       "100000"},
      {"unknown",
       {.replicas_expression = "object.gone"},
       1,
       "Wait the number of replicas is unknown: object.gone: not listed yet"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Wanted(c.params, c.current,
                     {{"object.n", 8}, {"object.negative", -1}, {"object.text", "3"}}),
              c.wanted);
  }
}

TEST(Scale, AFactorIsAppliedOnce) {
  auto action = *MakeScale({.replicas_expression = "object.twice"}, kScope, "p");
  const Next first = action->Ask(nullptr, SeeingWeb(Web(3), {{"object.twice", 6}}));
  const json memo = std::get<Write>(first).memo;
  EXPECT_EQ(memo, json::parse(R"({"replicas": 6, "before": 3})"));
  // The expression gives another number now; it is not asked.
  EXPECT_EQ(Text(action->Ask(memo, SeeingWeb(Web(6), {{"object.twice", 12}}))),
            "Done done: Deployment shop/web has 6 replicas");
}

TEST(Scale, GoesThroughTheSubresourceUnderTheVersionThatWasSeen) {
  auto action = *MakeScale({.replicas = 3}, kScope, "p");
  const Next next = action->Ask(nullptr, SeeingWeb(Web(1)));
  const kube::HttpRequest& request = std::get<Write>(next).request;
  EXPECT_THAT(request.target, HasSubstr("/deployments/web/scale?"));
  EXPECT_EQ(json::parse(request.body)["metadata"], json({{"resourceVersion", "7"}}));
  Observed other = SeeingWeb(Web(1));
  other.ref.resource = {{"example.com", "v1", "Thing"}, "things", true};
  const Next by_spec = action->Ask(nullptr, other);
  EXPECT_THAT(std::get<Write>(by_spec).request.target, HasSubstr("/things/web?"));
}

TEST(Scale, AnAutoscalerIsNamedAndLeftInCharge) {
  const json autoscaler = {
      {"metadata", {{"name", "web-hpa"}}},
      {"spec",
       {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
        {"minReplicas", 2},
        {"maxReplicas", 9}}}};
  auto action = *MakeScale({.replicas = 3}, kScope, "p");
  Observed observed = SeeingWeb(Web(1));
  observed.looked.clear();
  ASSERT_EQ(KindOf(action->Ask(nullptr, observed)), "Look");
  observed.looked[kAutoscalers] = {{{"items", json::array({autoscaler})}}, observed.now};
  EXPECT_EQ(Text(action->Ask(nullptr, observed)),
            "Report ScaledByAutoscaler: Deployment shop/web is scaled by HorizontalPodAutoscaler "
            "web-hpa (2 to 9), which would set the replicas back; change its bounds instead");
  auto all_the_same =
      *MakeScale({.replicas = 3, .autoscaler = crds::AutoscalerRule::kIgnore}, kScope, "p");
  EXPECT_EQ(KindOf(all_the_same->Ask(nullptr, observed)), "Write");
  // 0 replicas switch an autoscaler off.
  observed.live = Web(0);
  EXPECT_EQ(KindOf(action->Ask(nullptr, observed)), "Write");
}

TEST(Scale, IsTakenBackWhileItIsOurs) {
  auto action = *MakeScale({.replicas = 6}, kScope, "p");
  const json memo = {{"replicas", 6}, {"before", 3}};
  const auto undo = action->Undo(memo, SeeingWeb(Web(6)));
  ASSERT_TRUE(undo);
  EXPECT_EQ(json::parse(undo->request.body)["spec"]["replicas"], 3);
  EXPECT_FALSE(action->Undo(memo, SeeingWeb(Web(7)))) << "somebody else has decided since";
  EXPECT_TRUE(action->EffectHolds(memo, Web(6)));
  EXPECT_FALSE(action->EffectHolds(memo, Web(3)));
}

}  // namespace
}  // namespace kr::actions
