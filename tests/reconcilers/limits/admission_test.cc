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

// A sick calico-node with nothing in the way.
AdmissionView Admitted() {
  AdmissionView view;
  view.now = At(6);
  view.generation = 5;
  view.named_namespaces = kKubeSystem;
  view.selected = 100;
  view.target.ref = Calico();
  view.sick_since = At(5, 50);
  view.breaker.Observe(Breaker::Counts{1, 100}, {}, At(5));
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
  std::function<void(AdmissionView&)> put;
};

// In the order in which Decide has to name them.
const std::vector<Obstacle>& Obstacles() {
  static const std::vector<Obstacle> obstacles = {
      {"Paused", [](AdmissionView& v) { v.paused = true; }},
      {"StaleView", [](AdmissionView& v) { v.stale = "the watch of pods is down"; }},
      {"SymptomUnknown", [](AdmissionView& v) { v.unknown = "no such key: spec"; }},
      {"Protected", [](AdmissionView& v) { v.target.exclude_label = "true"; }},
      {"BreakerOpen",
       [](AdmissionView& v) {
         v.breaker.Observe(Breaker::Counts{50, 100}, {}, At(6));
       }},
      {"Contended",
       [](AdmissionView& v) {
         if (!v.memory) v.memory = Failed(0, At(5), At(5));
         v.memory->contended = crds::Contended{.count = 2, .manager = "argocd"};
       }},
      {"Exhausted",
       [](AdmissionView& v) {
         if (!v.memory) v.memory = Failed(3, At(5), At(5));
         v.memory->ledger.failures = 3;
         v.memory->ledger.exhausted = true;
       }},
      {"CoolingDown",
       [](AdmissionView& v) {
         if (!v.memory) v.memory = Failed(1, At(5), At(7));
         v.memory->ledger.cooldown_until = At(7);
       }},
      {"TargetBusy",
       [](AdmissionView& v) {
         v.busy = BusyWith{"rem-z", "reboot"};
       }},
      {"MaxConcurrent", [](AdmissionView& v) { v.holders = kHolders; }},
  };
  return obstacles;
}

TEST(AdmissionTest, ASickTargetWithNothingInTheWayIsAdmitted) {
  EXPECT_EQ(Decide(Admitted()), std::nullopt);
}

TEST(AdmissionTest, EachObstacleAloneRefuses) {
  for (const Obstacle& obstacle : Obstacles()) {
    SCOPED_TRACE(obstacle.reason);
    AdmissionView view = Admitted();
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
      AdmissionView view = Admitted();
      obstacles[first].put(view);
      obstacles[second].put(view);
      EXPECT_EQ(NameOf(Decide(view)), obstacles[first].reason);
    }
  }
}

TEST(AdmissionTest, MessagesSayWhoAndWhen) {
  struct Case {
    const char* name;
    std::function<void(AdmissionView&)> put;
    std::string message;
    absl::Time next_check = absl::InfiniteFuture();
  };
  const Case cases[] = {
      {"paused", [](AdmissionView& v) { v.paused = true; }, "the policy is paused (spec.paused)"},
      {"globally paused", [](AdmissionView& v) { v.paused = v.globally_paused = true; },
       "the operator is paused"},
      {"stale",
       [](AdmissionView& v) {
         v.stale = "the watch of pods is down since 05:59";
         v.stale_until = At(6, 1);
       },
       "the watch of pods is down since 05:59", At(6, 1)},
      {"busy",
       [](AdmissionView& v) {
         v.busy = BusyWith{"rem-z", "reboot"};
       },
       "DaemonSet kube-system/calico-node is being remediated by policy reboot (Remediation "
       "rem-z)"},
      {"cooling down", [](AdmissionView& v) { v.memory = Failed(1, At(5), At(7)); },
       "the last remediation ended not long ago, the next may start at 2026-01-02T07:00:00Z "
       "(1 failure so far)",
       At(7)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    AdmissionView view = Admitted();
    c.put(view);
    std::optional<Refusal> refusal = Decide(view);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->message, c.message);
    EXPECT_EQ(refusal->next_check, c.next_check);
  }
}

