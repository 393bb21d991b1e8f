#include "reconcilers/limits/memory.h"

#include <gtest/gtest.h>

#include "reconcilers/limits/cooldown.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using crds::Phase;

const Settings kSettings;
constexpr int64_t kGeneration = 5;

struct MemoryCase {
  const char* name;
  Phase outcome = Phase::kFailed;
  int64_t failures = 0;
  bool exhausted = false;
  absl::Duration last_sick;       // after the end; 0 = not seen sick since
  absl::Duration observed_since;  // after the end; negative = since long before
  absl::Duration sick_again;      // after the end
  int64_t generation = kGeneration;
  int64_t want_failures = 0;
  bool want_exhausted = false;
};

constexpr absl::Duration kNone = absl::ZeroDuration();
constexpr absl::Duration kBefore = absl::Hours(-100);
constexpr absl::Duration kHour = absl::Hours(1);

TEST(MemoryTest, WhatANewEpisodeStartsWith) {
  const MemoryCase cases[] = {
      {"a failure is remembered", Phase::kFailed, 1, false, kNone, kBefore, kHour, kGeneration, 1,
       false},
      {"the same symptom soon after a success makes it a failure", Phase::kSucceeded, 0, false,
       kNone, kBefore, kHour, kGeneration, 1, false},
      {"a relapse within the last second of the day", Phase::kSucceeded, 0, false, kNone, kBefore,
       24 * kHour - absl::Seconds(1), kGeneration, 1, false},
      {"a success that lasted a day starts clean", Phase::kSucceeded, 2, false, kNone, kBefore,
       24 * kHour, kGeneration, 0, false},
      {"the third relapse exhausts", Phase::kSucceeded, 2, false, kNone, kBefore, kHour,
       kGeneration, 3, true},
      {"refused as a relapse, sick again next day: never healthy for a day", Phase::kSucceeded, 2,
       false, 20 * kHour, kBefore, 30 * kHour, kGeneration, 3, true},
      {"a restart does not turn an old success into a relapse", Phase::kSucceeded, 0, false, kNone,
       72 * kHour, 73 * kHour, kGeneration, 0, false},
      {"exhausted stays", Phase::kFailed, 3, true, kNone, kBefore, 3 * kHour, kGeneration, 3, true},
      {"exhausted ends after a healthy day", Phase::kFailed, 3, true, 2 * kHour, kBefore,
       26 * kHour, kGeneration, 0, false},
      {"exhausted and sick all the time", Phase::kFailed, 3, true, 40 * kHour, kBefore, 41 * kHour,
       kGeneration, 3, true},
      {"nothing is known of the time before a restart", Phase::kFailed, 3, true, kNone, 40 * kHour,
       41 * kHour, kGeneration, 3, true},
      {"a healthy day since the restart", Phase::kFailed, 3, true, kNone, 2 * kHour, 26 * kHour,
       kGeneration, 0, false},
      {"the policy was changed", Phase::kFailed, 3, true, kNone, kBefore, kHour, kGeneration + 1, 0,
       false},
      {"a relapse under a changed policy counts for nothing", Phase::kSucceeded, 2, false, kNone,
       kBefore, kHour, kGeneration + 1, 0, false},
      {"cancelled keeps what was there", Phase::kCancelled, 2, false, kNone, kBefore, kHour,
       kGeneration, 2, false},
      {"a report is no failure", Phase::kReported, 0, false, kNone, kBefore, kHour, kGeneration, 0,
       false},
  };
  for (const MemoryCase& c : cases) {
    SCOPED_TRACE(c.name);
    LineageMemory memory;
    memory.ledger = {
        .n = 7, .failures = c.failures, .cooldown_until = At(5), .exhausted = c.exhausted};
    memory.outcome = c.outcome;
    memory.finished_at = At(3);
    memory.policy_generation = kGeneration;
    if (c.last_sick > kNone) memory.last_sick = At(3) + c.last_sick;
    memory.observed_since = At(3) + c.observed_since;

    Beginning beginning = Begin(memory, c.generation, At(3) + c.sick_again, kSettings);
    EXPECT_EQ(beginning.ledger.n, 8);
    EXPECT_EQ(beginning.ledger.failures, c.want_failures);
    EXPECT_EQ(beginning.ledger.exhausted, c.want_exhausted);
    const bool repaired = c.generation != kGeneration && c.outcome != Phase::kSucceeded;
    EXPECT_EQ(beginning.ledger.cooldown_until.has_value(), !repaired);
    if (!repaired) {
      EXPECT_EQ(beginning.ledger.cooldown_until, At(5)) << "never shortened";
    }
  }
}

