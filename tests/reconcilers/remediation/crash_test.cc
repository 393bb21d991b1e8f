// kill -9 around every write, with the answer lost, throttled, or refused by the permit: the end is
// the same, nothing is done twice.
#include <gtest/gtest.h>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {
namespace {

using Fault = FakeApi::Fault;
using nlohmann::json;

struct Outcome {
  std::string phase;
  size_t patches = 0;
  size_t remediations = 0;
  std::string health_host;
  size_t writes_seen = 0;  // asked for, status of policies left out
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.phase == b.phase && a.patches == b.patches && a.remediations == b.remediations &&
           a.health_host == b.health_host;
  }
};

bool OfPolicy(const FakeApi::Request& request) {
  return request.target.find("/remediationpolicies/") != std::string::npos;
}

// Runs the story; the `nth` write (from 1) meets `fault`, and with `crash` the process dies there.
Outcome Play(size_t nth, Fault fault, bool crash) {
  Simulation s;
  s.DaemonSet("calico-node");
  s.Pod("calico-1", "calico-node");
  s.Policy(FelixSpec());
  Outcome outcome;
  bool crash_now = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (OfPolicy(request)) return Fault::kNone;
    if (++outcome.writes_seen != nth) return Fault::kNone;
    crash_now = crash;
    return fault;
  };
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  for (int i = 0; i < 400; ++i) {
    s.Advance(absl::Seconds(1));
    // The engine has at most taken the answer in: a crash right after it is tested by kNone.
    if (crash_now) s.Restart();
    crash_now = false;
    if (i == 30) s.RollOut("calico-node");
  }
  outcome.phase = s.Phase();
  outcome.patches = s.Patches();
  outcome.remediations = s.Remediations().size();
  outcome.health_host = s.HealthHost("calico-node");
  return outcome;
}

const Outcome kGood{"Succeeded", 1, 1, "127.0.0.1"};

TEST(Crash, CrashBetweenEveryIntentAndWrite) {
  const Outcome first = Play(0, Fault::kNone, false);
  ASSERT_EQ(first, kGood);
  ASSERT_GE(first.writes_seen, 5u);  // create, intent, patch, verifying, end
  for (size_t nth = 1; nth <= first.writes_seen; ++nth) {
    for (const Fault fault : {Fault::kLostBefore, Fault::kLostAfter, Fault::kNone}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      const Outcome outcome = Play(nth, fault, /*crash=*/true);
      EXPECT_EQ(outcome.phase, "Succeeded");
      EXPECT_EQ(outcome.patches, 1u);
      EXPECT_EQ(outcome.remediations, 1u);
      EXPECT_EQ(outcome.health_host, "127.0.0.1");
    }
  }
}

// The probes fail, and the patch never reaches the API server.
void FailWithThePatchLost(Simulation& s) {
  s.DaemonSet("calico-node");
  s.Pod("calico-1", "calico-node");
  s.Policy(FelixSpec());
  s.api.fault = [](const FakeApi::Request& request) {
    const bool patch = request.target.find("/daemonsets/") != std::string::npos;
    return patch ? Fault::kLostBefore : Fault::kNone;
  };
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Milliseconds(100));
}

TEST(Crash, AnOldIntentIsNotCarriedOutWhenTheSymptomIsGone) {
  Simulation s;
  FailWithThePatchLost(s);
  ASSERT_TRUE(s.Remediations().at(0)["status"].contains("intent"));
  s.Crash();
  s.Advance(absl::Minutes(20));  // the Events leave their window
  s.api.fault = nullptr;
  s.Start();
  s.Advance(absl::Minutes(30));
  EXPECT_EQ(s.Patches(), 0u);
  EXPECT_EQ(s.HealthHost("calico-node"), "");
}

// Without leader election, or with a Lease that was made anew, a process counts from a lower number
// than the journal that it finds. Somebody else's edit makes its first status a conflict.
TEST(Crash, TheJournalThatWasThereIsNoTakeover) {
  Simulation s;
  s.next_term = 7;
  FailWithThePatchLost(s);
  ASSERT_EQ(s.Remediations().at(0)["status"]["journal"]["leaseTransitions"], 7);
  s.Crash();
  s.next_term = 0;
  bool edited = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    if (edited || request.target.find("/remediations/") == std::string::npos) return Fault::kNone;
    edited = true;
    json remediation = s.Remediations().at(0);
    remediation["metadata"]["labels"]["seen-by"] = "somebody";
    s.server.Put("remediations", remediation);
    return Fault::kNone;
  };
  s.Start();
  s.Advance(absl::Seconds(10));
  ASSERT_TRUE(edited);
  EXPECT_EQ(s.Patches(), 1u);
  EXPECT_EQ(s.Remediations().at(0)["status"]["journal"]["leaseTransitions"], 0);
}

TEST(Crash, AHigherJournalThatAppearsIsATakeover) {
  Simulation s;
  s.DaemonSet("calico-node");
  s.Pod("calico-1", "calico-node");
  s.Policy(FelixSpec());
  bool replaced = false;
  s.api.fault = [&](const FakeApi::Request& request) {
    const bool intent = request.target.find("/remediations/") != std::string::npos &&
                        request.body.find("\"intent\"") != std::string::npos;
    if (!intent || replaced) return Fault::kNone;
    replaced = true;
    json remediation = s.Remediations().at(0);
    remediation["status"]["journal"] = {{"holder", "new"}, {"leaseTransitions", 9}, {"seq", 1}};
    s.server.Put("remediations", remediation);
    return Fault::kNone;
  };
  s.Start();
  for (const char* name : {"e1", "e2", "e3"}) s.Event("calico-1", name);
  s.Advance(absl::Milliseconds(100));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(s.Patches(), 0u) << "the other one leads now";
  s.Advance(absl::Minutes(2));
  EXPECT_EQ(s.Patches(), 1u) << "it does not after all";
}

TEST(Crash, ALostAnswerWithoutACrashIsSettledByReading) {
  const size_t writes = Play(0, Fault::kNone, false).writes_seen;
  for (size_t nth = 1; nth <= writes; ++nth) {
    for (const Fault fault :
         {Fault::kLostBefore, Fault::kLostAfter, Fault::kThrottled, Fault::kNotSent}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " fault " +
                   std::to_string(static_cast<int>(fault)));
      EXPECT_EQ(Play(nth, fault, /*crash=*/false), kGood);
    }
  }
}

}  // namespace
}  // namespace kr::remediation
