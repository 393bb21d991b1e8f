// What a drain does when its time is up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/drain/shop.h"

namespace kr::drain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(DrainTimeout, AtTheTimeoutItSaysWhatIsLeft) {
  Shop shop;
  shop.Replicas("web", {"n1", "n2"});
  shop.Limit("web", 0);
  Situation situation = shop.Drain();
  situation.started = shop.now - shop.rules.timeout;
  EXPECT_THAT(Shop::Text(shop.Ask(situation)),
              AllOf(StartsWith("DrainTimeout: after 1h 0 of 1 pods are gone"),
                    HasSubstr("web-budget allows no disruption now")));
}

TEST(DrainTimeout, R93BeforeTheDeadlineEachPodIsDeletedWithItsWholeGrace) {
  Shop shop;
  shop.rules.timeout = absl::Seconds(110);
  shop.rules.on_timeout = crds::DrainOnTimeout::kDeletePods;
  shop.Replicas("web", {"n1", "n2"});  // grace 30 s: deleted after 80
  shop.Limit("web", 0);
  shop.Replicas("slow", {"n1", "n2"});
  shop.EditSpec("slow-a", [](PodSpec& spec) { spec.grace_seconds = 600; });
  shop.Limit("slow", 0);
  shop.Set("db", {"n1", "n2", "n3"});
  shop.Limit("db", 0);
  const auto after = [&](int seconds, bool approved = false) {
    Situation situation = shop.Drain();
    situation.started = shop.now - absl::Seconds(seconds);
    situation.approved = approved;
    return Shop::Text(shop.Ask(situation));
  };
  EXPECT_THAT(after(54), StartsWith("wait:"));
  EXPECT_EQ(after(55), "delete: slow-a");
  EXPECT_EQ(after(80), "delete: slow-a web-a");
  EXPECT_EQ(after(80, /*approved=*/true), "delete: slow-a web-a db-0");
  shop.cluster.RemovePod({"shop", "slow-a"});
  shop.cluster.RemovePod({"shop", "web-a"});
  EXPECT_THAT(after(139), StartsWith("wait:"));
  EXPECT_THAT(after(140), AllOf(StartsWith("DrainTimeout"), HasSubstr("shop/db-0")));
}

// The deadline overrides budgets, not what the policy says about losing pods.
TEST(DrainTimeout, WhatThePolicyKeepsHereIsNotDeletedAtTheDeadline) {
  Shop shop;
  shop.rules.on_timeout = crds::DrainOnTimeout::kDeletePods;
  shop.Replicas("web", {"n1", "n2"});
  shop.GiveVolume("web-a", "disk-w", {"n1"});
  shop.Replicas("api", {"n1"});
  shop.EditSpec("api-a", [](PodSpec& spec) { spec.node_selector["disk"] = "none"; });
  shop.Replicas("large", {"n1"});
  shop.EditSpec("large-a", [](PodSpec& spec) { spec.requests["cpu"] = 9; });
  shop.Replicas("held", {"n1", "n2"});
  shop.Limit("held", 0);
  shop.Set("db", {"n1", "n2"});
  shop.GiveVolume("db-0", "disk-0", {"n1"});
  Situation late = shop.Drain();
  late.started = shop.now - shop.rules.timeout;
  late.approved = true;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "delete: held-a");
  shop.rules.immovable = crds::DrainImmovable::kEvictAnyway;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "api-a web-a");
  shop.rules.headroom = crds::DrainHeadroom::kIgnore;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "api-a large-a web-a");
}

TEST(DrainTimeout, WithoutRoomForAllNothingIsDeletedAtTheDeadline) {
  Shop shop(2);
  shop.rules.on_timeout = crds::DrainOnTimeout::kDeletePods;
  shop.Replicas("web", {"n1", "n1", "n1"});
  shop.Limit("web", 0);
  shop.Replicas("big", {"n2"});
  shop.EditSpec("big-a", [](PodSpec& spec) { spec.requests["cpu"] = 7; });
  Situation late = shop.Drain();
  late.started = shop.now - shop.rules.timeout;
  EXPECT_THAT(Shop::Text(shop.Ask(late)), AllOf(StartsWith("wait:"), HasSubstr("lack 0.5 cpu")));
  shop.rules.headroom = crds::DrainHeadroom::kIgnore;
  EXPECT_EQ(Shop::Text(shop.Ask(late)), "delete: web-a web-b web-c");
}

}  // namespace
}  // namespace kr::drain