TEST(AdmissionTest, ARevertedChangeIsAppliedAgainOnceWithoutACooldown) {
  AdmissionView view = Admitted();
  view.memory = Failed(0, At(5), At(7));
  view.memory->outcome = crds::Phase::kSucceeded;
  view.memory->contended = crds::Contended{.count = 1, .manager = "argocd"};
  EXPECT_EQ(NameOf(Decide(view)), "CoolingDown");
  view.reverted = true;
  EXPECT_EQ(Decide(view), std::nullopt);
  view.memory->contended->count = 2;
  EXPECT_EQ(NameOf(Decide(view)), "Contended");
}

TEST(AdmissionTest, AChangedPolicyIsAnotherChance) {
  AdmissionView view = Admitted();
  view.memory = Failed(3, At(5), At(7));
  view.memory->contended = crds::Contended{.count = 2, .manager = "argocd"};
  view.generation = 6;
  EXPECT_EQ(Decide(view), std::nullopt) << "at once: somebody is waiting for it";
  view.memory->outcome = crds::Phase::kSucceeded;
  EXPECT_EQ(NameOf(Decide(view)), "CoolingDown") << "but a cure is left in peace";
}

TEST(AdmissionTest, ATryOfTheHalfOpenBreakerIsOneAtATime) {
  AdmissionView view = Admitted();
  view.limits.max_concurrent = crds::IntOrPercent::Count(10);
  view.breaker.Observe(Breaker::Counts{50, 100}, {}, At(5));
  view.breaker.Observe(Breaker::Counts{2, 100}, {}, At(5));
  view.breaker.Observe(Breaker::Counts{2, 100}, {}, At(6));
  EXPECT_EQ(Decide(view), std::nullopt);
  view.holders = kHolders;
  EXPECT_EQ(NameOf(Decide(view)), "BreakerOpen");
}

TEST(AdmissionTest, OutsideItsWindowsNothingBegins) {
  const auto window = Window::Parse({"0 0 * * *", absl::Hours(1)});
  ASSERT_TRUE(window.ok()) << window.status();
  const std::vector<Window> windows{*window};
  AdmissionView view = Admitted();
  view.windows = windows;
  view.now = absl::FromCivil(absl::CivilSecond(2026, 11, 21, 12), absl::UTCTimeZone());
  const std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "OutsideWindow");
  view.now = refusal->next_check;
  EXPECT_EQ(Decide(view), std::nullopt);
}

TEST(AdmissionTest, TheRateCountsInEveryMode) {
  AdmissionView view = Admitted();
  view.limits.rate = crds::RateLimit{.count = 1, .within = absl::Minutes(10)};
  EXPECT_EQ(Decide(view), std::nullopt);
  view.created = {view.now - absl::Minutes(1)};
  const std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "RateLimited");
  EXPECT_EQ(refusal->next_check, view.now + absl::Minutes(9));
  view.mode = crds::Mode::kObserve;
  EXPECT_EQ(NameOf(Decide(view)), "RateLimited");
}

TEST(AdmissionTest, ObserveIsBounded) {
  std::vector<absl::Time> made;
  for (int i = 0; i < kObservedPerMinute; ++i) made.push_back(At(6) - absl::Seconds(50 - i));
  AdmissionView view = Admitted();
  view.created = made;
  EXPECT_EQ(Decide(view), std::nullopt) << "a bound of mode Observe only";
  view.mode = crds::Mode::kObserve;
  std::optional<Refusal> refusal = Decide(view);
  EXPECT_EQ(NameOf(refusal), "RateLimited");
  EXPECT_EQ(refusal->next_check, At(6) + absl::Seconds(10)) << "when the oldest is a minute old";
  view.now = refusal->next_check;
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
