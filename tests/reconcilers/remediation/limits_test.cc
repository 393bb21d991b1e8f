// What stops the controller from acting, and that it says so.
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/meta/time.h"
#include "tests/reconcilers/remediation/sick_sets.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Limits : public SickSets {
 protected:
  std::string Condition(const std::string& type, const std::string& field) {
    const json status = s.PolicyStatus();
    for (const json& condition : status["conditions"]) {
      if (condition["type"] == type) return condition[field];
    }
    return "absent";
  }
};

TEST_F(Limits, HalfOfAHundredSickAtOnceIsAStorm) {
  Sets(100);
  s.Policy(AnnotatedSpec());
  s.Start();
  for (int i = 0; i < 50; ++i) Sick(i);
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_TRUE(s.Remediations().empty());
  EXPECT_EQ(Condition("Blocked", "status"), "True");
  EXPECT_EQ(Condition("Blocked", "reason"), "BreakerOpen");
  EXPECT_THAT(Condition("Blocked", "message"), HasSubstr("50 of 100"));
  for (int i = 0; i < 50; ++i) Sick(i, false);
  s.Advance(absl::Minutes(11));
  EXPECT_EQ(Condition("Blocked", "status"), "False");
  EXPECT_EQ(s.Patches(), 0u);
  Sick(7);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
}

// The one try of a half-open breaker is under way when the process dies. Were the breaker open for
// the next process, the try could neither go on nor close it.
TEST_F(Limits, ARestartKeepsTheHalfOpenBreaker) {
  Sets(100);
  s.Policy(AnnotatedSpec());
  s.Start();
  for (int i = 0; i < 50; ++i) Sick(i);
  s.Advance(absl::Minutes(1));
  for (int i = 5; i < 50; ++i) Sick(i, false);
  s.api.fault = [](const FakeApi::Request& request) {
    const bool patch = request.target.find("/daemonsets/") != std::string::npos;
    return patch ? FakeApi::Fault::kLostBefore : FakeApi::Fault::kNone;
  };
  s.Advance(absl::Minutes(11));
  ASSERT_EQ(s.Remediations().size(), 1u);
  ASSERT_EQ(s.PolicyStatus()["breaker"]["state"], "HalfOpen");
  s.Crash();
  s.api.fault = nullptr;
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.PolicyStatus()["breaker"]["state"], "HalfOpen");
  EXPECT_THAT(s.Waiting(), HasSubstr("one remediation has to succeed before the next"));
  for (int i = 0; i < 5; ++i) Sick(i, false);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.PolicyStatus()["breaker"]["state"], "Closed") << "its success closes it";
}

TEST_F(Limits, BreakerTripsOnColdStart) {
  Sets(100);
  for (int i = 0; i < 50; ++i) Sick(i);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "annotated"},
          {"for", "0s"},
          {"match",
           {{{"name", "m"},
             {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}}}));
  s.Start();
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(Condition("Blocked", "reason"), "BreakerOpen");
}

TEST_F(Limits, SingleTargetDoesNotTripBreaker) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Limits, WhileForRunsTheTargetIsNamedWithTheTimeWhenItIsDue) {
  Sets(20);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "annotated"},
          {"for", "10m"},
          {"match",
           {{{"name", "m"},
             {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}}}));
  s.Start();
  const absl::Time begin = s.clock.Now();
  Sick(3);
  s.Advance(absl::Minutes(2));
  const json status = s.PolicyStatus();
  EXPECT_EQ(status["targets"]["unhealthy"], 1);
  EXPECT_EQ(status["targets"]["waiting"], 1);
  ASSERT_EQ(status["waiting"].size(), 1u) << status.dump(1);
  const json& waiting = status["waiting"][0];
  EXPECT_EQ(waiting["target"]["name"], "ds-3");
  EXPECT_EQ(waiting["reason"], "SymptomPending");
  EXPECT_EQ(waiting["message"], "trigger annotated holds, and has to for 10m without a break");
  const auto due = crds::ParseTime(waiting["nextCheck"].get<std::string>());
  ASSERT_TRUE(due.has_value());
  EXPECT_LE(absl::AbsDuration(*due - (begin + absl::Minutes(10))), absl::Seconds(2));
  EXPECT_EQ(status["waitingReasons"][0]["reason"], "SymptomPending");
  const size_t reports = s.api.writes().size();
  s.Advance(absl::Minutes(5));
  EXPECT_EQ(s.api.writes().size(), reports) << "it is said once";

  s.Advance(absl::Minutes(4));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Waiting(), "") << "it is being seen to";
}

