#include "reconcilers/limits/admission.h"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "reconcilers/limits/observe_budget.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

const std::vector<SlotHolder> kHolders = {{"rem-a", "Node a"}};
const std::vector<std::string> kKubeSystem = {"kube-system"};

struct Asked {
  PolicyView policy;
  TargetView target;
  std::vector<Window> windows;
  std::vector<absl::Time> created;
};

// Windows and rates are asked of once for all targets.
std::optional<Refusal> Decide(Asked asked) {
  asked.policy.outside_window = CheckWindows(asked.windows, asked.policy.now);
  asked.policy.rate = CheckRates(asked.policy, asked.created);
  return limits::Decide(asked.policy, asked.target);
}

// A sick calico-node with nothing in the way.
Asked Admitted() {
  Asked view;
  view.policy.now = At(6);
  view.policy.generation = 5;
  view.policy.named_namespaces = kKubeSystem;
  view.policy.selected = 100;
  view.target.facts.ref = Calico();
  view.target.sick_since = At(5, 50);
  view.policy.breaker.Observe(Breaker::Counts{1, 100}, {}, At(5));
  return view;
}

LineageMemory Failed(int64_t failures, absl::Time finished, absl::Time cooldown_until) {
  LineageMemory memory;
  memory.ledger = {.n = failures,
                   .failures = failures,
                   .cooldown_until = cooldown_until,
                   .exhausted = failures >= kFailuresUntilExhausted};
  memory.outcome = crds::Phase::kFailed;
  memory.finished_at = finished;
  memory.policy_generation = 5;
  memory.observed_since = At(0);
  return memory;
}

struct Obstacle {
  std::string reason;  // of the refusal that it causes
  std::function<void(Asked&)> put;
};

// In the order in which Decide has to name them.
const std::vector<Obstacle>& Obstacles() {
  static const std::vector<Obstacle> obstacles = {
      {"Paused", [](Asked& v) { v.policy.paused = true; }},
      {"StaleView", [](Asked& v) { v.policy.stale = "the watch of pods is down"; }},
      {"SymptomUnknown", [](Asked& v) { v.target.unknown = "no such key: spec"; }},
      {"Protected", [](Asked& v) { v.target.facts.exclude_label = "true"; }},
      {"ForeignMaintenance",
       [](Asked& v) {
         v.target.foreign = Refusal{Reason::kForeignMaintenance, "kured is rebooting it"};
       }},
      {"BreakerOpen",
       [](Asked& v) {
         v.policy.breaker.Observe(Breaker::Counts{50, 100}, {}, At(6));
       }},
      {"Contended",
       [](Asked& v) {
         if (!v.target.memory) v.target.memory = Failed(0, At(5), At(5));
         v.target.memory->contended = crds::Contended{.count = 2, .manager = "argocd"};
       }},
      {"Exhausted",
       [](Asked& v) {
         if (!v.target.memory) v.target.memory = Failed(3, At(5), At(5));
         v.target.memory->ledger.failures = 3;
         v.target.memory->ledger.exhausted = true;
       }},
      {"CoolingDown",
       [](Asked& v) {
         if (!v.target.memory) v.target.memory = Failed(1, At(5), At(7));
         v.target.memory->ledger.cooldown_until = At(7);
       }},
      {"TargetBusy",
       [](Asked& v) {
         v.target.busy = Refusal{Reason::kTargetBusy, "Node a is being remediated"};
       }},
      {"MaxConcurrent", [](Asked& v) { v.policy.holders = kHolders; }},
      {"BudgetExhausted",
       [](Asked& v) {
         v.target.budget = Refusal{Reason::kBudgetExhausted, "the budget zone has no room"};
       }},
  };
  return obstacles;
}

TEST(AdmissionTest, ASickTargetWithNothingInTheWayIsAdmitted) {
  EXPECT_EQ(Decide(Admitted()), std::nullopt);
}

TEST(AdmissionTest, EachObstacleAloneRefuses) {
  for (const Obstacle& obstacle : Obstacles()) {
    SCOPED_TRACE(obstacle.reason);
    Asked view = Admitted();
    obstacle.put(view);
    std::optional<Refusal> refusal = Decide(view);
    EXPECT_EQ(NameOf(refusal), obstacle.reason);
    EXPECT_NE(MessageOf(refusal), "");
  }
}

TEST(AdmissionTest, TheFirstOfTwoObstaclesIsNamed) {
  const std::vector<Obstacle>& obstacles = Obstacles();
  for (size_t first = 0; first < obstacles.size(); ++first) {
    for (size_t second = first + 1; second < obstacles.size(); ++second) {
      SCOPED_TRACE(obstacles[first].reason + " before " + obstacles[second].reason);
      Asked view = Admitted();
      obstacles[first].put(view);
      obstacles[second].put(view);
      EXPECT_EQ(NameOf(Decide(view)), obstacles[first].reason);
    }
  }
}

TEST(AdmissionTest, MessagesSayWhoAndWhen) {
  struct Case {
    const char* name;
    std::function<void(Asked&)> put;
    std::string message;
    absl::Time next_check = absl::InfiniteFuture();
  };
  const Case cases[] = {
      {"paused", [](Asked& v) { v.policy.paused = true; }, "the policy is paused (spec.paused)"},
      {"globally paused", [](Asked& v) { v.policy.paused = v.policy.globally_paused = true; },
       "the operator is paused"},
      {"stale",
       [](Asked& v) {
         v.policy.stale = "the watch of pods is down since 05:59";
         v.policy.stale_until = At(6, 1);
       },
       "the watch of pods is down since 05:59", At(6, 1)},
      {"busy",
       [](Asked& v) {
         v.target.busy = Refusal{Reason::kTargetBusy, "Node a is being remediated"};
       },
       "Node a is being remediated"},
      {"cooling down", [](Asked& v) { v.target.memory = Failed(1, At(5), At(7)); },
       "the last remediation ended not long ago, the next may start at 2026-01-02T07:00:00Z "
       "(1 failure so far)",
       At(7)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Asked view = Admitted();
    c.put(view);
    std::optional<Refusal> refusal = Decide(view);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->message, c.message);
    EXPECT_EQ(refusal->next_check, c.next_check);
  }
}