TEST(MemoryTest, TheFirstOfALineage) {
  Beginning beginning = Begin(std::nullopt, kGeneration, At(3), kSettings);
  EXPECT_EQ(beginning.ledger, (crds::Ledger{.n = 1}));
  EXPECT_EQ(beginning.contended, std::nullopt);
}

TEST(MemoryTest, ADisputeLastsUntilThePolicyChanges) {
  LineageMemory memory;
  memory.policy_generation = kGeneration;
  memory.outcome = Phase::kSucceeded;
  memory.finished_at = At(3);
  memory.contended = crds::Contended{.count = 2, .manager = "argocd"};
  absl::Time later = At(3) + absl::Hours(1000);
  EXPECT_TRUE(IsDisputed(Begin(memory, kGeneration, later, kSettings).contended));
  EXPECT_FALSE(Begin(memory, kGeneration + 1, later, kSettings).contended);
}

crds::Remediation Finished() {
  crds::Remediation remediation;
  remediation.metadata.name = "p-t-0123456789abcdef-12";
  remediation.status.ledger = crds::Ledger{.n = 12, .failures = 1};
  remediation.status.phase = Phase::kFailed;
  remediation.status.finished_at = At(3);
  remediation.status.policy_generation = kGeneration;
  return remediation;
}

TEST(MemoryTest, ComesFromTheNewestRemediation) {
  LineageMemory memory = Remember(Finished(), At(2));
  EXPECT_EQ(memory.ledger, (crds::Ledger{.n = 12, .failures = 1}));
  EXPECT_EQ(memory.outcome, Phase::kFailed);
  EXPECT_EQ(memory.finished_at, At(3));
  EXPECT_EQ(memory.policy_generation, kGeneration);
  EXPECT_EQ(memory.observed_since, At(2));

  crds::Remediation open = Finished();
  open.status.phase = Phase::kHolding;
  EXPECT_EQ(Remember(open, At(2)).outcome, std::nullopt);
}

TEST(MemoryTest, ANameIsEnoughToCountOn) {
  crds::Remediation unwritten;
  unwritten.metadata.name = "p-t-0123456789abcdef-12";
  EXPECT_EQ(Remember(unwritten, At(2)).ledger.n, 12);
  for (const char* odd : {"by-hand", "x-", "x-12a", "x-99999999999999999999", ""}) {
    unwritten.metadata.name = odd;
    EXPECT_EQ(Remember(unwritten, At(2)).ledger.n, 0) << odd;
  }
}

// The story of a target that no remedy helps, and of one whose cure does not last: both end in
// Exhausted with the third.
TEST(MemoryTest, ThreeTimesInARowIsExhausted) {
  for (Phase outcome : {Phase::kFailed, Phase::kSucceeded}) {
    SCOPED_TRACE(crds::ToString(outcome));
    std::optional<LineageMemory> memory;
    absl::Time now = At(3);
    for (int episode = 1; episode <= 3; ++episode) {
      Beginning beginning = Begin(memory, kGeneration, now, kSettings);
      ASSERT_EQ(beginning.ledger.n, episode);
      ASSERT_FALSE(beginning.ledger.exhausted);
      memory.emplace();
      memory->ledger = Finish(beginning.ledger, outcome, true, kHour, kSettings, now);
      memory->outcome = outcome;
      memory->finished_at = now;
      memory->policy_generation = kGeneration;
      memory->observed_since = absl::InfinitePast();
      now += 3 * kHour;
    }
    EXPECT_TRUE(Begin(memory, kGeneration, now, kSettings).ledger.exhausted);
  }
}

}  // namespace
}  // namespace kr::limits