TEST_F(Limits, OnlySoManyAtOnceAndTheOthersAreToldWhoHoldsTheSlots) {
  Sets(20);
  s.Policy(AnnotatedSpec({{"limits", {{"maxUnhealthy", "100%"}, {"maxConcurrent", 1}}}}));
  s.Start();
  for (int i = 0; i < 3; ++i) Sick(i);
  s.Advance(absl::Seconds(6));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting(), HasSubstr("MaxConcurrent"));
  EXPECT_THAT(s.Waiting(), HasSubstr("DaemonSet net/ds-0"));
}

TEST_F(Limits, ACooldownHoldsAndIsToldAndPruningKeepsIt) {
  s.options.prune_interval = absl::Seconds(1);
  Sets(2);
  s.Policy(AnnotatedSpec({{"history", {{"succeeded", 0}, {"failed", 0}, {"ttl", "1h"}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(8));
  Sick(0, false);
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Phase(), "Succeeded");
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 1u) << "the newest is the lineage's memory";
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown"));
  s.Restart();
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown")) << "also for the next process";
}

// Only who sets our change back is answered at once; an object that was made again is a new start.
TEST_F(Limits, AnObjectThatIsMadeAgainKeepsItsCooldown) {
  Sets(2);
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(8));
  Sick(0, false);
  s.Advance(absl::Seconds(20));
  ASSERT_EQ(s.Phase(), "Succeeded");
  s.server.Delete("daemonsets", "net", "ds-0");
  s.Advance(absl::Seconds(1));
  s.DaemonSet("ds-0");
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting(), HasSubstr("CoolingDown"));
}