TEST(AdmissionTest, ARevertedChangeIsAppliedAgainOnceWithoutACooldown) {
  Asked view = Admitted();
  view.target.memory = Failed(0, At(5), At(7));
  view.target.memory->outcome = crds::Phase::kSucceeded;
  view.target.memory->contended = crds::Contended{.count = 1, .manager = "argocd"};
  EXPECT_EQ(NameOf(Decide(view)), "CoolingDown");
  view.target.reverted = true;
  EXPECT_EQ(Decide(view), std::nullopt);
  view.target.memory->contended->count = 2;
  EXPECT_EQ(NameOf(Decide(view)), "Contended");
}

TEST(AdmissionTest, AChangedPolicyIsAnotherChance) {
  Asked view = Admitted();
  view.target.memory = Failed(3, At(5), At(7));
  view.target.memory->contended = crds::Contended{.count = 2, .manager = "argocd"};
  view.policy.generation = 6;
  EXPECT_EQ(Decide(view), std::nullopt) << "at once: somebody is waiting for it";
  view.target.memory->outcome = crds::Phase::kSucceeded;
  EXPECT_EQ(NameOf(Decide(view)), "CoolingDown") << "but a cure is left in peace";
}

TEST(AdmissionTest, ATryOfTheHalfOpenBreakerIsOneAtATime) {
  Asked view = Admitted();
  view.policy.limits.max_concurrent = crds::IntOrPercent::Count(10);
  view.policy.breaker.Observe(Breaker::Counts{50, 100}, {}, At(5));
  view.policy.breaker.Observe(Breaker::Counts{2, 100}, {}, At(5));
  view.policy.breaker.Observe(Breaker::Counts{2, 100}, {}, At(6));
  EXPECT_EQ(Decide(view), std::nullopt);
  view.policy.holders = kHolders;
  EXPECT_EQ(NameOf(Decide(view)), "BreakerOpen");
}

TEST(AdmissionTest, EachGroupHasLimitsOfItsOwn) {
  Asked view = Admitted();
  view.policy.limits.max_concurrent = crds::IntOrPercent::Count(10);
  view.policy.holders = kHolders;
  GroupView zone{.name = "zone eu-1", .max_concurrent = crds::IntOrPercent::Count(1)};
  zone.selected = 30;
  view.target.groups = {zone};
  EXPECT_EQ(Decide(view), std::nullopt) << "the one that is going on is in another zone";
  view.target.groups[0].holders = kHolders;
  EXPECT_EQ(
      MessageOf(Decide(view)),
      "in zone eu-1: 1 of at most 1 remediations of this policy are going on: rem-a (Node a)");

  zone = {.name = "zone eu-1", .max_unhealthy = crds::IntOrPercent::Percent(10)};
  zone.breaker.Observe(Breaker::Counts{9, 30}, {*zone.max_unhealthy, absl::Minutes(10)}, At(6));
  view.target.groups = {zone};
  EXPECT_EQ(NameOf(Decide(view)), "BreakerOpen");
}

TEST(AdmissionTest, OutsideItsWindowsNothingBegins) {
  const auto window = Window::Parse({"0 0 * * *", absl::Hours(1)});
  ASSERT_TRUE(window.ok()) << window.status();
  Asked view = Admitted();
  view.windows = {*window};
  view.policy.now = absl::FromCivil(absl::CivilSecond(2026, 11, 21, 12), absl::UTCTimeZone());
  const std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "OutsideWindow");
  view.policy.now = refusal->next_check;
  EXPECT_EQ(Decide(view), std::nullopt);
}

TEST(AdmissionTest, TheRateCountsInEveryMode) {
  Asked view = Admitted();
  view.policy.limits.rate = crds::RateLimit{.count = 1, .within = absl::Minutes(10)};
  EXPECT_EQ(Decide(view), std::nullopt);
  view.created = {view.policy.now - absl::Minutes(1)};
  const std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "RateLimited");
  EXPECT_EQ(refusal->next_check, view.policy.now + absl::Minutes(9));
  view.policy.mode = crds::Mode::kObserve;
  EXPECT_EQ(NameOf(Decide(view)), "RateLimited");
}

TEST(AdmissionTest, ObserveIsBounded) {
  std::vector<absl::Time> made;
  for (int i = 0; i < kObservedPerMinute; ++i) made.push_back(At(6) - absl::Seconds(50 - i));
  Asked view = Admitted();
  view.created = made;
  EXPECT_EQ(Decide(view), std::nullopt) << "a bound of mode Observe only";
  view.policy.mode = crds::Mode::kObserve;
  std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "RateLimited");
  EXPECT_EQ(refusal->next_check, At(6) + absl::Seconds(10)) << "when the oldest is a minute old";
  view.policy.now = refusal->next_check;
  EXPECT_EQ(Decide(view), std::nullopt);

  made.assign(kObservedLive, At(1));
  view.created = made;
  EXPECT_EQ(MessageOf(Decide(view)),
            "there are 200 Remediations of this policy; in mode Observe at most 200 are kept");
  made.pop_back();
  view.created = made;
  EXPECT_EQ(Decide(view), std::nullopt);
}

}  // namespace
}  // namespace kr::limits