// It is 03:04 UTC when the simulation begins.
TEST_F(Limits, OutsideItsWindowAPolicyWaitsForTheNextAndSaysWhen) {
  Sets(1);
  s.Policy(AnnotatedSpec(
      {{"limits", {{"windows", {{{"schedule", "30 3 * * *"}, {"duration", "10m"}}}}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("OutsideWindow: the next window (30 3 * * * UTC, for 10m) "
                                     "opens at 2026-01-02T03:30:00Z"));
  s.Advance(absl::Minutes(27));
  EXPECT_EQ(s.Patches(), 1u) << "nothing but time has passed";
}

TEST_F(Limits, ARungThatHasNotWrittenWaitsForAWindowOneThatHasGoesOn) {
  Sets(1);
  s.Policy(AnnotatedSpec(
      {{"limits", {{"windows", {{{"schedule", "0 3 * * *"}, {"duration", "6m"}}}}}},
       {"remedies",
        {{{"name", "slow"},
          {"steps",
           {{{"patch", {{"patch", {{"metadata", {{"labels", {{"step-1", "done"}}}}}}}}}},
            {{"waitFor", {{"expression", "false"}, {"timeout", "3m"}}}, {"onFailure", "Continue"}},
            {{"patch", {{"patch", {{"metadata", {{"labels", {{"step-2", "done"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "false"}}}},
          {"cureWithin", "1m"}},
         {{"name", "next"},
          {"steps", {{{"patch", {{"patch", {{"metadata", {{"labels", {{"step-3", "done"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Minutes(4));
  const auto done = [&](const char* step) {
    return s.Get("daemonsets", "net/ds-0")["metadata"]["labels"].contains(step);
  };
  EXPECT_TRUE(done("step-2")) << "the window closed at 03:06, in mid-rung";
  s.Advance(absl::Minutes(10));
  EXPECT_FALSE(done("step-3")) << "the next rung begins in a window only";
  EXPECT_EQ(s.Reason(), "OutsideWindow");
  s.Advance(absl::Hours(24));
  EXPECT_TRUE(done("step-3"));
}

TEST_F(Limits, NoMoreBeginWithinASpanThanTheRateSays) {
  Sets(3);
  s.Policy(AnnotatedSpec({{"limits",
                           {{"maxUnhealthy", "100%"},
                            {"maxConcurrent", 3},
                            {"rate", {{"count", 2}, {"within", "30m"}}}}}}));
  s.Start();
  for (int i = 0; i < 3; ++i) Sick(i);
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Remediations().size(), 2u);
  EXPECT_THAT(s.Waiting(), HasSubstr("RateLimited: the policy may begin 2 within 30m; the next one "
                                     "at 2026-01-02T03:34:"));
  s.Restart();
  s.Advance(absl::Minutes(28));
  EXPECT_EQ(s.Remediations().size(), 2u) << "a restart forgets nothing";
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Remediations().size(), 3u);
}

TEST_F(Limits, APolicyThatFoundItsTargetBusyGoesOnWhenTheOtherHasEnded) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Policy(AnnotatedSpec(
               {{"triggers",
                 {{{"name", "later"},
                   {"for", "6s"},
                   {"match",
                    {{{"name", "m"},
                      {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
                {"remedies", {{{"name", "tell"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}}}),
           "other");
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(8));
  EXPECT_THAT(s.Waiting("other"), HasSubstr("TargetBusy: DaemonSet net/ds-0 is being remediated by "
                                            "policy policy (Remediation "));
  const std::string name = s.Remediations()[0]["metadata"]["name"];
  s.Edit("remediations", "/" + name, {{"spec", {{"cancel", true}}}});
  s.Advance(absl::Seconds(1));
  EXPECT_EQ(s.Remediations().size(), 2u);
  EXPECT_THAT(s.Waiting("other"), Not(HasSubstr("TargetBusy")));
}

TEST_F(Limits, OfTwoPoliciesThatFindAnObjectSickAtOnceOneActs) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Policy(AnnotatedSpec(), "other");
  s.Start();
  s.api.latency = absl::Milliseconds(5);
  Sick(0);
  s.Advance(absl::Milliseconds(5100));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_THAT(s.Waiting() + s.Waiting("other"), HasSubstr("TargetBusy"));
}

TEST_F(Limits, PausedPolicyWaitsAndSaysSo) {
  Sets(2);
  s.Policy(AnnotatedSpec({{"paused", true}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("Paused"));
  s.Policy(AnnotatedSpec());
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u);
}

TEST_F(Limits, AnExcludedObjectIsProtected) {
  Sets(2);
  s.Edit("daemonsets", "net/ds-0",
         {{"metadata", {{"labels", {{"kube-remedy.io/exclude", "true"}}}}}});
  s.Policy(AnnotatedSpec());
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("Protected"));
}

TEST_F(Limits, UnknownSymptomIsToldAndNotActedUpon) {
  Sets(2);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "t"},
          {"match", {{{"name", "m"}, {"expression", "object.spec.absent.deeper == 1"}}}}}}},
       {"limits", {{"maxUnhealthy", "100%"}}}}));
  s.Start();
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Remediations().size(), 0u);
  EXPECT_THAT(s.Waiting(), HasSubstr("SymptomUnknown"));
}

TEST_F(Limits, NobodyWaitsForAPolicyThatIsNotUnderstoodAnyMore) {
  Sets(1);
  s.Policy(AnnotatedSpec({{"paused", true}}));
  s.Start();
  Sick(0);
  s.Advance(absl::Seconds(10));
  EXPECT_THAT(s.Waiting(), HasSubstr("Paused"));
  s.Policy(
      AnnotatedSpec({{"paused", true}, {"variables", {{{"name", "v"}, {"expression", "("}}}}}));
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(Condition("Accepted", "status"), "False");
  EXPECT_EQ(s.Waiting(), "");
  EXPECT_EQ(s.PolicyStatus()["targets"].value("waiting", 0), 0);
}

TEST_F(Limits, AWriteWaitsWhileItsPolicyIsPausedInMidRun) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  bool paused = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/daemonsets/") == std::string::npos || paused) {
      return FakeApi::Fault::kNone;
    }
    // The intent is written down; before the write goes out the policy is paused.
    paused = true;
    json policy = s.Get("remediationpolicies", "/policy");
    policy["spec"]["paused"] = true;
    policy["metadata"]["generation"] = 7;
    s.server.Put("remediationpolicies", policy);
    return FakeApi::Fault::kNotSent;
  };
  s.Start();
  Sick(0);
  s.Advance(absl::Minutes(1));
  EXPECT_EQ(s.Remediations().size(), 1u);
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(s.Reason(), "Paused");
}

// The first of so many targets is marked; GoOn lets it be marked again.
class MidRun : public Limits {
 protected:
  void BeginTwoWrites(int sets) {
    Sets(sets);
    s.Policy(AnnotatedSpec(
        {{"remedies",
          {{{"name", "two"},
            {"steps",
             {{{"patch", {{"patch", {{"metadata", {{"labels", {{"first", "done"}}}}}}}}}},
              {{"waitFor",
                {{"expression", "object.metadata.annotations.?go.hasValue()"},
                 {"timeout", "10m"}}}},
              {{"patch", {{"patch", {{"metadata", {{"labels", {{"second", "done"}}}}}}}}}}}},
            {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
    s.Start();
    Sick(0);
    s.Advance(absl::Seconds(8));
    ASSERT_EQ(s.Patches(), 1u);
  }
  void GoOn() {
    s.Edit("daemonsets", "net/ds-0", {{"metadata", {{"annotations", {{"go", "yes"}}}}}});
    s.Advance(absl::Seconds(8));
  }
};

TEST_F(MidRun, AnObjectThatIsExcludedInMidRunIsNotWrittenToAgain) {
  ASSERT_NO_FATAL_FAILURE(BeginTwoWrites(1));
  s.Edit("daemonsets", "net/ds-0",
         {{"metadata", {{"labels", {{"kube-remedy.io/exclude", "true"}}}}}});
  GoOn();
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Reason(), "Protected");
}

TEST_F(MidRun, AStormInMidRunStopsTheNextWrite) {
  ASSERT_NO_FATAL_FAILURE(BeginTwoWrites(10));
  for (int i = 1; i < 6; ++i) Sick(i);
  s.Advance(absl::Seconds(1));
  GoOn();
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Reason(), "BreakerOpen");
}

TEST_F(Limits, ASecondWriteWaitsUntilTheCacheKnowsWhatTheFirstDid) {
  Sets(1);
  s.Policy(AnnotatedSpec(
      {{"remedies",
        {{{"name", "two"},
          {"steps",
           {{{"patch", {{"patch", {{"metadata", {{"annotations", {{"sick", nullptr}}}}}}}}}},
            {{"patch", {{"patch", {{"metadata", {{"labels", {{"second", "done"}}}}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "true"}}}}}}}}));
  s.Start();
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/daemonsets/") != std::string::npos) s.watches_silent = true;
    return FakeApi::Fault::kNone;
  };
  Sick(0);
  s.Advance(absl::Seconds(10));
  ASSERT_TRUE(s.watches_silent);
  EXPECT_EQ(s.Patches(), 1u) << "in the cache the symptom still holds";
  s.watches_silent = false;
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 1u) << "the first write was the cure";
  EXPECT_EQ(s.Phase(), "Succeeded");
}

TEST_F(Limits, ThatTheCacheIsBehindIsWrittenDownWhenItStaysSo) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  s.api.fault = [&](const FakeApi::Request& request) {
    if (request.target.find("/daemonsets/") != std::string::npos) s.watches_silent = true;
    return FakeApi::Fault::kNone;
  };
  Sick(0);
  for (int i = 0; i < 100 && !s.watches_silent; ++i) s.Advance(absl::Milliseconds(100));
  ASSERT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Phase(), "Running") << "what it says in a moment is worth a write";
  s.Advance(s.options.timing.recheck);
  EXPECT_EQ(s.Phase(), "Verifying");
  EXPECT_THAT(s.Remediations().back()["status"]["message"].get<std::string>(),
              HasSubstr("waiting for the cache"));
}

// More become sick than are evaluated in one go.
TEST_F(Limits, AStormWithoutForIsCountedBeforeTheFirstIsAdmitted) {
  Sets(300);
  s.Policy(AnnotatedSpec(
      {{"triggers",
        {{{"name", "annotated"},
          {"for", "0s"},
          {"match",
           {{{"name", "m"},
             {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}}}));
  s.Start();
  for (int i = 0; i < 150; ++i) Sick(i);
  s.Advance(absl::Seconds(10));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(Condition("Blocked", "status"), "True");
}

TEST_F(Limits, TargetsThatAreBeingRemediatedCountForTheBreaker) {
  Sets(10);
  s.Policy(AnnotatedSpec({{"limits", {{"maxUnhealthy", "30%"}, {"maxConcurrent", 10}}},
                          {"recovery", {{"stableFor", "2m"}}}}));
  s.Start();
  for (int i = 0; i < 3; ++i) Sick(i);
  s.Advance(absl::Seconds(8));
  ASSERT_EQ(s.Patches(), 3u);
  for (int i = 0; i < 3; ++i) Sick(i, false);
  Sick(3);
  s.Advance(absl::Seconds(8));
  EXPECT_EQ(s.Patches(), 3u) << "three are not known to be well yet";
  EXPECT_THAT(s.Waiting(), HasSubstr("BreakerOpen"));
}

TEST_F(Limits, AnObjectThatWasMadeAgainJustBeforeTheWriteIsNotWrittenTo) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  bool replaced = false;
  s.api.refuse_read = [&](const std::string& target) {
    if (target.find("daemonsets/ds-0") != std::string::npos && !std::exchange(replaced, true)) {
      s.server.Delete("daemonsets", "net", "ds-0");
      s.DaemonSet("ds-0");
    }
    return 0;
  };
  Sick(0);
  s.Advance(absl::Seconds(8));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(s.Patches(), 0u);
  ASSERT_EQ(s.Remediations().size(), 1u) << "not again and again until the cache has seen it";
  EXPECT_EQ(s.Reason(), "TargetGone");
}

TEST_F(Limits, AnObjectThatChangedJustBeforeTheWriteIsLookedAtAgain) {
  Sets(1);
  s.Policy(AnnotatedSpec());
  s.Start();
  bool changed = false;
  s.api.refuse_read = [&](const std::string& target) {
    if (target.find("daemonsets/ds-0") != std::string::npos && !std::exchange(changed, true)) {
      json containers = s.Get("daemonsets", "net/ds-0")["spec"]["template"]["spec"]["containers"];
      containers[0]["env"].push_back({{"name", "OTHER"}, {"value", "1"}});
      s.Edit("daemonsets", "net/ds-0",
             {{"spec", {{"template", {{"spec", {{"containers", containers}}}}}}}});
    }
    return 0;
  };
  Sick(0);
  s.Advance(absl::Seconds(8));
  EXPECT_EQ(s.api.reads["daemonsets"], 2) << "the cache has to know it before anything is judged";
  EXPECT_EQ(s.Patches(), 1u);
}

}  // namespace
}  // namespace kr::remediation
